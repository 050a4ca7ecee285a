#pragma once

#include "state.hpp"

// Advice on quality in rooms of several people (relay.md 11.6): the worst tier among those who report, here and elsewhere,
// is what everybody is told to send for.

namespace wzp::relay {

/// The worst among those here who report; empty when nobody does.
[[nodiscard]] std::optional<Tier> worst_here(const Room& room, Instant now);
/// A member's packets say how its path does.
void on_report(State& s, ConnectionId conn, const proto::QualityReport& report, Instant now);
void look_at_quality(State& s, const std::string& key, Instant now);
/// Tells one member the advice that holds.
void advise(State& s, const Room& room, ConnectionId member);
/// Again after a second: members that stopped reporting no longer count.
void look_again(State& s, const std::string& key, Instant now);
void on_due(State& s, const QualityDue& due, Instant now);

}  // namespace wzp::relay
