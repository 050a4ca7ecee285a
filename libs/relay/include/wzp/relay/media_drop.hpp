#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace wzp::relay {

/// Why a packet of media went nowhere.
enum class MediaDrop : std::uint8_t {
  Malformed,      ///< no media packet, a tag with impossible values, a broken trunk frame
  NotAdmitted,    ///< of a connection that has no seat and is no link
  UnknownRoom,    ///< its tag names no room of this relay
  ForeignRoom,    ///< its tag names a room that this link does not carry
  Echo,           ///< it started here
  Impostor,       ///< it names a relay that the link may not speak for
  Hops,           ///< it has crossed no link, or more than eight
  Duplicate,      ///< it was here before
  LinkRate,       ///< the link brings more than any link may
  RoomRate,       ///< the link brings more than it may into this room
  SeatRate,       ///< the member sends more than anybody speaks
  CallRate,       ///< more than a direction of a call may carry
  Closed,         ///< the room is not open
  NoReceiver,     ///< nobody is there to hear it
  EarlyOverflow,  ///< the call has no receiver yet, and enough is kept
  EarlyExpired,   ///< was kept for a receiver that did not come in time
};
inline constexpr std::size_t kMediaDropReasons = 16;

/// For the operator and for metrics: "unknown-room".
[[nodiscard]] std::string_view name(MediaDrop reason) noexcept;

/// Packets by reason.
class MediaDrops {
 public:
  [[nodiscard]] std::uint64_t operator[](MediaDrop reason) const noexcept { return count_[index(reason)]; }
  [[nodiscard]] std::uint64_t& operator[](MediaDrop reason) noexcept { return count_[index(reason)]; }
  [[nodiscard]] std::uint64_t total() const noexcept;

  bool operator==(const MediaDrops&) const = default;

 private:
  static constexpr std::size_t index(MediaDrop reason) noexcept { return static_cast<std::size_t>(reason); }
  std::array<std::uint64_t, kMediaDropReasons> count_{};
};

}  // namespace wzp::relay
