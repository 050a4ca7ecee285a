#pragma once

#include <string>
#include <string_view>

#include "wzp/base/bytes.hpp"
#include "wzp/base/fingerprint.hpp"
#include "wzp/base/result.hpp"
#include "wzp/base/secret.hpp"

namespace wzp::crypto {

/// The 32 random bytes from which everything about a person or a relay is derived (wire.md 4.2).
using Seed = Secret<32>;
/// Ed25519 public key.
using IdentityKey = ByteArray<32>;
/// Ed25519 signature (RFC 8032, without prehash).
using Signature = ByteArray<64>;

/// A seed as files hold it: 64 hex digits of either case, white space around them ignored.
/// Errors: BadValue. The text itself is never part of the error.
[[nodiscard]] Result<Seed> parse_seed(std::string_view text);

/// The inverse, in lowercase and without a line end. The caller wipes the text when it is no longer needed.
[[nodiscard]] std::string seed_text(const Seed& seed);

/// Who somebody is: the first 16 bytes of SHA-256 over the key.
[[nodiscard]] Fingerprint fingerprint_of(const IdentityKey& key);

/// Whether every byte is zero: "no key" in messages, and never a key for us.
[[nodiscard]] bool all_zero(ByteView bytes) noexcept;

/// Whether `signature` is one of `key` over `message`. False as well for any length but 64, for S >= L
/// (a second form of a valid signature), and for the all-zero key.
[[nodiscard]] bool verify(const IdentityKey& key, ByteView message, ByteView signature);

/// An Ed25519 key pair. Signing needs no randomness: the same message always gives the same signature.
class Identity {
 public:
  /// The identity of a person or relay: its key is HKDF(seed, "warzone-ed25519").
  explicit Identity(const Seed& seed);
  /// The key pair of this Ed25519 secret itself, for certificates and other derived keys.
  [[nodiscard]] static Identity from_secret(const Secret<32>& secret);

  [[nodiscard]] const IdentityKey& public_key() const noexcept { return public_; }
  [[nodiscard]] Fingerprint fingerprint() const { return fingerprint_of(public_); }
  [[nodiscard]] Signature sign(ByteView message) const;

 private:
  struct FromSecret {};
  Identity(FromSecret, const Secret<32>& secret);

  Secret<32> secret_;
  IdentityKey public_{};
};

}  // namespace wzp::crypto
