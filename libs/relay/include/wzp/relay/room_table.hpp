#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "wzp/base/ids.hpp"
#include "wzp/proto/media_tag.hpp"

// Who gets whose media: what the core tells the packet path. Values, whole and never changed: each change is a new one.

namespace wzp::relay {

/// A member of a room, on a media connection to this relay.
struct RoomSeat {
  ConnectionId conn{};
  proto::SourceId source{};  ///< what its packets carry between relays and in trunk frames
  bool trunk = false;        ///< it reads trunk frames, and gets nothing else

  bool operator==(const RoomSeat&) const = default;
};

/// A link that carries the media of a room.
struct RoomLink {
  ConnectionId conn{};
  /// Packets cross from one link to another only if both pass on (the operator's `delegate`). Without it the link
  /// exchanges media with the seats here alone.
  bool transit = false;
  /// What the link may bring into this room, with a burst of as many. Source: relay.md 10.6, 500 a participant.
  std::uint32_t packets_per_second = 500;

  bool operator==(const RoomLink&) const = default;
};

/// One room on this relay. A packet of a seat goes to every other seat and every link; one from a link goes to every
/// seat, and to the other links as far as `transit` allows.
struct RoomTable {
  proto::RoomTag tag{};
  /// The room of a call. What finds no receiver yet is kept for a moment: at most 10 packets per direction, 500 ms
  /// (relay.md 22.1). Each direction may bring 128 kbit/s and a fifth more.
  bool is_call = false;
  /// False: media is kept or dropped until a newer table of this room opens it.
  bool open = true;
  std::vector<RoomSeat> seats{};
  std::vector<RoomLink> links{};

  bool operator==(const RoomTable&) const = default;
};

/// How media crosses a link.
struct LinkMedia {
  ConnectionId conn{};
  bool v2 = false;     ///< with MediaTag; else the room tag alone, as reference relays have it
  bool trunk = false;  ///< in trunk frames; only with v2
  /// It brings packets of its own members only, and this is how they name it; empty for a delegate, which brings those
  /// of relays behind it. Only with v2.
  std::optional<ByteArray<4>> only_relay{};
  /// An older connection to a relay that has a newer one: what it brings counts as brought by that one, and nothing is
  /// sent over it (design.md 3.22).
  std::optional<ConnectionId> newest{};

  bool operator==(const LinkMedia&) const = default;
};

}  // namespace wzp::relay
