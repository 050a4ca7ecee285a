#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "wzp/base/deadlines.hpp"
#include "wzp/base/result.hpp"
#include "wzp/registry/call.hpp"

namespace wzp::registry {

/// What is needed to create a call. The addresses of the caller may follow.
struct NewCall {
  CallId id;
  Fingerprint caller;
  Fingerprint callee;
  Route route;
  Addresses caller_addrs{};
};

/// The calls of one relay: who talks to whom, in which state, over which route.
///
/// A record lives from its offer until it ends; then a tombstone keeps its id for 30 s, so that a late answer finds a
/// dead call instead of none, and so that its id cannot be taken by another (V-04). Calls belong to people, not to
/// connections. Unanswered calls end by themselves after the ring timeout (V-10).
class CallRegistry {
 public:
  struct Config {
    /// Source: relay.md 5.5.
    Duration ring_timeout = std::chrono::seconds{60};
    /// Source: relay.md 7.3.
    Duration tombstone_time = std::chrono::seconds{30};
    /// Live calls that one identity placed, and, counted apart, that were placed to it: whoever rings somebody often
    /// must not keep that person from calling. Source: relay.md 5.5.
    std::size_t max_per_identity = 8;
    /// Live calls in all. Source: our choice.
    std::size_t max_live = 10'000;
    /// Tombstones in all; beyond, the oldest goes first. Source: our choice.
    std::size_t max_tombstones = 20'000;
  };

  explicit CallRegistry(Config config) : config_{config} {}

  /// A new call in state Offered. A call in transit does not count for its parties, who are not here. Errors: Exists
  /// (tombstones included), BadValue (no id, caller calls itself, no relay is asked), LimitReached.
  Result<void> create(const NewCall& call, Instant now);
  /// Offered -> Ringing. Errors: NotFound, WrongState.
  Result<void> set_ringing(const CallId& id);
  /// Offered or Ringing -> Active: the first answer wins. Errors: NotFound, WrongState; BadValue for `Reject`.
  Result<void> set_active(const CallId& id, proto::CallAcceptMode mode, Instant now);
  /// Any live state -> Ended; what is left is the tombstone. Errors: NotFound, WrongState.
  Result<void> end(const CallId& id, proto::HangupReason reason, Instant now);

  /// The call is claimed by a relay that was asked; the first claim stands, and the same relay may repeat it. A callee
  /// who was here is there. Errors: NotFound, WrongState (ended), NotAllowed (not asked), Exists (claimed by another).
  Result<void> set_peer_relay_fp(const CallId& id, const RelayFingerprint& relay);
  /// A relay that was asked is out: it said no, or its link is gone. Gives how many relays remain.
  /// Errors: NotFound, WrongState, NotAllowed.
  Result<std::size_t> withdraw(const CallId& id, const RelayFingerprint& relay);
  /// More relays are asked for the callee. Errors: NotFound, WrongState (ended, or a callee who is here has answered).
  Result<void> ask(const CallId& id, const std::set<RelayFingerprint>& more);
  /// The callee is not here any more: only those that were asked may have it. Errors: NotFound, WrongState (ended, the
  /// callee is not here, or nobody is asked).
  Result<void> callee_left(const CallId& id);
  /// The callee of an outgoing call is here, too: a `Local` one that asks the same relays. Errors: NotFound, WrongState
  /// (ended, answered, claimed, or not outgoing).
  Result<void> callee_came(const CallId& id);
  /// The call takes another way; what is here stays here. Errors: NotFound, WrongState (ended, or another kind of route).
  Result<void> reroute(const CallId& id, Route route);
  /// Forgets an ended call early, so that its id may come by again. No-op for a live or unknown call.
  void discard(const CallId& id);
  /// Which relay serves this party. Errors: NotFound, WrongState.
  Result<void> set_home(const CallId& id, Role role, const RelayFingerprint& relay);
  /// Replaces what is known. Errors: NotFound, WrongState.
  Result<void> set_addresses(const CallId& id, Role role, Addresses addresses);

  /// Live or tombstone; null when unknown.
  [[nodiscard]] const DirectCall* find(const CallId& id) const;
  /// Live only.
  [[nodiscard]] const DirectCall* find_live(const CallId& id) const;
  /// Live calls of this person in either role, oldest first.
  [[nodiscard]] std::vector<CallId> calls_of(const Fingerprint& who) const;
  /// Live calls whose route names this relay.
  [[nodiscard]] std::vector<CallId> calls_via(const RelayFingerprint& relay) const;
  /// When a call of this person ended last; forgotten with its tombstones.
  [[nodiscard]] std::optional<Instant> last_end(const Fingerprint& who) const;

  /// A party, or a relay, that should know that this call ended could not be reached. No-op for a live or unknown call.
  void mark_untold(const CallId& id, Role party);
  void mark_untold(const CallId& id, const RelayFingerprint& relay);
  /// The link to this relay is gone, and whatever was sent last may have gone with it: it may not know of the calls
  /// of its route that ended within the last tombstone time. They are remembered for another one from now, and given.
  std::vector<CallId> mark_untold(const RelayFingerprint& relay, Instant now);
  /// The ended calls that this person (relay) does not know of; they count as told from now on.
  [[nodiscard]] std::vector<DirectCall> take_untold(const Fingerprint& who);
  [[nodiscard]] std::vector<DirectCall> take_untold(const RelayFingerprint& relay);
  /// The relays for which `take_untold` would give something.
  [[nodiscard]] std::vector<RelayFingerprint> untold_relays() const;

  /// Ends the unanswered calls whose time is up, with reason Timeout, and gives them; drops old tombstones.
  [[nodiscard]] std::vector<CallId> expire(Instant now);
  /// When `expire` is next due.
  [[nodiscard]] std::optional<Instant> deadline() const { return due_.next(); }

  [[nodiscard]] std::size_t live_count() const noexcept { return calls_.size() - tombstones_.size(); }
  [[nodiscard]] std::size_t tombstone_count() const noexcept { return tombstones_.size(); }
  /// Every live call.
  [[nodiscard]] std::vector<DirectCall> live() const;

 private:
  /// What is remembered of a person: for as long as one of its calls is.
  struct Party {
    std::vector<CallId> live;
    std::size_t placed = 0;
    std::size_t received = 0;
    std::size_t tombstones = 0;
    std::optional<Instant> last_end;
  };

  [[nodiscard]] Result<DirectCall*> live_record(const CallId& id);
  void move_away(DirectCall& call);
  Party& leave(const Fingerprint& who, const CallId& id, Role role);
  void forget(const CallId& id);
  void index_route(const DirectCall& call, bool add);
  void index_relay(const RelayFingerprint& relay, const CallId& id, bool add);
  void note_untold(const RelayFingerprint& relay, const CallId& id);

  Config config_;
  std::unordered_map<CallId, DirectCall> calls_;
  std::unordered_map<Fingerprint, Party> parties_;
  std::map<RelayFingerprint, std::set<CallId>> via_;
  std::set<std::pair<Fingerprint, CallId>> untold_parties_;
  std::map<RelayFingerprint, std::set<CallId>> untold_relays_;
  std::unordered_map<CallId, std::set<RelayFingerprint>> untold_to_;  ///< the same, the other way round
  std::deque<CallId> tombstones_;                                     ///< oldest first
  Deadlines<CallId> due_;  ///< ring timeout of unanswered calls, end of tombstones
};

}  // namespace wzp::registry
