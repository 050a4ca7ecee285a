#pragma once

#include <ngtcp2/ngtcp2.h>

namespace wzp::quic {

/// Protects packets with AES-GCM by one call into wolfCrypt with the key that the helper has expanded, instead of the
/// helper's way through EVP, which allocates and copies twice per packet (dependencies.md 7.3). Other ciphers go the helper's
/// way. It relies on a structure that wolfSSL shows but does not promise: tests/quic/aead_test.cpp compares both ways.
void use_direct_aead(ngtcp2_callbacks& callbacks);
/// The helper's way for everything.
void use_helper_aead(ngtcp2_callbacks& callbacks);

}  // namespace wzp::quic
