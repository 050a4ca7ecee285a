#pragma once

#include "state.hpp"

// Media rooms: who may take a seat, and who leaves it (relay.md 8.4, 11, crypto.md 2). The room of a call has a seat for each party that is here. Any other name is a room of several people:
// open to all unless the operator lists its members, and spanning relays where it is configured as global.

namespace wzp::relay {

/// The first signal of a room connection: handshake, admission, seat.
void on_call_offer(State& s, Session& session, const proto::CallOffer& offer, Instant now);
/// A member's connection is gone or closing.
void leave_room(State& s, const Session& session, Instant now);
/// The call has ended: its seats go in two seconds.
void release_room(State& s, const CallId& call, Instant now);
void on_due(State& s, const RoomDue& due, Instant now);

/// By what the room of this server name is known here.
[[nodiscard]] std::string room_key(const std::string& server_name);
/// The canonical names of rooms that span relays, by key.
[[nodiscard]] std::map<std::string, std::string> names_by_key(const std::vector<std::string>& names);
/// The canonical name of a room that spans relays; empty for others.
[[nodiscard]] std::optional<std::string> global_name(const State& s, const std::string& key);

/// What the relay puts into `CallAnswer.ephemeral_pub`.
[[nodiscard]] ByteArray<32> room_ephemeral(const crypto::Identity& identity);

}  // namespace wzp::relay
