#include "wzp/crypto/call_keys.hpp"

#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/curve25519.h>

#include "wolf.hpp"
#include "wzp/crypto/identity.hpp"

namespace wzp::crypto {

EphemeralKey::EphemeralKey(const Secret<32>& random) : secret_{random} {
  // Clamped first: wolfCrypt makes no public key from a secret that is not.
  secret_.fill().front() &= 248;
  secret_.fill().back() = static_cast<std::uint8_t>((secret_.fill().back() & 127) | 64);
  must(wc_curve25519_make_pub(CURVE25519_KEYSIZE, public_.data(), CURVE25519_KEYSIZE, secret_.view().data()));
}

Result<Secret<32>> EphemeralKey::agree(const EphemeralPublic& peer) const {
  if (all_zero(peer)) return Unexpected{Errc::BadKey, "ephemeral key: all zero"};
  EphemeralPublic point = peer;
  point.back() &= 127;  // RFC 7748 5: the top bit is ignored. wolfCrypt's assembler would not
  Secret<32> shared;
  must(wc_curve25519_generic(CURVE25519_KEYSIZE, shared.fill().data(), CURVE25519_KEYSIZE, secret_.view().data(),
                             CURVE25519_KEYSIZE, point.data()));
  // wolfCrypt returns the all-zero secret as success.
  if (all_zero(shared.view())) return Unexpected{Errc::BadKey, "ephemeral key: low order"};
  return shared;
}

std::string CallKeys::check_code() const {
  std::string digits = std::to_string(check % 10000);
  return std::string(4 - digits.size(), '0') + digits;
}

Result<CallKeys> derive_call_keys(const EphemeralKey& own, const EphemeralPublic& peer, const Digest& offer_hash,
                                  const Digest& answer_hash) {
  const auto shared = own.agree(peer);
  if (!shared) return shared.failure();
  const Digest transcript = sha256_of({bytes_of("wzp-call-v1"), offer_hash, answer_hash});
  const Secret<32> prk = hkdf_extract(transcript, shared->view());
  return CallKeys{hkdf_expand<32>(prk, "wzp-call-v1 caller"), hkdf_expand<32>(prk, "wzp-call-v1 callee"),
                  hkdf_expand<32>(prk, "wzp-call-v1 direct"),
                  load_be32(hkdf_expand<4>(prk, "wzp-call-v1 check").view().data())};
}

}  // namespace wzp::crypto
