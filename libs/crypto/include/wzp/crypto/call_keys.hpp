#pragma once

#include <cstdint>
#include <string>

#include "wzp/base/bytes.hpp"
#include "wzp/base/result.hpp"
#include "wzp/base/secret.hpp"
#include "wzp/crypto/hash.hpp"

namespace wzp::crypto {

/// Role in the call, whoever dialled which connection.
enum class CallRole : std::uint8_t { Caller = 0, Callee = 1 };

[[nodiscard]] constexpr CallRole other(CallRole role) noexcept {
  return role == CallRole::Caller ? CallRole::Callee : CallRole::Caller;
}

/// X25519 public key, fresh per call and side.
using EphemeralPublic = ByteArray<32>;

/// One side's X25519 key pair of one call (RFC 7748). The secret is wiped with the object.
class EphemeralKey {
 public:
  /// From 32 fresh random bytes; they are clamped here.
  explicit EphemeralKey(const Secret<32>& random);

  [[nodiscard]] const EphemeralPublic& public_key() const noexcept { return public_; }

  /// The shared secret with `peer`. Errors: BadKey for the all-zero key, and for an all-zero result, which
  /// keys of low order give whatever our secret is.
  [[nodiscard]] Result<Secret<32>> agree(const EphemeralPublic& peer) const;

 private:
  Secret<32> secret_;
  EphemeralPublic public_{};
};

/// What both sides of a sealed call have in common (crypto.md 4), and nobody else.
struct CallKeys {
  Secret<32> chain_caller;  ///< seals what the caller sends
  Secret<32> chain_callee;  ///< seals what the callee sends
  Secret<32> direct_key;    ///< proves both ends of a direct connection
  std::uint32_t check = 0;  ///< see `check_code`

  [[nodiscard]] const Secret<32>& sending(CallRole own) const noexcept {
    return own == CallRole::Caller ? chain_caller : chain_callee;
  }
  [[nodiscard]] const Secret<32>& receiving(CallRole own) const noexcept { return sending(other(own)); }

  /// Four digits shown to both people. Equal on both sides only if the whole agreement is; it finds mix-ups,
  /// not a determined attacker (crypto.md 9).
  [[nodiscard]] std::string check_code() const;

  bool operator==(const CallKeys&) const = default;
};

/// The key schedule. `offer_hash` and `answer_hash` are SHA-256 over the signed bytes; the same on both
/// sides. Errors: BadKey, as `EphemeralKey::agree`.
[[nodiscard]] Result<CallKeys> derive_call_keys(const EphemeralKey& own, const EphemeralPublic& peer,
                                                const Digest& offer_hash, const Digest& answer_hash);

}  // namespace wzp::crypto
