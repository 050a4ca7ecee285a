#pragma once

#include "state.hpp"
#include "validate.hpp"

// The call signals of a registered client (relay.md 8.5).

namespace wzp::relay {

void on_client(State& s, const Session& from, const proto::DirectCallOffer& offer, Instant now);
/// The callee has got the offer.
void on_client(State& s, const Session& from, const proto::CallRinging& ringing);
void on_client(State& s, const Session& from, const proto::DirectCallAnswer& answer, Instant now);
void on_client(State& s, const Session& from, const proto::Hangup& hangup, Instant now);
void on_client(State& s, const Session& from, const proto::MediaPathReport& report, Instant now);

}  // namespace wzp::relay
