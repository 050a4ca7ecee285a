#include "route_repair.hpp"

#include <algorithm>

#include "bridge.hpp"
#include "calls.hpp"
#include "validate.hpp"

namespace wzp::relay {
namespace {

using registry::Incoming;
using registry::Outgoing;
using registry::Transit;

/// Before the second try; doubled for each further one, up to the longest. Source: our choice; a route is to be found
/// within 1 s, and relays on the way learn of the break a moment later than we do.
constexpr Duration kFirstRetry = std::chrono::milliseconds{100};
constexpr Duration kLongestRetry = std::chrono::seconds{1};
/// How long a relay on a new route waits for it to be confirmed. Source: our choice, several tries.
constexpr Duration kRerouteTimeout = std::chrono::seconds{5};

/// The neighbour on the way to a relay that is not this one.
std::optional<RelayFingerprint> hop_to(const State& s, const RelayFingerprint& relay) {
  if (s.federation.has_link(relay)) return relay;
  const auto hop = s.map.next_hop(relay);
  return hop && s.federation.has_link(*hop) ? hop : std::nullopt;
}

/// The relays of the route that the call has left may forget it. Those that are on the new one as well know better.
void leave_route(State& s, const DirectCall& before, const DirectCall& after) {
  for (const auto side : {Role::Caller, Role::Callee}) {
    const auto old = before.relay_toward(side);
    if (old && old != after.relay_toward(side)) s.forward(*old, proto::RouteLost{before.id.text()});
  }
}

void repaired(State& s, const CallId& id, Instant now) {
  auto& notes = s.notes.at(id);
  notes.lost = {};
  notes.severed = false;
  notes.tries = 0;
  s.broken.erase(id);
  s.due.cancel(LinkDue{id});
  s.due.cancel(RepairDue{id});
  update_bridge(s, id, now);
}

}  // namespace

void route_lost(State& s, const CallId& id, Role side, Instant now) {
  const auto& call = *s.calls.find(id);
  auto& notes = s.notes.at(id);
  notes.lost[static_cast<std::size_t>(side)] = true;
  s.due.set(LinkDue{id}, now + s.config.link_grace);
  if (std::holds_alternative<Transit>(call.route)) {
    const auto other_side = call.relay_toward(other(side));
    if (other_side) s.forward(*other_side, proto::RouteLost{id.text()});
  } else if (side == Role::Callee && call.home(Role::Callee)) {
    notes.tries = 0;
    s.broken.insert(id);
    s.due.set(RepairDue{id}, now);
  }
  update_bridge(s, id, now);
}

void route_back(State& s, const CallId& id, Role side, Instant now) {
  // The other relay may have forgotten the call, or left its route: the caller's relay asks. Relays that cannot be asked
  // are believed.
  if (s.calls.find(id)->home(side)) {
    if (s.broken.contains(id)) s.due.set(RepairDue{id}, now);
    return;
  }
  s.notes.at(id).lost[static_cast<std::size_t>(side)] = false;
  s.due.cancel(LinkDue{id});
  update_bridge(s, id, now);
}

void map_has_changed(State& s, Instant now) {
  for (const auto& id : s.broken) {
    if (s.notes.at(id).tries > 0) s.due.set(RepairDue{id}, now + kFirstRetry / 4);
  }
  tell_untold(s);
}

void on_due(State& s, const RepairDue& due, Instant now) {
  const auto* call = s.calls.find_live(due.call);
  if (call == nullptr || !s.broken.contains(due.call)) return;
  auto& notes = s.notes.at(due.call);
  const auto retry = kFirstRetry * (1U << std::min(notes.tries++, 10U));
  s.due.set(RepairDue{due.call}, now + std::min<Duration>(retry, kLongestRetry));
  const auto& target = call->home(Role::Callee);
  const auto hop = hop_to(s, *target);
  if (!hop || !notes.offer) return;
  (void)s.calls.ask(due.call, {*hop});
  s.forward(*hop, without_addresses(*notes.offer), {.target = *target, .attempt = ++notes.attempt});
}

void on_reroute(State& s, const Arrival& arrival, const proto::DirectCallOffer& offer, Instant now) {
  const auto checked = check(offer);
  if (!checked || !arrival.target) return s.misdeed(arrival.from, "reroute-bad-offer", now);
  const auto* call = s.calls.find(checked->id);
  const bool is_end = arrival.target == s.config.fingerprint;
  if (call != nullptr && !call->is_live()) {
    const bool passed_by = std::holds_alternative<Transit>(call->route) && call->home(Role::Caller) == arrival.origin;
    if (is_end) s.forward(arrival.from, proto::Hangup{*call->end_reason, call->id.text()});
    if (is_end || !passed_by) return s.drop("reroute-ended-call");
    // It was asked for the callee once, or was on a route that the call has left.
    s.due.cancel(RoomDue{call->id.room()});
    s.calls.discard(checked->id);
    call = nullptr;
  }
  if (call == nullptr && is_end) return s.drop("reroute-unknown-call");
  if (call != nullptr) {
    auto& notes = s.notes.at(call->id);
    if (call->home(Role::Caller) != arrival.origin) return s.drop("reroute-wrong-origin");
    if (call->is_unanswered() && is_end) return s.drop("reroute-unanswered");
    if (arrival.attempt <= notes.attempt) return s.drop("reroute-old");
    if (std::holds_alternative<Incoming>(call->route) != is_end) return s.drop("reroute-wrong-end");
  }
  if (is_end) {
    const DirectCall before = *call;
    (void)s.calls.reroute(checked->id, Incoming{arrival.from});
    leave_route(s, before, *call);
    s.notes.at(checked->id).attempt = arrival.attempt;
    s.forward(arrival.from, proto::CallRerouted{checked->id.text(), arrival.attempt});
    return repaired(s, checked->id, now);
  }
  const auto hop = hop_to(s, *arrival.target);
  const bool can_pass = hop && *hop != arrival.from && s.federation.is_delegate(arrival.from) &&
                        std::ranges::find(arrival.path, *hop) == arrival.path.end();
  if (!can_pass) return s.drop("reroute-no-way");
  const Transit route{arrival.from, {{*hop}, {}}};
  if (call != nullptr) {
    const DirectCall before = *call;
    if (!s.calls.reroute(checked->id, route)) return s.drop("reroute-wrong-end");
    leave_route(s, before, *call);
  } else if (!s.offers_by_link.take(arrival.from, now) ||
             !s.calls.create({checked->id, checked->caller, checked->callee, route}, now)) {
    return s.drop("reroute-limit");
  }
  auto& notes = s.notes[checked->id];
  notes.attempt = arrival.attempt;
  (void)s.calls.set_home(checked->id, Role::Caller, arrival.origin);
  (void)s.calls.set_home(checked->id, Role::Callee, *arrival.target);
  s.due.set(ClaimDue{checked->id}, now + kRerouteTimeout);
  s.pass_on(*hop, arrival);
}

void on_rerouted(State& s, const Arrival& arrival, const proto::CallRerouted& rerouted, Instant now) {
  const auto id = CallId::parse(rerouted.call_id);
  const auto* call = id ? s.calls.find_live(*id) : nullptr;
  if (call == nullptr) return s.drop("rerouted-unknown-call");
  const auto* way = registry::onward(call->route);
  if (way == nullptr || !way->asked.contains(arrival.from)) return s.drop("forward-wrong-link");
  const DirectCall before = *call;
  auto& notes = s.notes.at(*id);
  if (rerouted.attempt != notes.attempt || rerouted.attempt == 0) return s.drop("rerouted-old");
  if (call->home(Role::Callee) != arrival.origin) return s.drop("forward-wrong-end");
  if (const auto* from = registry::upstream(call->route)) {
    const auto upstream = *from;
    (void)s.calls.reroute(*id, Transit{upstream, {{arrival.from}, arrival.from}});
    if (call->is_unanswered()) (void)s.calls.set_active(*id, proto::CallAcceptMode::AcceptGeneric, now);
    s.due.cancel(ClaimDue{*id});
    s.pass_on(upstream, arrival);
  } else {
    (void)s.calls.reroute(*id, Outgoing{{arrival.from}, arrival.from});
    s.log(LogLevel::Info, "call " + id->text() + " has found another route");
  }
  leave_route(s, before, *call);
  repaired(s, *id, now);
}

void on_route_lost(State& s, const Arrival& arrival, const proto::RouteLost& lost, Instant now) {
  const auto id = CallId::parse(lost.call_id);
  const auto* call = id ? s.calls.find(*id) : nullptr;
  if (call == nullptr) return s.drop("route-lost-unknown-call");
  for (const auto side : {Role::Caller, Role::Callee}) {
    if (call->relay_toward(side) != arrival.from) continue;
    if (!call->is_live()) {
      // Our last word may have got lost on that route.
      if (call->home(side)) s.calls.mark_untold(*id, *call->home(side));
      return tell_untold(s);
    }
    if (call->is_unanswered()) return s.drop("route-lost-unanswered");
    return route_lost(s, *id, side, now);
  }
  s.drop("forward-wrong-link");
}

void pass_to_target(State& s, const Arrival& arrival, Instant now) {
  if (const auto* hangup = std::get_if<proto::Hangup>(&arrival.inner); hangup != nullptr && hangup->call_id) {
    // What is left here of the route that the call has lost.
    const auto id = CallId::parse(*hangup->call_id);
    const auto* call = id ? s.calls.find_live(*id) : nullptr;
    const bool is_its_end = call != nullptr && std::holds_alternative<Transit>(call->route) &&
                            (call->home(Role::Caller) == arrival.origin || call->home(Role::Callee) == arrival.origin);
    if (is_its_end) end_call(s, *id, hangup->reason, tell_nobody(), now);
  }
  const auto hop = hop_to(s, *arrival.target);
  const bool can_pass = hop && *hop != arrival.from && s.federation.is_delegate(arrival.from) &&
                        std::ranges::find(arrival.path, *hop) == arrival.path.end();
  if (!can_pass || !s.pass_on(*hop, arrival)) s.drop("routed-no-way");
}

void tell_untold(State& s) {
  for (const auto& relay : s.calls.untold_relays()) {
    const auto hop = hop_to(s, relay);
    if (!hop) continue;
    const RouteOptions options{.target = *hop == relay ? std::nullopt : std::optional{relay}};
    for (const auto& ended : s.calls.take_untold(relay)) {
      s.forward(*hop, proto::Hangup{*ended.end_reason, ended.id.text()}, options);
    }
  }
}

}  // namespace wzp::relay
