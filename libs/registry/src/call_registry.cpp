#include "wzp/registry/call_registry.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "wzp/base/overloaded.hpp"

namespace wzp::registry {
namespace {

/// Who is asked for the callee, wherever the callee is.
Outgoing& way_of(Route& route) {
  return std::visit(overloaded{[](Local& here) -> Outgoing& { return here.elsewhere; },
                               [](Incoming& here) -> Outgoing& { return here.elsewhere; },
                               [](Outgoing& outgoing) -> Outgoing& { return outgoing; },
                               [](Transit& transit) -> Outgoing& { return transit.onward; }},
                    route);
}

}  // namespace

Result<void> CallRegistry::create(const NewCall& call, Instant now) {
  if (call.id.empty()) return Unexpected{Errc::BadValue, "call_id"};
  if (call.caller == call.callee) return Unexpected{Errc::BadValue, "a call to oneself"};
  const auto* way = onward(call.route);
  if (way != nullptr && way->asked.empty()) return Unexpected{Errc::BadValue, "no relay is asked"};
  if (calls_.contains(call.id)) return Unexpected{Errc::Exists, "call " + call.id.text()};
  if (live_count() >= config_.max_live) return Unexpected{Errc::LimitReached, "calls in all"};
  const bool counts = !std::holds_alternative<Transit>(call.route);
  const auto caller = parties_.find(call.caller);
  if (counts && caller != parties_.end() && caller->second.placed >= config_.max_per_identity)
    return Unexpected{Errc::LimitReached, "calls of the caller"};
  const auto callee = parties_.find(call.callee);
  if (counts && callee != parties_.end() && callee->second.received >= config_.max_per_identity)
    return Unexpected{Errc::LimitReached, "calls of the callee"};

  DirectCall record;
  record.id = call.id;
  record.caller = call.caller;
  record.callee = call.callee;
  record.route = call.route;
  record.caller_addrs = call.caller_addrs;
  record.created_at = now;
  index_route(record, true);
  for (const auto role : {Role::Caller, Role::Callee}) {
    if (!counts) break;
    Party& party = parties_[record.party(role)];
    party.live.push_back(call.id);
    ++(role == Role::Caller ? party.placed : party.received);
  }
  due_.set(call.id, now + config_.ring_timeout);
  calls_.emplace(call.id, std::move(record));
  return {};
}

Result<DirectCall*> CallRegistry::live_record(const CallId& id) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return Unexpected{Errc::NotFound, "call " + id.text()};
  if (!found->second.is_live()) return Unexpected{Errc::WrongState, "call " + id.text() + " has ended"};
  return &found->second;
}

Result<void> CallRegistry::set_ringing(const CallId& id) {
  const auto call = live_record(id);
  if (!call) return call.failure();
  if ((*call)->state != CallState::Offered) return Unexpected{Errc::WrongState, "call " + id.text()};
  (*call)->state = CallState::Ringing;
  return {};
}

Result<void> CallRegistry::set_active(const CallId& id, proto::CallAcceptMode mode, Instant now) {
  if (mode == proto::CallAcceptMode::Reject) return Unexpected{Errc::BadValue, "accept_mode"};
  const auto call = live_record(id);
  if (!call) return call.failure();
  if (!(*call)->is_unanswered()) return Unexpected{Errc::WrongState, "call " + id.text() + " is answered"};
  (*call)->state = CallState::Active;
  (*call)->accept_mode = mode;
  (*call)->answered_at = now;
  due_.cancel(id);
  return {};
}

Result<void> CallRegistry::end(const CallId& id, proto::HangupReason reason, Instant now) {
  const auto found = live_record(id);
  if (!found) return found.failure();
  DirectCall& call = **found;
  index_route(call, false);
  call.state = CallState::Ended;
  call.end_reason = reason;
  call.ended_at = now;
  if (!std::holds_alternative<Transit>(call.route)) {
    for (const auto role : {Role::Caller, Role::Callee}) {
      Party& party = leave(call.party(role), id, role);
      ++party.tombstones;
      party.last_end = now;
    }
  }
  due_.set(id, now + config_.tombstone_time);
  tombstones_.push_back(id);
  if (tombstones_.size() > config_.max_tombstones) forget(tombstones_.front());
  return {};
}

CallRegistry::Party& CallRegistry::leave(const Fingerprint& who, const CallId& id, Role role) {
  Party& party = parties_.at(who);
  std::erase(party.live, id);
  --(role == Role::Caller ? party.placed : party.received);
  return party;
}

void CallRegistry::forget(const CallId& id) {
  const auto found = calls_.find(id);
  assert(found != calls_.end() && !found->second.is_live());
  for (const auto role : {Role::Caller, Role::Callee}) {
    if (std::holds_alternative<Transit>(found->second.route)) break;
    const auto party = parties_.find(found->second.party(role));
    --party->second.tombstones;
    if (party->second.tombstones == 0) party->second.last_end.reset();
    untold_parties_.erase({party->first, id});
    if (party->second.tombstones == 0 && party->second.live.empty()) parties_.erase(party);
  }
  if (const auto untold = untold_to_.extract(id)) {
    for (const auto& relay : untold.mapped()) {
      const auto ids = untold_relays_.find(relay);
      ids->second.erase(id);
      if (ids->second.empty()) untold_relays_.erase(ids);
    }
  }
  due_.cancel(id);
  // Almost always near the front: tombstones end about in the order in which they were made.
  tombstones_.erase(std::find(tombstones_.begin(), tombstones_.end(), id));
  calls_.erase(found);
}

void CallRegistry::discard(const CallId& id) {
  const auto* call = find(id);
  if (call != nullptr && !call->is_live()) forget(id);
}

void CallRegistry::index_route(const DirectCall& call, bool add) {
  if (const auto* from = upstream(call.route)) index_relay(*from, call.id, add);
  if (const auto* way = onward(call.route)) {
    for (const auto& relay : way->asked) index_relay(relay, call.id, add);
  }
}

void CallRegistry::index_relay(const RelayFingerprint& relay, const CallId& id, bool add) {
  if (add) {
    via_[relay].insert(id);
    return;
  }
  const auto found = via_.find(relay);
  found->second.erase(id);
  if (found->second.empty()) via_.erase(found);
}

Result<void> CallRegistry::set_peer_relay_fp(const CallId& id, const RelayFingerprint& relay) {
  const auto call = live_record(id);
  if (!call) return call.failure();
  const auto& way = way_of((*call)->route);
  if (!way.asked.contains(relay)) return Unexpected{Errc::NotAllowed, "relay was not asked"};
  if (way.claimed_by && *way.claimed_by != relay) return Unexpected{Errc::Exists, "claimed by another relay"};
  if ((*call)->is_here(Role::Callee)) move_away(**call);
  way_of((*call)->route).claimed_by = relay;
  return {};
}

void CallRegistry::move_away(DirectCall& call) {
  auto way = std::move(way_of(call.route));
  const auto* from = upstream(call.route);
  if (from == nullptr) {
    call.route = std::move(way);
    return;
  }
  call.route = Transit{*from, std::move(way)};
  for (const auto role : {Role::Caller, Role::Callee}) {
    const auto& party = leave(call.party(role), call.id, role);
    if (party.tombstones == 0 && party.live.empty()) parties_.erase(call.party(role));
  }
}

Result<void> CallRegistry::callee_left(const CallId& id) {
  const auto call = live_record(id);
  if (!call) return call.failure();
  if (!(*call)->is_here(Role::Callee))
    return Unexpected{Errc::WrongState, "the callee of call " + id.text() + " is not here"};
  if (onward((*call)->route) == nullptr) return Unexpected{Errc::WrongState, "no relay is asked"};
  move_away(**call);
  return {};
}

Result<void> CallRegistry::callee_came(const CallId& id) {
  const auto call = live_record(id);
  if (!call) return call.failure();
  auto* way = std::get_if<Outgoing>(&(*call)->route);
  if (way == nullptr || way->claimed_by || !(*call)->is_unanswered())
    return Unexpected{Errc::WrongState, "the callee of call " + id.text() + " is not looked for"};
  (*call)->route = Local{std::move(*way)};
  return {};
}

Result<std::size_t> CallRegistry::withdraw(const CallId& id, const RelayFingerprint& relay) {
  const auto call = live_record(id);
  if (!call) return call.failure();
  auto& way = way_of((*call)->route);
  if (way.asked.erase(relay) == 0) return Unexpected{Errc::NotAllowed, "relay was not asked"};
  if (way.claimed_by == relay) way.claimed_by.reset();
  index_relay(relay, id, false);
  return way.asked.size();
}

Result<void> CallRegistry::ask(const CallId& id, const std::set<RelayFingerprint>& more) {
  const auto call = live_record(id);
  if (!call) return call.failure();
  if ((*call)->is_here(Role::Callee) && !(*call)->is_unanswered())
    return Unexpected{Errc::WrongState, "the callee of call " + id.text() + " has answered here"};
  auto& way = way_of((*call)->route);
  for (const auto& relay : more) {
    if (way.asked.insert(relay).second) index_relay(relay, id, true);
  }
  return {};
}

Result<void> CallRegistry::reroute(const CallId& id, Route route) {
  const auto call = live_record(id);
  if (!call) return call.failure();
  if ((*call)->route.index() != route.index()) return Unexpected{Errc::WrongState, "another kind of route"};
  index_route(**call, false);
  (*call)->route = std::move(route);
  index_route(**call, true);
  return {};
}

Result<void> CallRegistry::set_home(const CallId& id, Role role, const RelayFingerprint& relay) {
  const auto call = live_record(id);
  if (!call) return call.failure();
  (*call)->homes[static_cast<std::size_t>(role)] = relay;
  return {};
}

Result<void> CallRegistry::set_addresses(const CallId& id, Role role, Addresses addresses) {
  const auto call = live_record(id);
  if (!call) return call.failure();
  (role == Role::Caller ? (*call)->caller_addrs : (*call)->callee_addrs) = std::move(addresses);
  return {};
}

const DirectCall* CallRegistry::find(const CallId& id) const {
  const auto found = calls_.find(id);
  return found == calls_.end() ? nullptr : &found->second;
}

const DirectCall* CallRegistry::find_live(const CallId& id) const {
  const auto* call = find(id);
  return call != nullptr && call->is_live() ? call : nullptr;
}

std::vector<CallId> CallRegistry::calls_of(const Fingerprint& who) const {
  const auto found = parties_.find(who);
  return found == parties_.end() ? std::vector<CallId>{} : found->second.live;
}

std::vector<CallId> CallRegistry::calls_via(const RelayFingerprint& relay) const {
  const auto found = via_.find(relay);
  if (found == via_.end()) return {};
  return {found->second.begin(), found->second.end()};
}

std::optional<Instant> CallRegistry::last_end(const Fingerprint& who) const {
  const auto found = parties_.find(who);
  return found == parties_.end() ? std::nullopt : found->second.last_end;
}

void CallRegistry::mark_untold(const CallId& id, Role party) {
  const auto* call = find(id);
  if (call != nullptr && !call->is_live()) untold_parties_.emplace(call->party(party), id);
}

void CallRegistry::mark_untold(const CallId& id, const RelayFingerprint& relay) {
  const auto* call = find(id);
  if (call != nullptr && !call->is_live()) note_untold(relay, id);
}

std::vector<CallId> CallRegistry::mark_untold(const RelayFingerprint& relay, Instant now) {
  std::vector<CallId> marked;
  for (const auto& id : tombstones_) {
    const auto& call = calls_.at(id);
    if (!call.may_come_from(relay) || now - *call.ended_at > config_.tombstone_time) continue;
    note_untold(relay, id);
    due_.set(id, now + config_.tombstone_time);
    marked.push_back(id);
  }
  return marked;
}

void CallRegistry::note_untold(const RelayFingerprint& relay, const CallId& id) {
  untold_relays_[relay].insert(id);
  untold_to_[id].insert(relay);
}

std::vector<DirectCall> CallRegistry::take_untold(const Fingerprint& who) {
  std::vector<DirectCall> calls;
  auto it = untold_parties_.lower_bound({who, CallId{}});
  while (it != untold_parties_.end() && it->first == who) {
    calls.push_back(calls_.at(it->second));
    it = untold_parties_.erase(it);
  }
  return calls;
}

std::vector<DirectCall> CallRegistry::take_untold(const RelayFingerprint& relay) {
  std::vector<DirectCall> calls;
  const auto ids = untold_relays_.extract(relay);
  if (!ids) return calls;
  for (const auto& id : ids.mapped()) {
    calls.push_back(calls_.at(id));
    const auto to = untold_to_.find(id);
    to->second.erase(relay);
    if (to->second.empty()) untold_to_.erase(to);
  }
  return calls;
}

std::vector<RelayFingerprint> CallRegistry::untold_relays() const {
  std::vector<RelayFingerprint> relays;
  for (const auto& [relay, ids] : untold_relays_) relays.push_back(relay);
  return relays;
}

std::vector<CallId> CallRegistry::expire(Instant now) {
  std::vector<CallId> timed_out;
  while (const auto id = due_.take_due(now)) {
    if (calls_.at(*id).is_live()) {
      timed_out.push_back(*id);
      (void)end(*id, proto::HangupReason::Timeout, now);
    } else {
      forget(*id);
    }
  }
  return timed_out;
}

std::vector<DirectCall> CallRegistry::live() const {
  std::vector<DirectCall> calls;
  for (const auto& [id, call] : calls_) {
    if (call.is_live()) calls.push_back(call);
  }
  return calls;
}

}  // namespace wzp::registry
