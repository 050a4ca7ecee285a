#pragma once

#include <set>

#include "state.hpp"

// Looking for the relay of a callee (docs/protocol.md). First the links on the shortest ways to relays that announced the
// person are asked; when they say no, or none proves for 2 s that it has the callee, or nobody announced it, all others
// are. A relay in the middle asks on behalf of the one that asked it, and only delegates, except those that its asker
// can ask itself. Who has the callee of those that say so: claims.hpp.

namespace wzp::relay {

struct Wave {
  std::set<RelayFingerprint> relays;
  bool directed = false;
};

/// Whom to ask about the callee of this offer, a valid one. `arrival`: how it came; null: from a caller here. Nobody, when
/// we may not ask on behalf of who asks us.
[[nodiscard]] Wave first_wave(const State& s, const proto::DirectCallOffer& offer, const Arrival* arrival);

/// Sends the offer of this call to the links of `wave`, which the record names already, and waits for a proof.
void ask(State& s, const CallId& id, const Wave& wave, Instant now);

/// Nobody has proved in time to have the callee: others are asked, or the search is over.
void claim_due(State& s, const CallId& id, Instant now);

/// A relay that was asked does not have the callee, or the callee does not want the call.
void says_no(State& s, const RelayFingerprint& relay, const CallId& id, proto::HangupReason reason, Instant now);

/// After whatever may have ended the search: when nobody else can have the callee, the first relay that says so has the
/// call, one that has answered before one that has not; when nobody says so, others are asked, or the call ends. A callee
/// who is here keeps it, unless a relay that says so has answered, or the person was announced elsewhere.
void settle(State& s, const CallId& id, Instant now);

/// The callee is here: whoever was asked is told to forget the call.
void call_off(State& s, const CallId& id);

/// The offer of a claimed call once more, now with the caller's addresses, unless the relay has them.
void send_addresses(State& s, const RelayFingerprint& relay, const CallId& id);

}  // namespace wzp::relay
