#pragma once

#include <cstdint>
#include <optional>

#include "wzp/base/bytes.hpp"
#include "wzp/base/fingerprint.hpp"
#include "wzp/crypto/identity.hpp"

namespace wzp::crypto {

/// What the origin of a routed signal answers for. Signed are
///
///     "wzp-routed-v1" | origin (32) | target (32, zeros without) | route id (16) | attempt u32 | SHA-256 of the body
struct RoutedHeader {
  RelayFingerprint origin{};
  std::optional<RelayFingerprint> target{};
  ByteArray<16> route_id{};
  std::uint32_t attempt = 0;
};

/// Public key (32) | the signature (64) that stands in the certificate of that key. The certificate follows from them,
/// and with it the relay fingerprint that they belong to.
using RelayProof = ByteArray<96>;

/// A relay that signs with the key of its certificate what travels further than its own links.
class RelaySigner {
 public:
  explicit RelaySigner(const Seed& seed);

  [[nodiscard]] const RelayProof& proof() const noexcept { return proof_; }
  [[nodiscard]] Signature sign(const RoutedHeader& header, ByteView body) const;

 private:
  Identity key_;
  RelayProof proof_{};
};

/// Whether `proof` belongs to `header.origin` and `signature` is that relay's over header and body.
[[nodiscard]] bool verify_routed(const RoutedHeader& header, ByteView body, ByteView proof, ByteView signature);

}  // namespace wzp::crypto
