#include "wzp/crypto/identity.hpp"

#include <algorithm>

#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/ed25519.h>

#include "wolf.hpp"
#include "wzp/base/hex.hpp"
#include "wzp/crypto/hash.hpp"

namespace wzp::crypto {
namespace {

/// An ed25519_key for a scope; wolfCrypt wipes it at the end.
class EdKey {
 public:
  EdKey() { must(wc_ed25519_init(&key_)); }
  ~EdKey() { wc_ed25519_free(&key_); }
  EdKey(const EdKey&) = delete;
  EdKey& operator=(const EdKey&) = delete;
  ed25519_key* get() { return &key_; }

 private:
  ed25519_key key_;
};

int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\f\v";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

}  // namespace

Result<Seed> parse_seed(std::string_view text) {
  const std::string_view digits = trimmed(text);
  if (digits.size() != 2 * Seed::size())
    return Unexpected{Errc::BadValue,
                      "seed: need 64 hex digits, have " + std::to_string(digits.size()) + " characters"};
  Seed seed;  // digit by digit: no copy of it stays behind on the heap
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const int value = hex_value(digits[i]);
    if (value < 0) return Unexpected{Errc::BadValue, "seed: a character that is no hex digit"};
    std::uint8_t& out = seed.fill()[i / 2];
    out = static_cast<std::uint8_t>((out << 4) | value);
  }
  return seed;
}

std::string seed_text(const Seed& seed) { return to_hex(seed.view()); }

Fingerprint fingerprint_of(const IdentityKey& key) {
  const Digest digest = sha256(key);
  Fingerprint fp;
  std::copy_n(digest.begin(), fp.bytes.size(), fp.bytes.begin());
  return fp;
}

bool all_zero(ByteView bytes) noexcept {
  std::uint8_t any = 0;  // no early exit: shared secrets are asked too
  for (const std::uint8_t byte : bytes) any = static_cast<std::uint8_t>(any | byte);
  return any == 0;
}

bool verify(const IdentityKey& key, ByteView message, ByteView signature) {
  if (signature.size() != std::tuple_size_v<Signature> || all_zero(key)) return false;
  EdKey ed;
  if (wc_ed25519_import_public_ex(key.data(), size32(key), ed.get(), 0) != 0) return false;
  int good = 0;  // wolfCrypt itself refuses S >= L; a test holds it to that
  const int rc =
      wc_ed25519_verify_msg(signature.data(), size32(signature), data_of(message), size32(message), &good, ed.get());
  return rc == 0 && good == 1;
}

Identity::Identity(const Seed& seed) : Identity{FromSecret{}, hkdf(seed.view(), "warzone-ed25519")} {}

Identity Identity::from_secret(const Secret<32>& secret) { return Identity{FromSecret{}, secret}; }

Identity::Identity(FromSecret, const Secret<32>& secret) : secret_{secret} {
  EdKey ed;
  must(wc_ed25519_import_private_only(secret_.view().data(), size32(secret_.view()), ed.get()));
  must(wc_ed25519_make_public(ed.get(), public_.data(), size32(public_)));
}

Signature Identity::sign(ByteView message) const {
  EdKey ed;
  // "trusted": the public half was made from this secret, so wolfCrypt need not make it again.
  must(wc_ed25519_import_private_key_ex(secret_.view().data(), size32(secret_.view()), public_.data(), size32(public_),
                                        ed.get(), 1));
  Signature out;
  word32 size = static_cast<word32>(out.size());
  must(wc_ed25519_sign_msg(data_of(message), size32(message), out.data(), &size, ed.get()));
  return out;
}

}  // namespace wzp::crypto
