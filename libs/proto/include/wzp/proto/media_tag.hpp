#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "wzp/base/bytes.hpp"
#include "wzp/base/fingerprint.hpp"
#include "wzp/base/result.hpp"
#include "wzp/proto/federation_datagram.hpp"

// Media whose sender can be told apart: between our relays (capability `media-v2`) and toward members of rooms that
// read trunk frames (capability `trunk`). Nothing here allocates.

namespace wzp::proto {

/// One sender of media: the relay that serves it and its number there. Unique while it sits in a room.
struct SourceId {
  static constexpr std::size_t kSize = 6;

  ByteArray<4> relay{};      ///< the first four bytes of the relay's fingerprint
  std::uint16_t stream = 0;  ///< given by that relay, 1 to 65535

  auto operator<=>(const SourceId&) const = default;

  [[nodiscard]] static SourceId of(const RelayFingerprint& relay, std::uint16_t stream) noexcept;
  /// 12 hex digits of either case.
  [[nodiscard]] static std::optional<SourceId> parse(std::string_view text);
};
/// 12 lowercase hex digits.
[[nodiscard]] std::string to_string(const SourceId& source);

/// What stands before a media packet between our relays:
///
///     room tag (8) | relay (4) | stream u16 | hops u8 | flags u8
struct MediaTag {
  static constexpr std::size_t kSize = 16;
  /// The packets came from a relay that cannot tell senders apart: their sequence numbers mean nothing together, and
  /// duplicates are found by content.
  static constexpr std::uint8_t kMixed = 0x01;

  RoomTag room{};
  SourceId source{};
  std::uint8_t hops = 0;   ///< links crossed, this one included: 1 to kMaxHops
  std::uint8_t flags = 0;  ///< unknown bits are passed on and ignored

  bool operator==(const MediaTag&) const = default;
};

/// A packet with an origin, still where it was received.
struct TaggedPacket {
  MediaTag tag;
  ByteView packet;  ///< the media packet as its sender made it
};

/// Errors: TooShort; those of `parse_packet` for the rest.
[[nodiscard]] Result<TaggedPacket> parse_tagged(ByteView datagram);
void write(const MediaTag& tag, std::span<std::uint8_t, MediaTag::kSize> out) noexcept;

/// Trunk frames put several packets into one datagram:
///
///     FD | entry...                                        one or more, up to the end of the datagram
///     entry toward a member:   relay (4) | stream u16 | length u16 | media packet
///     entry between relays:    length u16 | MediaTag (16) | media packet
///
/// A member that announced `trunk` gets nothing but trunk frames in rooms of several people, so that it can always tell
/// its speakers apart. A link on which both sides announced `trunk` carries nothing but trunk frames.
inline constexpr std::size_t kTrunkEntryHead = 2;
inline constexpr std::size_t kMemberEntryHead = SourceId::kSize + kTrunkEntryHead;

/// One entry of a trunk frame toward a member.
struct MemberEntry {
  SourceId source;
  ByteView packet;  ///< not checked
};

/// Reads a trunk frame from the front, one entry at a time; `rest` starts behind the marker byte and shrinks.
/// Errors: TooShort when an entry is cut off; what was read before stands.
[[nodiscard]] Result<MemberEntry> take_member_entry(ByteView& rest);
/// The same between relays: the entry is what `parse_tagged` reads.
[[nodiscard]] Result<ByteView> take_link_entry(ByteView& rest);

/// The bytes before a packet in a trunk entry toward a member, of a packet of at most 65535 bytes.
void write_member_head(const SourceId& source, std::size_t length,
                       std::span<std::uint8_t, kMemberEntryHead> out) noexcept;

}  // namespace wzp::proto

template <>
struct std::hash<wzp::proto::SourceId> {
  std::size_t operator()(const wzp::proto::SourceId& s) const noexcept {
    return (std::size_t{wzp::load_be32(s.relay.data())} << 16) ^ s.stream;
  }
};
