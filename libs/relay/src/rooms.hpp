#pragma once

#include "state.hpp"

// The media rooms of direct calls: who may take one of the two seats (relay.md 8.4, crypto.md 2).

namespace wzp::relay {

/// The first signal of a room connection: handshake, admission, seat.
void on_call_offer(State& s, Session& session, const proto::CallOffer& offer, Instant now);
/// A member's connection is gone or closing.
void leave_room(State& s, const Session& session);
/// The call has ended: its seats go in two seconds.
void release_room(State& s, const CallId& call, Instant now);
void on_due(State& s, const RoomDue& due, Instant now);

/// What the relay puts into `CallAnswer.ephemeral_pub`.
[[nodiscard]] ByteArray<32> room_ephemeral(const crypto::Identity& identity);

}  // namespace wzp::relay
