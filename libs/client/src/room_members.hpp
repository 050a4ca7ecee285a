#pragma once

#include <vector>

#include "wzp/client/room_event.hpp"
#include "wzp/proto/signal.hpp"

namespace wzp::client {

/// The list of a relay, checked, each member once, in the relay's order, at most `limit`.
[[nodiscard]] std::vector<RoomMember> read_members(const proto::RoomUpdate& update, const Fingerprint& own,
                                                   std::size_t limit);

/// The members of `a` that are not in `b`.
[[nodiscard]] std::vector<RoomMember> missing_from(const std::vector<RoomMember>& a, const std::vector<RoomMember>& b);

}  // namespace wzp::client
