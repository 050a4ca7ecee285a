#pragma once

#include "state.hpp"

// Answered calls whose route is lost (docs/protocol.md). The relays at the break tell those on their side; the caller's
// relay lays the route anew, by the map, to the relay at the callee's end. Endings that found no way are told when there
// is one again.

namespace wzp::relay {

/// The way to the party of this role is lost, at this relay's own link or further on.
void route_lost(State& s, const CallId& id, Role side, Instant now);
/// The link of the way is back, at this relay.
void route_back(State& s, const CallId& id, Role side, Instant now);
/// Other ways may have opened: for routes that are lost, and for endings that wait for one.
void map_has_changed(State& s, Instant now);
/// Tries the route anew, and again until it is there or the call ends: soon at first, then each second.
void on_due(State& s, const RepairDue& due, Instant now);

/// An offer with a number: the route of an answered call is laid anew through this relay, or ends here.
void on_reroute(State& s, const Arrival& arrival, const proto::DirectCallOffer& offer, Instant now);
void on_rerouted(State& s, const Arrival& arrival, const proto::CallRerouted& rerouted, Instant now);
void on_route_lost(State& s, const Arrival& arrival, const proto::RouteLost& lost, Instant now);

/// For another relay: passed on by the map.
void pass_to_target(State& s, const Arrival& arrival, Instant now);
/// Tells the endings that waited for a way to their relay.
void tell_untold(State& s);

}  // namespace wzp::relay
