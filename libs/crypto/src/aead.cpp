#include "aead.hpp"

#include <algorithm>

#include <wolfssl/wolfcrypt/poly1305.h>

#include "wolf.hpp"

namespace wzp::crypto {

Aead::Aead(const Secret<32>& key) : chacha_{} {
  must(wc_Chacha_SetKey(&chacha_, key.view().data(), size32(key.view())));
}

void Aead::crypt(const ByteArray<12>& nonce, std::uint32_t block, ByteView in, std::uint8_t* out) {
  if (in.empty()) return;
  must(wc_Chacha_SetIV(&chacha_, nonce.data(), block));
  must(wc_Chacha_Process(&chacha_, out, in.data(), size32(in)));
}

ByteArray<Aead::kTag> Aead::tag(const ByteArray<12>& nonce, ByteView aad, ByteView ciphertext) {
  constexpr ByteArray<32> kZeros{};
  Secret<32> key;  // block 0 of the key stream; the packet begins with block 1
  crypt(nonce, 0, kZeros, key.fill().data());
  Poly1305 poly;
  ByteArray<kTag> out;
  must(wc_Poly1305SetKey(&poly, key.view().data(), size32(key.view())));
  must(wc_Poly1305_MAC(&poly, data_of(aad), size32(aad), data_of(ciphertext), size32(ciphertext), out.data(), kTag));
  wipe(&poly, sizeof poly);
  return out;
}

void Aead::seal(const ByteArray<12>& nonce, ByteView aad, ByteView plaintext, std::uint8_t* out) {
  crypt(nonce, 1, plaintext, out);
  const ByteArray<kTag> made = tag(nonce, aad, {out, plaintext.size()});
  std::copy(made.begin(), made.end(), out + plaintext.size());
}

bool Aead::open(const ByteArray<12>& nonce, ByteView aad, ByteView sealed, std::uint8_t* out) {
  const ByteView ciphertext = sealed.first(sealed.size() - kTag);
  if (!equal_in_constant_time(tag(nonce, aad, ciphertext), sealed.last(kTag))) return false;
  crypt(nonce, 1, ciphertext, out);
  return true;
}

}  // namespace wzp::crypto
