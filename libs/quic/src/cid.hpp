#pragma once

#include <cstddef>
#include <cstdint>

#include "ng.hpp"
#include "wzp/base/bytes.hpp"

namespace wzp::quic {

/// Our connection ids: the worker in two bytes, then random ones. Source: wire.md 1.5, longer ids shrink datagrams.
inline constexpr std::size_t kCidSize = 8;

[[nodiscard]] ngtcp2_cid make_cid(std::uint16_t worker);
/// Random, of any size up to 20: the first destination id of a client, which belongs to nobody.
[[nodiscard]] ngtcp2_cid random_cid(std::size_t size);
[[nodiscard]] inline std::uint16_t worker_of(ByteView cid) { return load_be16(cid.data()); }
[[nodiscard]] inline ByteView view(const ngtcp2_cid& cid) { return {cid.data, cid.datalen}; }

}  // namespace wzp::quic
