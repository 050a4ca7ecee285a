#pragma once

#include "state.hpp"

// Registration on `_signal`: who a client is, and what happens when it comes, moves or goes (relay.md 5.3, 6).

namespace wzp::relay {

void on_register(State& s, Session& session, const proto::RegisterPresence& request, Instant now);
/// The registration of this connection ends, if it has one.
void end_registration(State& s, ConnectionId conn, Instant now);
void on_reflect(State& s, Session& session, Instant now);

}  // namespace wzp::relay
