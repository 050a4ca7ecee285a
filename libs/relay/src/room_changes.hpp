#pragma once

#include "state.hpp"

// What follows from a change in a room: lists for its members, tables for the packet path, and news for other relays where
// the room spans them.

namespace wzp::relay {

/// Somebody has taken or left a seat.
void members_changed(State& s, const std::string& key, Instant now);
/// Who is elsewhere in this global room, or how its media goes, has changed.
void global_room_changed(State& s, const std::string& name, Instant now);
/// The room of this canonical name spans relays from now on, or no longer: its media has another tag.
void retag_room(State& s, const std::string& name, Instant now);
/// The ways to other relays have changed.
void update_global_rooms(State& s);
/// Who is in the room here, and how the worst of them does, for the others.
void tell_relays(State& s, const std::string& key, Instant now);
void on_due(State& s, const UpdateDue& due, Instant now);

}  // namespace wzp::relay
