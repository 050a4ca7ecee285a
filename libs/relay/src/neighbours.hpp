#pragma once

#include "state.hpp"

// Links to other relays, as the rest of this relay sees them: who tells whom what when a link comes, goes or speaks. The
// map of relays, the lists of global rooms and the directory of people are kept by `federation`; here they meet the calls
// and rooms of this relay.

namespace wzp::relay {

void link_up(State& s, const RelayFingerprint& relay, Instant now);
void link_down(State& s, const RelayFingerprint& relay, Instant now);
/// Its connections have changed: media has to go to the right one.
void link_changed(State& s, const RelayFingerprint& relay, Instant now);
void from_relay(State& s, const RelayFingerprint& from, const proto::SignalMessage& message, Instant now);

/// Somebody can be called here from now on, or no longer.
void announce_user(State& s, const Fingerprint& who, Instant now);
void withdraw_user(State& s, const Fingerprint& who, Instant now);
/// What the directories have to do by now, and when they have to again.
void tick_directories(State& s, Instant now);
[[nodiscard]] std::optional<Instant> directories_deadline(const State& s);
/// Does what a directory asks for. `from`: who made it ask.
void run(State& s, federation::GossipActions actions, Instant now, const RelayFingerprint* from = nullptr);

}  // namespace wzp::relay
