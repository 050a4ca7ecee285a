#pragma once

#include "state.hpp"

// The media of calls between relays (relay.md 22.1): the room of a call holds the seats of the parties that are here and
// the links of its route, and no others, so nobody else ever gets a packet of it. Where a party of an answered call has
// had no seat for a minute, the call has no room: nobody keeps packets for a party that talks elsewhere, and a seat
// brings the room back.

namespace wzp::relay {

/// Tells the packet path how the media of this call goes now. To be called after every change of its route, its state or
/// its seats; does nothing when nothing has changed.
void update_bridge(State& s, const CallId& id, Instant now);
/// The same for every live call whose route touches this relay.
void update_bridges(State& s, const RelayFingerprint& relay, Instant now);
void on_due(State& s, const BridgeDue& due, Instant now);
/// Whether the room of the call reaches the other party.
[[nodiscard]] bool carries_media(const State& s, const DirectCall& call);

}  // namespace wzp::relay
