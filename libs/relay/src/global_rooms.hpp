#pragma once

#include "state.hpp"

// What follows from a change in a room: lists for its members, advice on quality, tables for the packet path, and news
// for other relays where the room spans them.

namespace wzp::relay {

/// Somebody has taken or left a seat.
void members_changed(State& s, const std::string& key, Instant now);
/// The worst tier among those who report, here and elsewhere, becomes the advice to all members here.
void look_at_quality(State& s, const std::string& key, Instant now);
/// The room of this canonical name spans relays from now on, or no longer: its media has another tag.
void retag_room(State& s, const std::string& name, Instant now);
/// Tells one member the advice that holds.
void advise(State& s, const Room& room, ConnectionId member);

}  // namespace wzp::relay
