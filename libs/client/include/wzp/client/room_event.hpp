#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "wzp/base/address.hpp"
#include "wzp/base/fingerprint.hpp"
#include "wzp/base/ids.hpp"
#include "wzp/base/time.hpp"
#include "wzp/proto/codec_id.hpp"
#include "wzp/proto/media_tag.hpp"

// What somebody in a room of several people is told.

namespace wzp::client {

/// One of the people in a room, as the relay says. Not authenticated: the relay could invent people.
struct RoomMember {
  std::optional<Fingerprint> fingerprint;  ///< empty: the relay gave none, or none that can be read
  std::string alias;                       ///< as claimed; made printable; may be empty
  std::string relay;                       ///< label of the relay it is on; empty: the one we are on
  std::optional<proto::SourceId> source;   ///< whose packets are whose; empty: the relay cannot tell
  bool is_self = false;

  auto operator<=>(const RoomMember&) const = default;
};

/// Why we are no longer in a room.
enum class RoomEndReason : std::uint8_t {
  Left,          ///< by us
  NotAdmitted,   ///< the relay does not let us in: full, not on its list, or not a room it serves
  Replaced,      ///< this identity joined from elsewhere
  Refused,       ///< the relay does not accept our identity
  BadRelay,      ///< the relay could not prove the key it answered with
  NotConnected,  ///< we never got in
};
/// 0 ok, 3 cannot connect, 4 identity refused, 5 refused (client.md 19.11).
[[nodiscard]] int exit_code(RoomEndReason reason) noexcept;
/// One line for people.
[[nodiscard]] std::string_view text(RoomEndReason reason) noexcept;
/// The enumerator in snake_case, for `--json`.
[[nodiscard]] std::string_view name(RoomEndReason reason) noexcept;

/// We are in: audio may flow on `conn`. Send the default codec until a directive says otherwise. Comes again after
/// `RoomReconnecting`.
struct RoomJoined {
  ConnectionId conn;
  SocketAddress relay;
  bool again = false;
  bool operator==(const RoomJoined&) const = default;
};
/// Everybody who is in the room now, we included. After every change.
struct RoomPeople {
  std::vector<RoomMember> members;
  std::size_t unlisted = 0;  ///< so many more, whom the relay does not name: its lists have a bound
  bool operator==(const RoomPeople&) const = default;
};
/// Compared with the list before; nobody has "joined" with the first one.
struct RoomMemberJoined {
  RoomMember member;
  bool operator==(const RoomMemberJoined&) const = default;
};
struct RoomMemberLeft {
  RoomMember member;
  bool operator==(const RoomMemberLeft&) const = default;
};
/// The relay's advice for all members, after the weakest of them: what to send from the next frame on.
struct RoomDirective {
  proto::CodecId codec{};  ///< one that we can send
  std::string reason;      ///< made printable
  bool operator==(const RoomDirective&) const = default;
};
/// The connection is lost; the next attempt starts after `retry_in`. No audio flows until `RoomJoined`.
struct RoomReconnecting {
  std::string why;
  Duration retry_in{};
  int attempt = 1;
  bool operator==(const RoomReconnecting&) const = default;
};
/// The last event.
struct RoomEnded {
  RoomEndReason reason{};
  std::string why;  ///< words of the relay or of the system; may be empty
  bool operator==(const RoomEnded&) const = default;
};

using RoomEvent =
    std::variant<RoomJoined, RoomPeople, RoomMemberJoined, RoomMemberLeft, RoomDirective, RoomReconnecting, RoomEnded>;

}  // namespace wzp::client
