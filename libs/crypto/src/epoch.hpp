#pragma once

#include <cstdint>

#include "aead.hpp"
#include "wzp/base/secret.hpp"
#include "wzp/crypto/sealing.hpp"

namespace wzp::crypto {

/// chain[e + 1] from chain[e]; there is no way back.
[[nodiscard]] Secret<32> next_chain(const Secret<32>& chain);

[[nodiscard]] constexpr std::uint64_t epoch_of(std::uint64_t packet_number) noexcept {
  return packet_number / kPacketsPerEpoch;
}

/// Key and salt of one epoch and direction (crypto.md 4, 5).
struct Epoch {
  explicit Epoch(const Secret<32>& chain);

  /// salt XOR (00 00 00 00 | packet number as 8 bytes).
  [[nodiscard]] ByteArray<12> nonce(std::uint64_t packet_number) const;

  Aead aead;
  Secret<12> salt;
};

}  // namespace wzp::crypto
