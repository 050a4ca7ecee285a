#pragma once

#include <ngtcp2/ngtcp2.h>

namespace wzp::quic {

/// Protects packets by direct calls into wolfCrypt with the keys that ngtcp2's helper has set up, instead of the helper's own
/// way through wolfSSL's EVP layer, for two reasons:
/// - **safety**: the EVP layer of wolfSSL 5.7.2 computes the tag of ChaCha20-Poly1305 when it decrypts, and never
///   compares it, so every forged or damaged packet would be taken for good;
/// - **speed**: it allocates and copies twice per packet (dependencies.md 7.3).
/// It relies on a structure that wolfSSL shows but does not promise: tests/quic/aead_test.cpp compares both ways.
void use_direct_aead(ngtcp2_callbacks& callbacks);

}  // namespace wzp::quic
