#pragma once

#include "state.hpp"

// Connections: what each class is for, first messages, limits, endings (relay.md 4, 5.5).

namespace wzp::relay {

void on_event(State& s, const Opened& event, Instant now);
void on_event(State& s, const Received& event, Instant now);
void on_event(State& s, const BadMessage& event, Instant now);
void on_event(State& s, const Unsent& event, Instant now);
void on_event(State& s, const Moved& event, Instant now);
void on_event(State& s, const Lost& event, Instant now);
void on_event(State& s, const DialFailed& event, Instant now);
void on_event(State& s, const Reported& event, Instant now);
void on_event(State& s, const Shutdown& event, Instant now);
/// A first message did not come, or the linger of `version` is over.
void on_due(State& s, const SessionDue& due, Instant now);

/// Closes the connection and cleans up what belongs to it; nothing more is heard from it.
void close_session(State& s, Session& session, std::uint64_t code, std::string reason, Instant now);
/// Does what the links ask for. `from`: whose message made them ask.
void run(State& s, federation::Actions actions, Instant now, std::optional<ConnectionId> from = {});

}  // namespace wzp::relay
