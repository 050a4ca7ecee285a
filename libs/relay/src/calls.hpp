#pragma once

#include <optional>

#include "state.hpp"

// What every call has in common, wherever its signals come from: set-up, endings, and parties that come and go.

namespace wzp::relay {

/// Who is to hear of an ending. The one that caused it knows already.
struct Tell {
  bool caller = true;
  bool callee = true;
  /// The ending is the callee's answer: it crosses a link as a forwarded reject (design.md 3.9).
  bool as_reject = false;
  /// The relay that told us needs no echo.
  std::optional<RelayFingerprint> except{};
  /// How we heard of it: goes on as its origin signed it, where this relay is in the middle.
  const Arrival* arrival = nullptr;
};

/// Nobody is told: what is left of a route that the call has left.
[[nodiscard]] inline Tell tell_nobody() { return {.caller = false, .callee = false}; }

/// Tells only the other side of `role`.
[[nodiscard]] inline Tell tell_other(Role role) {
  return {.caller = role == Role::Callee, .callee = role == Role::Caller};
}

/// Ends a live call and tells who is to know. Whoever cannot be reached is told when it is back.
void end_call(State& s, const CallId& id, proto::HangupReason reason, const Tell& tell, Instant now);

/// The same for a call that the registry has ended by itself.
void after_end(State& s, const CallId& id, const Tell& tell, Instant now);

/// `CallSetup` for a party here.
void send_setup(State& s, const DirectCall& call, Role role);

/// A `Hangup` for something that is not (or no longer) a call: a refused offer, or the news of an ending. Clients
/// without `caps` end whatever call they have on any Hangup, so they get none about a call they are not in (3.20).
/// `rank_of_call`: how much the client is in it, see `rank`.
struct Rank {
  int weight = 0;  ///< 2 answered, 1 placed by the client, 0 offered to it
  Instant since{};
  auto operator<=>(const Rank&) const = default;
};
[[nodiscard]] Rank rank(const DirectCall& call, const Fingerprint& who);
void hang_up_client(State& s, const registry::Registration& client, ConnectionId to, proto::HangupReason reason,
                    const std::string& call_id, const Rank& rank_of_call);

/// A person has no registration left: unanswered calls end, active ones wait for it (relay.md 6).
void party_lost(State& s, const Fingerprint& who, Instant now);
/// It is (still, or again) registered: its calls go on, and it hears what it missed.
void party_back(State& s, const Fingerprint& who, Instant now);
/// The grace of a party, or the patience with a link or with addresses, is over.
void on_due(State& s, const PartyDue& due, Instant now);
void on_due(State& s, const LinkDue& due, Instant now);
void on_due(State& s, const AddressDue& due);

}  // namespace wzp::relay
