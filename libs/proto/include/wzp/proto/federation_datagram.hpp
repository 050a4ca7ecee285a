#pragma once

#include <cstddef>
#include <span>

#include "wzp/base/bytes.hpp"
#include "wzp/base/result.hpp"
#include "wzp/proto/media_header.hpp"

// Media between relays: room tag (8) | media packet (wire.md 3.10). Nothing here allocates.

namespace wzp::proto {

/// Which room a packet belongs to: the first 8 bytes of SHA-256 over the canonical room name.
using RoomTag = ByteArray<8>;

/// A room-tagged packet, still where it was received.
struct FederationDatagramView {
  RoomTag room_tag{};
  ByteView packet;  ///< the media packet as it came; passed on unchanged
};

/// Errors: TooShort for less than a tag and a header; those of `parse_packet` for the rest.
[[nodiscard]] Result<FederationDatagramView> parse_federation_datagram(ByteView datagram);

/// Writes tag and packet and returns the length, 8 more than the packet's. Errors: TooLong when `out` is too small.
[[nodiscard]] Result<std::size_t> write_federation_datagram(const RoomTag& tag, ByteView packet,
                                                            std::span<std::uint8_t> out);

}  // namespace wzp::proto
