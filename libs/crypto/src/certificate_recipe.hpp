#pragma once

#include "wzp/base/bytes.hpp"
#include "wzp/base/secret.hpp"
#include "wzp/crypto/identity.hpp"

// A relay's certificate is a function of its key, and all that is not known from the public half is one signature.

namespace wzp::crypto {

/// The secret of the certificate of the relay with this seed.
[[nodiscard]] Secret<32> relay_key(const Seed& seed);
/// The signature of the certificate of this key over itself.
[[nodiscard]] Signature certificate_signature(const Identity& key);
/// The whole certificate.
[[nodiscard]] Bytes certificate_der(const IdentityKey& key, const Signature& signature);

}  // namespace wzp::crypto
