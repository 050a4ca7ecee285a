#pragma once

#include "state.hpp"

// A callee who is here, and may be somewhere else by now: whoever moves without a farewell leaves a connection behind that
// looks alive until it times out, and a relay must not keep the calls of somebody who can be reached elsewhere. So it
// looks whether the phone that got an offer shows a sign of life. When it shows none, others are asked for the person as
// well, and the first to prove that it has the offer has the call, the phone here included. That nobody announced the
// person elsewhere does not count: one may wish not to be announced. The word of another relay costs a living client
// one round trip, and nobody a connection.

namespace wzp::relay {

/// The callee here has been sent the offer. It is said to ring: now, or, when others announced the same person, with its
/// first sign of life. `arrival`: how the offer came; null: from a client here.
void offered(State& s, const CallId& id, const Arrival* arrival);
/// The callee's own word that it has the offer, signed.
void rings_at_callee(State& s, const CallId& id, const proto::CallRinging& ringing);
/// The phone here has the call: nobody else is asked any more.
void stays_here(State& s, const CallId& id);
/// Nobody else seems to have the callee: the phone here rings, whether or not it shows life.
void ring_here(State& s, const CallId& id);
/// The phone here that has shown no life loses the call: it may wake up, and must not ring for what is elsewhere by then.
void give_up_phone(State& s, const CallId& id);
void on_event(State& s, const Alive& event, Instant now);
void on_event(State& s, const Silent& event, Instant now);
/// Another connection speaks for this person now, or none does. The newest gets what the one before has not shown to have,
/// and what is looked for elsewhere.
void offers_anew(State& s, const Fingerprint& callee, Instant now);

}  // namespace wzp::relay
