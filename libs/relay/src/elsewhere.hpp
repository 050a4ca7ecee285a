#pragma once

#include "state.hpp"

// A callee who is here and, as other relays say, there as well. Whoever moves without a farewell leaves a connection behind
// that looks alive until it times out, and a relay must not keep the calls of somebody who can be reached elsewhere. So
// it says that such a phone rings only when the phone has shown a sign of life, and looks further when it has not. The word
// of another relay costs a living client one round trip, and nothing else.

namespace wzp::relay {

/// The callee here has been sent the offer: it rings, now or with its first sign of life.
void offered(State& s, const CallId& id);
void on_event(State& s, const Alive& event, Instant now);
/// The callee's phone was gone before it rang: the offer is handled once more, as that of somebody who is not here.
void offer_anew(State& s, const CallId& id, Instant now);

}  // namespace wzp::relay
