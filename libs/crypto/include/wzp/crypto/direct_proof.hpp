#pragma once

#include <string_view>

#include "wzp/base/bytes.hpp"
#include "wzp/base/secret.hpp"
#include "wzp/crypto/call_keys.hpp"
#include "wzp/crypto/hash.hpp"

namespace wzp::crypto {

/// Label of the TLS exporter for direct connections. Source: crypto.md 8.
inline constexpr std::string_view kDirectExporterLabel = "wzp direct";

/// `DirectHello.proof`: HMAC-SHA256(direct_key, "wzp-direct-v1" | role | exporter). It shows that the
/// sender has the keys of this call and is the end of this connection.
/// `role` is the sender's role in the call, so that a proof sent back is not one.
[[nodiscard]] Digest direct_proof(const Secret<32>& direct_key, CallRole role, const ByteArray<32>& exporter);

/// Whether `proof` is what the peer in `peer_role` must send. In constant time; false for any other length.
[[nodiscard]] bool direct_proof_valid(const Secret<32>& direct_key, CallRole peer_role, const ByteArray<32>& exporter,
                                      ByteView proof);

}  // namespace wzp::crypto
