#pragma once

#include "wzp/base/bytes.hpp"
#include "wzp/base/fingerprint.hpp"
#include "wzp/base/secret.hpp"
#include "wzp/crypto/identity.hpp"

namespace wzp::crypto {

/// What TLS needs to show who this endpoint is.
struct Certificate {
  /// X.509 v3, self-signed with Ed25519.
  Bytes der;
  /// Its key: PKCS#8 version 1. Source: the form that wolfSSL loads; version 2 it does not.
  Secret<48> key_der;
};

/// The certificate of a relay: a function of its seed, byte for byte that of the reference (wire.md 1.4),
/// so that a relay keeps its fingerprint over restarts and when it moves to this program.
[[nodiscard]] Certificate relay_certificate(const Seed& seed);

/// A throw-away certificate by the same recipe, its key being `random` itself: for a client that accepts
/// direct connections. Whoever dials it identifies the other side by other means (crypto.md 8).
[[nodiscard]] Certificate ephemeral_certificate(const Secret<32>& random);

/// SHA-256 over the DER.
[[nodiscard]] RelayFingerprint relay_fingerprint(ByteView certificate_der);

/// Key of a relay's stateless-reset tokens: survives restarts, as they must (crypto.md 11).
[[nodiscard]] Secret<32> stateless_reset_key(const Seed& seed);

}  // namespace wzp::crypto
