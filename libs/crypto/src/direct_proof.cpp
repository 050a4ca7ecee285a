#include "wzp/crypto/direct_proof.hpp"

#include <array>

namespace wzp::crypto {

Digest direct_proof(const Secret<32>& direct_key, CallRole role, const ByteArray<32>& exporter) {
  const std::array<std::uint8_t, 1> role_byte{static_cast<std::uint8_t>(role)};
  return hmac_sha256(direct_key.view(), {bytes_of("wzp-direct-v1"), role_byte, exporter});
}

bool direct_proof_valid(const Secret<32>& direct_key, CallRole peer_role, const ByteArray<32>& exporter,
                        ByteView proof) {
  return equal_in_constant_time(direct_proof(direct_key, peer_role, exporter), proof);
}

}  // namespace wzp::crypto
