#include "wzp/crypto/hash.hpp"

#include <algorithm>
#include <array>
#include <cassert>

#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/hmac.h>
#include <wolfssl/wolfcrypt/sha256.h>

#include "wolf.hpp"

namespace wzp::crypto {

Digest sha256(ByteView data) { return sha256_of({data}); }

Digest sha256_of(std::initializer_list<ByteView> parts) {
  wc_Sha256 hash;
  must(wc_InitSha256(&hash));
  for (const ByteView part : parts) must(wc_Sha256Update(&hash, data_of(part), size32(part)));
  Digest out;
  must(wc_Sha256Final(&hash, out.data()));
  wc_Sha256Free(&hash);
  return out;
}

Digest hmac_sha256(ByteView key, std::initializer_list<ByteView> parts) {
  Hmac mac;
  must(wc_HmacInit(&mac, nullptr, INVALID_DEVID));
  must(wc_HmacSetKey(&mac, WC_SHA256, data_of(key), size32(key)));
  for (const ByteView part : parts) must(wc_HmacUpdate(&mac, data_of(part), size32(part)));
  Digest out;
  must(wc_HmacFinal(&mac, out.data()));
  wc_HmacFree(&mac);
  wipe(&mac, sizeof mac);
  return out;
}

Secret<32> hkdf_extract(ByteView salt, ByteView ikm) {
  // An empty HMAC key is padded to the same block as 32 zero bytes, so "none" needs no case of its own.
  Digest prk = hmac_sha256(salt, {ikm});
  const Secret<32> out{prk};
  wipe(prk.data(), prk.size());
  return out;
}

void hkdf_expand(const Secret<32>& prk, std::string_view info, std::span<std::uint8_t> out) {
  assert(out.size() <= 255 * std::tuple_size_v<Digest>);
  // Not wolfCrypt's own, which leaves its last block, mostly a key, on the stack.
  Secret<32> block;
  std::array<std::uint8_t, 1> counter{0};
  while (!out.empty()) {
    const ByteView previous = counter[0]++ == 0 ? ByteView{} : block.view();
    Digest next = hmac_sha256(prk.view(), {previous, bytes_of(info), counter});
    block = Secret<32>{next};
    wipe(next.data(), next.size());
    const std::size_t size = std::min(out.size(), block.size());
    std::copy_n(block.view().begin(), size, out.begin());
    out = out.subspan(size);
  }
}

Secret<32> hkdf(ByteView ikm, std::string_view info) { return hkdf_expand<32>(hkdf_extract({}, ikm), info); }

}  // namespace wzp::crypto
