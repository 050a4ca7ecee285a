#pragma once

#include "wzp/base/bytes.hpp"
#include "wzp/base/fingerprint.hpp"
#include "wzp/base/result.hpp"

namespace wzp::quic {

/// A certificate and its key. Both DER; the key is PKCS#8 version 1 (48 bytes for Ed25519) or SEC 1 (P-256).
/// The key is wiped when the value goes.
struct Credentials {
  Bytes certificate;
  Bytes key;

  Credentials() = default;
  Credentials(Bytes certificate_der, Bytes key_der);
  Credentials(const Credentials&) = default;
  Credentials(Credentials&&) noexcept = default;
  Credentials& operator=(const Credentials&) = default;
  Credentials& operator=(Credentials&&) noexcept = default;
  ~Credentials();

  [[nodiscard]] bool empty() const noexcept { return certificate.empty(); }
};

/// SHA-256 over the certificate.
[[nodiscard]] RelayFingerprint fingerprint_of(ByteView certificate_der);

/// A fresh ECDSA P-256 key with a self-signed certificate for "localhost": for programs without a seed, such as clients that
/// accept direct connections (wire.md 1.4). Errors: Internal.
[[nodiscard]] Result<Credentials> fresh_credentials();

}  // namespace wzp::quic
