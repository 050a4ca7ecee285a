#pragma once

#include "state.hpp"

// A callee who is here and, as other relays say, there as well. Whoever moves without a farewell leaves a connection behind
// that looks alive until it times out, and a relay must not keep the calls of somebody who can be reached elsewhere. So
// it says that such a phone rings only when the phone has shown a sign of life. When it shows none, it is told to forget
// the call, and the offer is handled as one for somebody who is not here. The word of another relay costs a living
// client one round trip, and nobody a connection.

namespace wzp::relay {

/// The callee here has been sent the offer: it rings, now or with its first sign of life. `arrival`: how the offer came;
/// null: from a client here.
void offered(State& s, const CallId& id, const Arrival* arrival);
/// The callee's own word that it has the offer, signed.
void rings_at_callee(State& s, const CallId& id, const proto::CallRinging& ringing);
void on_event(State& s, const Alive& event, Instant now);
void on_event(State& s, const Silent& event, Instant now);
/// Another connection speaks for this person now, or none does: calls that wait for the one before start anew.
void offers_anew(State& s, const Fingerprint& callee, Instant now);

}  // namespace wzp::relay
