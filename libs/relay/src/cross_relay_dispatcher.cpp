#include "cross_relay_dispatcher.hpp"

#include <algorithm>

#include "calls.hpp"
#include "validate.hpp"
#include "wzp/base/overloaded.hpp"

namespace wzp::relay {

using proto::HangupReason;
using registry::Incoming;
using registry::Outgoing;

bool CrossRelayDispatcher::reads_nack(const RelayFingerprint& relay) const {
  return s.federation.has_cap(relay, proto::kCapCallNack);
}

// Outgoing: the caller is here -----------------------------------------------------------------------------------

std::set<RelayFingerprint> CrossRelayDispatcher::Placed::asked() const {
  std::set<RelayFingerprint> relays;
  for (const auto& to : sends) relays.insert(to.relay);
  return relays;
}

CrossRelayDispatcher::Placed CrossRelayDispatcher::prepare(const proto::DirectCallOffer& offer) const {
  const auto& federation = s.federation;
  Placed placed{offer, {}, false};
  auto broadcast = federation.broadcast_signal(federation.envelope(without_addresses(offer)));
  const bool single = broadcast.reach() == 1;
  for (auto& to : broadcast.sends) {
    const bool ours = federation.is_capable(to.relay);
    if (ours ? !single : !federation.shares_addrs(to.relay)) continue;
    to.send.message = federation.envelope(offer);
    if (ours) placed.with_addresses = has_addresses(offer);
  }
  placed.sends = std::move(broadcast.sends);
  return placed;
}

void CrossRelayDispatcher::place(const CallId& id, Placed placed, Instant now) {
  auto& notes = s.notes.at(id);
  notes.offer = std::move(placed.offer);
  notes.addresses_sent = placed.with_addresses;
  const bool all_answer =
      std::all_of(placed.sends.begin(), placed.sends.end(), [&](const auto& to) { return reads_nack(to.relay); });
  for (auto& to : placed.sends) s.send(to.send.conn, std::move(to.send.message));
  s.due.set(ClaimDue{id}, now + s.config.claim_timeout);
  if (all_answer) return;
  // A reference relay never says that it rings.
  notes.caller_rings = true;
  s.send_to(s.calls.find(id)->caller, proto::CallRinging{id.text()});
}

bool CrossRelayDispatcher::claim(const RelayFingerprint& from, const DirectCall& call) {
  const auto claimed = s.calls.set_peer_relay_fp(call.id, from);
  if (claimed) {
    s.due.cancel(ClaimDue{call.id});
    return true;
  }
  if (claimed.error().code != Errc::Exists) {
    s.drop("forward-wrong-link");
    return false;
  }
  // Registered on two relays: the first one to say so has the call, the other stops ringing.
  s.drop("claim-late");
  s.forward(from, proto::Hangup{HangupReason::Normal, call.id.text()});
  (void)s.calls.withdraw(call.id, from);
  return false;
}

void CrossRelayDispatcher::on(const RelayFingerprint& from, const proto::CallRinging& ringing, Instant) {
  const auto id = CallId::parse(ringing.call_id);
  const auto* call = id ? s.calls.find_live(*id) : nullptr;
  if (call == nullptr) return s.drop("ringing-unknown-call");
  if (!call->is_unanswered()) return s.drop("ringing-late");
  if (!claim(from, *call)) return;
  if (!s.calls.set_ringing(*id)) return s.drop("ringing-repeated");
  auto& notes = s.notes.at(*id);
  if (!notes.caller_rings) {
    notes.caller_rings = true;
    s.send_to(call->caller, proto::CallRinging{id->text()});
  }
  if (!notes.addresses_sent && reads_nack(from)) {
    notes.addresses_sent = true;
    s.forward(from, *notes.offer);
  }
}

void CrossRelayDispatcher::on(const RelayFingerprint& from, const proto::DirectCallAnswer& answer, Instant now) {
  const auto id = CallId::parse(answer.call_id);
  const auto* call = id ? s.calls.find_live(*id) : nullptr;
  if (call == nullptr) return s.drop("answer-unknown-call");
  if (!claim(from, *call)) return;
  if (!call->is_unanswered()) return s.drop("answer-late");
  if (answer.accept_mode == proto::CallAcceptMode::Reject) {
    return end_call(s, *id, HangupReason::Declined, {.except = from}, now);
  }
  const auto addresses = check(answer);
  if (!addresses) {
    s.drop("answer-bad-field");
    return end_call(s, *id, HangupReason::Error, {}, now);
  }
  const bool trusted = answer.accept_mode == proto::CallAcceptMode::AcceptTrusted;
  auto& notes = s.notes.at(*id);
  notes.offer.reset();
  notes.reads_reports[static_cast<std::size_t>(Role::Callee)] =
      s.federation.is_capable(from) || answer.callee_build_version.has_value();
  if (trusted) (void)s.calls.set_addresses(*id, Role::Callee, *addresses);
  (void)s.calls.set_active(*id, answer.accept_mode, now);
  ++s.counters.calls_answered;
  s.log(LogLevel::Info, "call " + id->text() + " (outgoing) answered");
  s.send_to(call->caller, trusted ? canonical(answer, *addresses) : without_addresses(answer));
  send_setup(s, *call, Role::Caller);
}

void CrossRelayDispatcher::claim_due(const CallId& id, Instant now) {
  const auto* call = s.calls.find_live(id);
  if (call == nullptr) return;
  const auto& asked = std::get<Outgoing>(call->route).asked;
  // A reference relay says nothing before the answer; while one is asked, only the ring timeout can tell.
  if (std::all_of(asked.begin(), asked.end(), [&](const auto& relay) { return reads_nack(relay); })) {
    end_call(s, id, HangupReason::Error, {}, now);
  }
}

void CrossRelayDispatcher::withdraw(const RelayFingerprint& relay, const CallId& id, Instant now) {
  const auto left = s.calls.withdraw(id, relay);
  if (left && *left == 0) end_call(s, id, s.notes.at(id).refusal, {}, now);
}

// Incoming: the callee is here -----------------------------------------------------------------------------------

void CrossRelayDispatcher::refuse(const RelayFingerprint& to, const std::string& call_id, HangupReason reason) {
  if (reads_nack(to)) {
    s.forward(to, proto::Hangup{reason, call_id});
  } else if (reason == HangupReason::Busy) {
    s.forward(to, proto::DirectCallAnswer{.call_id = call_id});
  }
}

void CrossRelayDispatcher::on(const RelayFingerprint& from, const proto::DirectCallOffer& raw, Instant now) {
  if (!CallId::parse(raw.call_id)) return s.drop("forward-bad-offer");
  const auto refused = [&](HangupReason reason, std::string_view why) {
    s.drop(why);
    refuse(from, raw.call_id, reason);
  };
  const auto checked = check(raw);
  if (!checked) return refused(HangupReason::Error, "forward-bad-offer");
  const auto offer = canonical(raw, *checked);
  if (const auto* known = s.calls.find(checked->id); known != nullptr) {
    if (known->route == registry::Route{Incoming{from}}) return offer_again(*known, offer, checked->addresses);
    return refused(HangupReason::Error, "forward-known-id");
  }
  if (!s.offers_by_link.take(from, now) || !s.offers_by_remote_caller.take(checked->caller, now)) {
    return refused(HangupReason::Busy, "forward-offer-rate");
  }
  const auto* callee = s.presence.current(checked->callee);
  if (callee == nullptr) return refused(HangupReason::Error, "forward-target-absent");
  const auto created =
      s.calls.create({checked->id, checked->caller, checked->callee, Incoming{from}, checked->addresses}, now);
  if (!created) {
    const bool full = created.error().code == Errc::LimitReached;
    return refused(full ? HangupReason::Busy : HangupReason::Error, "forward-offer-limit");
  }
  auto& notes = s.notes[checked->id];
  notes.offer = offer;
  notes.addresses_final = has_addresses(offer) || !reads_nack(from);
  notes.reads_reports[static_cast<std::size_t>(Role::Caller)] =
      s.federation.is_capable(from) || offer.caller_build_version.has_value();
  ++s.counters.calls_offered;
  s.send(callee->conn, s.config.share_addrs_in_offer ? offer : without_addresses(offer));
  s.forward(from, proto::CallRinging{checked->id.text()});
  (void)s.calls.set_ringing(checked->id);
}

void CrossRelayDispatcher::offer_again(const DirectCall& known, const proto::DirectCallOffer& offer,
                                       const registry::Addresses& addresses) {
  if (!known.is_live()) return s.drop("forward-late-offer");
  auto& notes = s.notes.at(known.id);
  if (!notes.offer || !same_offer(*notes.offer, offer)) return s.drop("forward-changed-offer");
  if (notes.addresses_final) return s.drop("forward-repeated-offer");
  notes.addresses_final = true;
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

void CrossRelayDispatcher::on(const RelayFingerprint& from, const proto::Hangup& hangup, Instant now) {
  if (!hangup.call_id) return reference_hangup(from, now);
  const auto id = CallId::parse(*hangup.call_id);
  const auto* call = id ? s.calls.find_live(*id) : nullptr;
  if (call == nullptr) return s.drop("hangup-unknown-call");
  if (!call->may_come_from(from)) return s.drop("forward-wrong-link");
  const auto* outgoing = std::get_if<Outgoing>(&call->route);
  if (outgoing == nullptr || outgoing->claimed_by == from) {
    // The callee of an outgoing call: other relays that were asked may still ring.
    return end_call(s, *id, hangup.reason, {.caller = outgoing != nullptr, .except = from}, now);
  }
  if (!outgoing->claimed_by && !reads_nack(from)) {
    return end_call(s, *id, HangupReason::Declined, {.except = from}, now);
  }
  if (hangup.reason == HangupReason::Busy) s.notes.at(*id).refusal = HangupReason::Busy;
  withdraw(from, *id, now);
}

void CrossRelayDispatcher::reference_hangup(const RelayFingerprint& from, Instant now) {
  if (reads_nack(from)) return s.drop("hangup-without-id");
  std::vector<CallId> offered;
  for (const auto& id : s.calls.calls_via(from)) {
    const auto& call = *s.calls.find(id);
    const auto* outgoing = std::get_if<Outgoing>(&call.route);
    if (outgoing == nullptr || !call.is_unanswered()) continue;
    if (outgoing->claimed_by && outgoing->claimed_by != from) continue;
    offered.push_back(id);
  }
  if (offered.size() != 1) return s.drop("hangup-without-id");
  end_call(s, offered.front(), HangupReason::Declined, {.except = from}, now);
}

void CrossRelayDispatcher::on(const RelayFingerprint& from, const proto::MediaPathReport& report, Instant) {
  const auto id = CallId::parse(report.call_id);
  const auto* call = id ? s.calls.find_live(*id) : nullptr;
  if (call == nullptr) return s.drop("report-unknown-call");
  if (call->peer_relay_fp() != from) return s.drop("forward-wrong-link");
  if (call->state != registry::CallState::Active) return s.drop("report-before-answer");
  if (report.race_winner.size() > kMaxAliasBytes) return s.drop("report-bad-field");
  const auto here = call->is_here(Role::Caller) ? Role::Caller : Role::Callee;
  if (!s.notes.at(*id).reads_reports[static_cast<std::size_t>(here)]) return s.drop("report-not-understood");
  if (!s.send_to(call->party(here), report)) s.drop("report-party-away");
}

void CrossRelayDispatcher::report(const DirectCall& call, const proto::MediaPathReport& report) {
  if (s.notes.at(call.id).severed || !s.forward(*call.peer_relay_fp(), report)) s.drop("report-no-link");
}

void CrossRelayDispatcher::handle(const RelayFingerprint& from, const proto::SignalMessage& inner, Instant now) {
  std::visit(overloaded{[&](const proto::DirectCallOffer& m) { on(from, m, now); },
                        [&](const proto::DirectCallAnswer& m) { on(from, m, now); },
                        [&](const proto::CallRinging& m) { on(from, m, now); },
                        [&](const proto::Hangup& m) { on(from, m, now); },
                        [&](const proto::MediaPathReport& m) { on(from, m, now); },
                        [&](const auto&) { s.drop("forward-unexpected"); }},
             inner.as_variant());
}

void CrossRelayDispatcher::link_up(const RelayFingerprint& relay) {
  for (const auto& id : s.calls.calls_via(relay)) {
    if (s.calls.find(id)->peer_relay_fp() == relay) s.due.cancel(LinkDue{id});
  }
  for (const auto& ended : s.calls.take_untold(relay)) {
    s.forward(relay, proto::Hangup{*ended.end_reason, ended.id.text()});
  }
}

void CrossRelayDispatcher::link_down(const RelayFingerprint& relay, Instant now) {
  s.calls.mark_untold(relay, now);
  for (const auto& id : s.calls.calls_via(relay)) {
    const auto& call = *s.calls.find(id);
    const bool on_route = call.peer_relay_fp() == relay;
    if (!call.is_unanswered()) {
      if (on_route) s.due.set(LinkDue{id}, now + s.config.link_grace);
    } else if (on_route) {
      // The other relay ends it too, unless an answer was under way: then it hears so when the link is back.
      end_call(s, id, HangupReason::Error, {}, now);
    } else {
      withdraw(relay, id, now);
    }
  }
}

}  // namespace wzp::relay
