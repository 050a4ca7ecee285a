#include "cross_relay_dispatcher.hpp"

#include <algorithm>
#include <utility>

#include "bridge.hpp"
#include "calls.hpp"
#include "claims.hpp"
#include "elsewhere.hpp"
#include "offer_search.hpp"
#include "route_repair.hpp"
#include "validate.hpp"
#include "wzp/base/overloaded.hpp"

namespace wzp::relay {

using proto::HangupReason;
using registry::Incoming;
using registry::Outgoing;
using registry::Transit;

bool CrossRelayDispatcher::reads_nack(const RelayFingerprint& relay) const {
  return s.federation.has_cap(relay, proto::kCapCallNack);
}

// From the callee's side ------------------------------------------------------------------------------------------

void CrossRelayDispatcher::gone(const Arrival& arrival, const std::string& call_id, std::string_view reason) {
  s.drop(reason);
  if (CallId::parse(call_id)) refuse(arrival.from, call_id, HangupReason::Normal);
}

void CrossRelayDispatcher::on(const Arrival& arrival, const proto::CallRinging& ringing, Instant now) {
  const auto id = CallId::parse(ringing.call_id);
  const auto* call = id ? s.calls.find_live(*id) : nullptr;
  if (call == nullptr) return gone(arrival, ringing.call_id, "ringing-unknown-call");
  auto& notes = s.notes.at(*id);
  const bool proven = ringing.signature.has_value();
  if (proven && !(notes.offer && is_signed_by_callee(*notes.offer, ringing))) {
    return s.misdeed(arrival.from, "ringing-bad-signature", now);
  }
  // First of all: a second phone of the callee's that rings on after the answer has to be told.
  const auto standing = claim(s, arrival, *call, proven, now);
  if (standing == Standing::None) return;
  if (!call->is_unanswered()) return s.drop("ringing-late");
  const bool is_first = s.calls.set_ringing(*id).has_value();
  const bool is_news = proven && !std::exchange(notes.is_proven, true);
  const auto* from = registry::upstream(call->route);
  if (from != nullptr && (is_first || is_news)) {
    s.pass_on(*from, arrival);
  } else if (from == nullptr && !notes.caller_rings) {
    notes.caller_rings = true;
    s.send_to(call->caller, proto::CallRinging{id->text()});
  } else if (!is_news) {
    s.drop("ringing-repeated");
  }
  if (standing == Standing::Says) note_claimant(s, *id, arrival, now);
}

void CrossRelayDispatcher::on(const Arrival& arrival, const proto::DirectCallAnswer& answer, Instant now) {
  const auto id = CallId::parse(answer.call_id);
  const auto* call = id ? s.calls.find_live(*id) : nullptr;
  if (call == nullptr) return gone(arrival, answer.call_id, "answer-unknown-call");
  auto& notes = s.notes.at(*id);
  const bool is_reject = answer.accept_mode == proto::CallAcceptMode::Reject;
  const bool proven = !is_reject && notes.offer && is_signed_by_callee(*notes.offer, answer);
  const auto standing = claim(s, arrival, *call, proven, now);
  if (standing == Standing::None) return;
  if (!call->is_unanswered()) return s.drop("answer-late");
  if (standing == Standing::Says) {
    return is_reject ? says_no(s, arrival.from, *id, HangupReason::Declined, now) : note_claimant(s, *id, arrival, now);
  }
  if (is_reject) {
    return end_call(s, *id, HangupReason::Declined, {.as_reject = true, .except = arrival.from, .arrival = &arrival},
                    now);
  }
  const auto addresses = check(answer);
  if (!addresses) {
    s.drop("answer-bad-field");
    return end_call(s, *id, HangupReason::Error, {}, now);
  }
  const bool trusted = answer.accept_mode == proto::CallAcceptMode::AcceptTrusted;
  notes.arrival.reset();
  notes.reads_reports[static_cast<std::size_t>(Role::Callee)] =
      s.federation.is_capable(arrival.from) || answer.callee_build_version.has_value();
  if (trusted) (void)s.calls.set_addresses(*id, Role::Callee, *addresses);
  (void)s.calls.set_active(*id, answer.accept_mode, now);
  ++s.counters.calls_answered;
  s.log(LogLevel::Info, "call " + id->text() + " (" + std::string{name(call->route)} + ") answered");
  if (const auto* from = registry::upstream(call->route)) {
    s.pass_on(*from, arrival);
  } else {
    s.send_to(call->caller, trusted ? canonical(answer, *addresses) : without_addresses(answer));
    send_setup(s, *call, Role::Caller);
  }
  update_bridge(s, *id, now);
}

// From the caller's side --------------------------------------------------------------------------------------------

void CrossRelayDispatcher::refuse(const RelayFingerprint& to, const std::string& call_id, HangupReason reason) {
  if (reads_nack(to)) {
    s.forward(to, proto::Hangup{reason, call_id});
  } else if (reason == HangupReason::Busy) {
    s.forward(to, proto::DirectCallAnswer{.call_id = call_id});
  }
}

void CrossRelayDispatcher::on(const Arrival& arrival, const proto::DirectCallOffer& raw, Instant now) {
  const auto& from = arrival.from;
  if (!CallId::parse(raw.call_id)) return s.misdeed(from, "forward-bad-offer", now);
  if (arrival.attempt > 0) return on_reroute(s, arrival, raw, now);
  const auto refused = [&](HangupReason reason, std::string_view why) {
    s.drop(why);
    refuse(from, raw.call_id, reason);
  };
  const auto checked = check(raw);
  if (!checked) return refused(HangupReason::Error, "forward-bad-offer");
  const auto offer = canonical(raw, *checked);
  if (const auto* known = s.calls.find(checked->id); known != nullptr) {
    const auto* before = registry::upstream(known->route);
    if (before != nullptr && *before == from) return offer_again(arrival, *known, offer, checked->addresses, now);
    return refused(HangupReason::Error, "forward-known-id");
  }
  if (!s.offers_by_link.take(from, now) || !s.offers_by_remote_caller.take(checked->caller, now)) {
    return refused(HangupReason::Busy, "forward-offer-rate");
  }
  ++s.counters.calls_offered;
  registry::NewCall call{checked->id, checked->caller, checked->callee, Incoming{from}, checked->addresses};
  const auto* callee = s.presence.current(checked->callee);
  if (callee == nullptr) {
    if (pass_offer(arrival, offer, call, now)) return;
    return refused(HangupReason::Error, "forward-target-absent");
  }
  if (const auto created = s.calls.create(call, now); !created) {
    const bool full = created.error().code == Errc::LimitReached;
    return refused(full ? HangupReason::Busy : HangupReason::Error, "forward-offer-limit");
  }
  auto& notes = s.notes[checked->id];
  notes.offer = offer;
  notes.addresses_final = has_addresses(offer) || !reads_nack(from);
  notes.reads_reports[static_cast<std::size_t>(Role::Caller)] =
      s.federation.is_capable(from) || offer.caller_build_version.has_value();
  if (arrival.envelope) (void)s.calls.set_home(checked->id, Role::Caller, arrival.origin);
  s.send(callee->conn, s.config.share_addrs_in_offer ? offer : without_addresses(offer));
  offered(s, checked->id, &arrival);
  update_bridge(s, checked->id, now);
}

bool CrossRelayDispatcher::pass_offer(const Arrival& arrival, const proto::DirectCallOffer& offer,
                                      const registry::NewCall& call, Instant now) {
  const auto wave = first_wave(s, offer, &arrival);
  if (wave.relays.empty()) return false;
  registry::NewCall passing = call;
  passing.route = Transit{arrival.from, {wave.relays, {}}};
  passing.caller_addrs = {};
  if (!s.calls.create(passing, now)) return false;
  auto& notes = s.notes[call.id];
  notes.arrival = arrival;
  notes.offer = without_addresses(offer);
  (void)s.calls.set_home(call.id, Role::Caller, arrival.origin);
  ask(s, call.id, wave, now);
  return true;
}

void CrossRelayDispatcher::offer_again(const Arrival& arrival, const DirectCall& known,
                                       const proto::DirectCallOffer& offer, const registry::Addresses& addresses,
                                       Instant now) {
  if (!known.is_live()) return s.drop("forward-late-offer");
  auto& notes = s.notes.at(known.id);
  if (!notes.offer || !same_offer(*notes.offer, offer)) return s.misdeed(arrival.from, "forward-changed-offer", now);
  if (notes.addresses_final) return s.drop("forward-repeated-offer");
  notes.addresses_final = true;
  if (const auto relay = known.relay_toward(Role::Callee)) {
    if (!s.pass_on(*relay, arrival)) s.drop("forward-repeated-offer");
    return;
  }
  // Wherever the callee turns out to be.
  if (known.is_unanswered() && notes.arrival) notes.addresses_arrival = arrival;
  if (!known.is_here(Role::Callee)) return;
  (void)s.calls.set_addresses(known.id, Role::Caller, addresses);
  if (!notes.setup_waits) return;
  notes.setup_waits = false;
  s.due.cancel(AddressDue{known.id});
  send_setup(s, known, Role::Callee);
}

void CrossRelayDispatcher::answer(const DirectCall& call, const proto::DirectCallAnswer& answer, Instant now) {
  if (!s.forward(std::get<Incoming>(call.route).from, answer)) {
    s.drop("answer-no-link");
    return end_call(s, call.id, HangupReason::Error, {}, now);
  }
  (void)s.calls.set_active(call.id, answer.accept_mode, now);
  ++s.counters.calls_answered;
  s.log(LogLevel::Info, "call " + call.id.text() + " (incoming) answered");
  update_bridge(s, call.id, now);
  auto& notes = s.notes.at(call.id);
  // A callee that answers at once may be faster than the second offer with the caller's addresses.
  if (answer.accept_mode == proto::CallAcceptMode::AcceptTrusted && !notes.addresses_final) {
    notes.setup_waits = true;
    s.due.set(AddressDue{call.id}, now + s.config.address_wait);
    return;
  }
  send_setup(s, call, Role::Callee);
}

// Both ----------------------------------------------------------------------------------------------------------

namespace {

/// The party that this signal may speak for: by the link of the route, or because its relay has signed it. What was sent
/// to this relay by name did not come along the route, whatever link it took last.
std::optional<Role> speaks_for(const DirectCall& call, const Arrival& arrival) {
  for (const auto role : {Role::Caller, Role::Callee}) {
    if (call.relay_toward(role) == arrival.from && !arrival.target) return role;
  }
  if (!arrival.envelope) return std::nullopt;
  for (const auto role : {Role::Caller, Role::Callee}) {
    if (!call.is_here(role) && call.home(role) == arrival.origin) return role;
  }
  return std::nullopt;
}

}  // namespace

void CrossRelayDispatcher::on(const Arrival& arrival, const proto::Hangup& hangup, Instant now) {
  if (!hangup.call_id) return reference_hangup(arrival.from, now);
  const auto id = CallId::parse(*hangup.call_id);
  const auto* call = id ? s.calls.find_live(*id) : nullptr;
  if (call == nullptr) return s.drop("hangup-unknown-call");
  if (const auto role = speaks_for(*call, arrival)) {
    // The callee's side of a call that is not answered: other relays that were asked may still ring.
    const bool others_ring = role == Role::Callee && call->is_unanswered();
    return end_call(s, *id, hangup.reason,
                    {.caller = role == Role::Callee,
                     .callee = role == Role::Caller || others_ring,
                     .except = arrival.from,
                     .arrival = arrival.envelope ? &arrival : nullptr},
                    now);
  }
  const auto* way = registry::onward(call->route);
  if (way == nullptr || arrival.target || !way->asked.contains(arrival.from)) return s.drop("forward-wrong-link");
  // A relay that cannot say "not here" says this only when its person does not want the call.
  says_no(s, arrival.from, *id, reads_nack(arrival.from) ? hangup.reason : HangupReason::Declined, now);
}

void CrossRelayDispatcher::reference_hangup(const RelayFingerprint& from, Instant now) {
  if (reads_nack(from)) return s.drop("hangup-without-id");
  std::vector<CallId> offered;
  for (const auto& id : s.calls.calls_via(from)) {
    const auto& call = *s.calls.find(id);
    const auto* way = registry::onward(call.route);
    if (way == nullptr || !way->asked.contains(from) || !call.is_unanswered()) continue;
    if (way->claimed_by && way->claimed_by != from) continue;
    offered.push_back(id);
  }
  if (offered.size() != 1) return s.drop("hangup-without-id");
  const auto& id = offered.front();
  if (!registry::onward(s.calls.find(id)->route)->claimed_by) {
    return says_no(s, from, id, HangupReason::Declined, now);
  }
  end_call(s, id, HangupReason::Declined, {.except = from}, now);
}

void CrossRelayDispatcher::on(const Arrival& arrival, const proto::MediaPathReport& report, Instant) {
  const auto id = CallId::parse(report.call_id);
  const auto* call = id ? s.calls.find_live(*id) : nullptr;
  if (call == nullptr) return s.drop("report-unknown-call");
  const auto speaker = speaks_for(*call, arrival);
  if (!speaker) return s.drop("forward-wrong-link");
  if (call->state != registry::CallState::Active) return s.drop("report-before-answer");
  if (report.race_winner.size() > kMaxAliasBytes) return s.drop("report-bad-field");
  const auto listener = other(*speaker);
  if (!call->is_here(listener)) {
    const auto relay = call->relay_toward(listener);
    if (!relay || !s.pass_on(*relay, arrival)) s.drop("report-no-link");
    return;
  }
  if (!s.notes.at(*id).reads_reports[static_cast<std::size_t>(listener)]) return s.drop("report-not-understood");
  if (!s.send_to(call->party(listener), report)) s.drop("report-party-away");
}

void CrossRelayDispatcher::report(const DirectCall& call, const proto::MediaPathReport& report) {
  if (s.notes.at(call.id).severed || !s.forward(*call.peer_relay_fp(), report)) s.drop("report-no-link");
}

void CrossRelayDispatcher::handle(const RelayFingerprint& from, const proto::SignalMessage& inner, Instant now) {
  handle(Arrival{.from = from, .origin = from, .path = {from}, .inner = inner}, now);
}

void CrossRelayDispatcher::handle(const RelayFingerprint& from, const proto::RoutedSignal& signal, Instant now) {
  auto arrival = open_routed(signal, from, s.config.fingerprint, s.federation.is_delegate(from));
  if (!arrival) {
    if (arrival.error().code == Errc::Exists) return s.drop("routed-loop");
    return s.misdeed(from, arrival.error().code == Errc::BadSignature ? "routed-bad-signature" : "routed-malformed",
                     now);
  }
  switch (s.routed_seen.admit(from, arrival->origin, signal.route_id, now)) {
    case DuplicateGuard::Verdict::Seen: return s.drop("routed-duplicate");
    case DuplicateGuard::Verdict::TooMany: return s.drop("routed-too-many");
    case DuplicateGuard::Verdict::New: return handle(*arrival, now);
  }
}

void CrossRelayDispatcher::handle(const Arrival& arrival, Instant now) {
  const bool is_reroute = arrival.attempt > 0;
  if (arrival.target && arrival.target != s.config.fingerprint && !is_reroute) return pass_to_target(s, arrival, now);
  std::visit(overloaded{[&](const proto::DirectCallOffer& m) { on(arrival, m, now); },
                        [&](const proto::DirectCallAnswer& m) { on(arrival, m, now); },
                        [&](const proto::CallRinging& m) { on(arrival, m, now); },
                        [&](const proto::Hangup& m) { on(arrival, m, now); },
                        [&](const proto::MediaPathReport& m) { on(arrival, m, now); },
                        [&](const proto::CallRerouted& m) { on_rerouted(s, arrival, m, now); },
                        [&](const proto::RouteLost& m) { on_route_lost(s, arrival, m, now); },
                        [&](const auto&) { s.misdeed(arrival.from, "forward-unexpected", now); }},
             arrival.inner.as_variant());
}

void CrossRelayDispatcher::link_up(const RelayFingerprint& relay, Instant now) {
  for (const auto& id : s.calls.calls_via(relay)) {
    for (const auto side : {Role::Caller, Role::Callee}) {
      const auto& call = *s.calls.find(id);
      if (call.relay_toward(side) == relay && !call.is_unanswered()) route_back(s, id, side, now);
    }
  }
  tell_untold(s);
}

void CrossRelayDispatcher::link_down(const RelayFingerprint& relay, Instant now) {
  for (const auto& ended : s.calls.mark_untold(relay, now)) {
    const auto& call = *s.calls.find(ended);
    const auto* from = registry::upstream(call.route);
    // In the middle: our last word may be lost, and the caller's relay may know another way.
    if (std::holds_alternative<Transit>(call.route) && *from != relay) s.forward(*from, proto::RouteLost{ended.text()});
  }
  for (const auto& id : s.calls.calls_via(relay)) {
    const auto& call = *s.calls.find(id);
    std::optional<Role> side;
    for (const auto role : {Role::Caller, Role::Callee}) {
      if (call.relay_toward(role) == relay) side = role;
    }
    if (!call.is_unanswered()) {
      if (side) route_lost(s, id, *side, now);
    } else if (side) {
      // The other relay ends it too, unless an answer was under way: then it hears so when the link is back.
      end_call(s, id, HangupReason::Error, {}, now);
    } else {
      says_no(s, relay, id, HangupReason::Error, now);
    }
  }
}

}  // namespace wzp::relay
