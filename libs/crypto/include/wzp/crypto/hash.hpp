#pragma once

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string_view>

#include "wzp/base/bytes.hpp"
#include "wzp/base/secret.hpp"

namespace wzp::crypto {

/// H of the specification: SHA-256.
using Digest = ByteArray<32>;

[[nodiscard]] Digest sha256(ByteView data);

/// The same over several pieces, as if they stood one behind the other: the `|` without a copy.
[[nodiscard]] Digest sha256_of(std::initializer_list<ByteView> parts);

/// HMAC-SHA256 over several pieces. Compare MACs with `equal_in_constant_time`.
[[nodiscard]] Digest hmac_sha256(ByteView key, std::initializer_list<ByteView> parts);

/// HKDF-SHA256 (RFC 5869), first step. An empty salt is "none": 32 zero bytes.
[[nodiscard]] Secret<32> hkdf_extract(ByteView salt, ByteView ikm);

/// HKDF-SHA256 (RFC 5869), second step: fills `out`, at most 8160 bytes.
void hkdf_expand(const Secret<32>& prk, std::string_view info, std::span<std::uint8_t> out);

template <std::size_t N>
[[nodiscard]] Secret<N> hkdf_expand(const Secret<32>& prk, std::string_view info) {
  Secret<N> out;
  hkdf_expand(prk, info, out.fill());
  return out;
}

/// Both steps without a salt: how everything is derived from a seed.
[[nodiscard]] Secret<32> hkdf(ByteView ikm, std::string_view info);

}  // namespace wzp::crypto
