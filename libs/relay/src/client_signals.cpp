#include "client_signals.hpp"

#include <algorithm>

#include "bridge.hpp"
#include "calls.hpp"
#include "claims.hpp"
#include "cross_relay_dispatcher.hpp"
#include "elsewhere.hpp"
#include "offer_search.hpp"

namespace wzp::relay {
namespace {

/// How long after an ending a hang-up without call id may be meant for that call. Source: relay.md 8.5.
constexpr Duration kStaleHangup = std::chrono::seconds{2};

void refuse(State& s, const Session& from, const proto::DirectCallOffer& offer, proto::HangupReason reason,
            std::string_view why, Instant now) {
  s.drop(why);
  const auto* client = s.presence.find(from.conn);
  // An id that fits no call id is still the only name the sender has for its call, if it has a bearable length.
  if (offer.call_id.size() > kMaxAliasBytes) return;
  hang_up_client(s, *client, from.conn, reason, offer.call_id, Rank{1, now});
}

/// Programs on the relay's own machine are not strangers.
bool take_offer_of_address(State& s, const IpAddress& ip, Instant now) {
  return ip.is_loopback() || s.offers_by_address.take(ip.place(), now);
}

void note_caller(State& s, const CheckedOffer& checked, const proto::DirectCallOffer& offer,
                 const registry::Registration& caller) {
  auto& notes = s.notes[checked.id];
  const auto role = static_cast<std::size_t>(Role::Caller);
  notes.reads_reports[role] = !caller.caps.empty() || offer.caller_build_version.has_value();
  notes.is_unsigned[role] = !caller.is_signed;
  notes.offer = canonical(offer, checked);
}

void offer_here(State& s, const CheckedOffer& checked, const proto::DirectCallOffer& offer,
                const registry::Registration& caller, const registry::Registration& callee) {
  note_caller(s, checked, offer, caller);
  const auto& shown = *s.notes.at(checked.id).offer;
  s.send(callee.conn, s.config.share_addrs_in_offer ? shown : without_addresses(shown));
  offered(s, checked.id, nullptr);
}

/// A reference relay never says that it rings, so the caller is told at once.
void ring_for_reference(State& s, const CallId& id, const Wave& wave) {
  const auto reads_nack = [&](const auto& relay) { return s.federation.has_cap(relay, proto::kCapCallNack); };
  if (std::ranges::all_of(wave.relays, reads_nack)) return;
  s.notes.at(id).caller_rings = true;
  s.send_to(s.calls.find(id)->caller, proto::CallRinging{id.text()});
}

}  // namespace

void on_client(State& s, const Session& from, const proto::DirectCallOffer& offer, Instant now) {
  using enum proto::HangupReason;
  const auto checked = check(offer);
  if (!checked) return refuse(s, from, offer, Error, "offer-bad-field", now);
  if (checked->caller != from.who) return refuse(s, from, offer, Error, "offer-wrong-caller", now);
  if (s.presence.current(from.who)->conn != from.conn) return refuse(s, from, offer, Error, "offer-demoted", now);
  if (s.calls.find(checked->id) != nullptr) return refuse(s, from, offer, Error, "offer-known-id", now);
  if (checked->callee == from.who) return refuse(s, from, offer, Error, "offer-to-self", now);
  if (!s.offers_by_client.take(from.who, now) || !take_offer_of_address(s, from.remote.ip, now)) {
    return refuse(s, from, offer, Busy, "offer-rate", now);
  }
  ++s.counters.calls_offered;
  const auto* caller = s.presence.find(from.conn);
  const auto* callee = s.presence.current(checked->callee);
  registry::NewCall call{checked->id, checked->caller, checked->callee, registry::Local{}, checked->addresses};
  Wave wave;
  if (callee == nullptr) {
    wave = first_wave(s, offer, nullptr);
    if (wave.relays.empty()) return refuse(s, from, offer, Error, "offer-target-absent", now);
    call.route = registry::Outgoing{wave.relays, std::nullopt};
  }
  // The record stands before anything is sent: an answer may be faster than the rest of this function (V-06).
  if (!s.calls.create(call, now)) return refuse(s, from, offer, Busy, "offer-limit", now);
  if (callee != nullptr) return offer_here(s, *checked, offer, *caller, *callee);
  note_caller(s, *checked, offer, *caller);
  ask(s, checked->id, wave, now);
  ring_for_reference(s, checked->id, wave);
}

void on_client(State& s, const Session& from, const proto::CallRinging& ringing) {
  const auto id = CallId::parse(ringing.call_id);
  const auto* call = id ? s.calls.find_live(*id) : nullptr;
  if (call == nullptr) return s.drop("ringing-unknown-call");
  if (call->role_of(from.who) != Role::Callee || !call->is_here(Role::Callee)) return s.drop("ringing-not-callee");
  if (!call->is_unanswered()) return s.drop("ringing-late");
  if (!is_signed_by_callee(*s.notes.at(*id).offer, ringing)) return s.drop("ringing-bad-signature");
  rings_at_callee(s, *id, ringing);
}

void on_client(State& s, const Session& from, const proto::DirectCallAnswer& answer, Instant now) {
  const auto id = CallId::parse(answer.call_id);
  const auto* found = id ? s.calls.find_live(*id) : nullptr;
  if (found == nullptr) return s.drop("answer-unknown-call");
  if (found->role_of(from.who) != Role::Callee || !found->is_here(Role::Callee)) return s.drop("answer-not-callee");
  if (!found->is_unanswered()) return s.drop("answer-late");
  if (answer.accept_mode == proto::CallAcceptMode::Reject) {
    return end_call(s, *id, proto::HangupReason::Declined, {.caller = true, .callee = false, .as_reject = true}, now);
  }
  const auto addresses = check(answer);
  if (!addresses) {
    s.drop("answer-bad-field");
    return end_call(s, *id, proto::HangupReason::Error, {}, now);
  }
  const bool trusted = answer.accept_mode == proto::CallAcceptMode::AcceptTrusted;
  const auto shown = trusted ? canonical(answer, *addresses) : without_addresses(answer);  // V-73
  if (trusted) (void)s.calls.set_addresses(*id, Role::Callee, *addresses);
  stays_here(s, *id);
  auto& notes = s.notes.at(*id);
  const auto* callee = s.presence.find(from.conn);
  notes.reads_reports[static_cast<std::size_t>(Role::Callee)] =
      !callee->caps.empty() || answer.callee_build_version.has_value();
  notes.is_unsigned[static_cast<std::size_t>(Role::Callee)] = !callee->is_signed;
  if (std::holds_alternative<registry::Incoming>(found->route)) {
    return CrossRelayDispatcher{s}.answer(*found, shown, now);
  }
  (void)s.calls.set_active(*id, answer.accept_mode, now);
  ++s.counters.calls_answered;
  s.log(LogLevel::Info, "call " + id->text() + " (local) answered");
  s.send_to(found->caller, shown);
  send_setup(s, *found, Role::Caller);
  send_setup(s, *found, Role::Callee);
  update_bridge(s, *id, now);
}

namespace {

/// A client that names no call (relay.md 8.5, H-21): first what it placed or answered; only without such, what it
/// was offered, and of that nothing brand-new when the hang-up may belong to a call that ended a moment ago.
std::vector<CallId> calls_meant(const State& s, const Fingerprint& who, Instant now) {
  std::vector<CallId> own;
  std::vector<CallId> offered;
  const auto last_end = s.calls.last_end(who);
  const bool may_be_stale = last_end && now - *last_end < kStaleHangup;
  for (const auto& id : s.calls.calls_of(who)) {
    const auto& call = *s.calls.find(id);
    const auto role = *call.role_of(who);
    if (!call.is_here(role)) continue;
    if (role == Role::Caller || !call.is_unanswered()) {
      own.push_back(id);
    } else if (!may_be_stale || now - call.created_at >= kStaleHangup) {
      offered.push_back(id);
    }
  }
  return own.empty() ? offered : own;
}

}  // namespace

void on_client(State& s, const Session& from, const proto::Hangup& hangup, Instant now) {
  if (!hangup.call_id) {
    const auto meant = calls_meant(s, from.who, now);
    if (meant.empty()) s.drop("hangup-no-call");
    for (const auto& id : meant) {
      end_call(s, id, hangup.reason, tell_other(*s.calls.find(id)->role_of(from.who)), now);
    }
    return;
  }
  const auto id = CallId::parse(*hangup.call_id);
  const auto* call = id ? s.calls.find_live(*id) : nullptr;
  if (call == nullptr) return s.drop("hangup-unknown-call");
  const auto role = call->role_of(from.who);
  if (!role || !call->is_here(*role)) return s.drop("hangup-not-party");
  end_call(s, *id, hangup.reason, tell_other(*role), now);
}

void on_client(State& s, const Session& from, const proto::MediaPathReport& report, Instant now) {
  const auto id = CallId::parse(report.call_id);
  const auto* call = id ? s.calls.find_live(*id) : nullptr;
  if (call == nullptr) return s.drop("report-unknown-call");
  const auto role = call->role_of(from.who);
  if (!role || !call->is_here(*role)) return s.drop("report-not-party");
  if (call->state != registry::CallState::Active) return s.drop("report-before-answer");
  if (report.race_winner.size() > kMaxAliasBytes) return s.drop("report-bad-field");
  const auto peer = other(*role);
  if (s.due.contains(PartyDue{*id, peer})) {
    // The other party's registration is gone, but its direct media is alive: keep the call for it (design.md 3.18).
    if (report.direct_ok) s.due.set(PartyDue{*id, peer}, now + s.config.reconnect_grace);
    return s.drop("report-party-away");
  }
  if (!s.notes.at(*id).reads_reports[static_cast<std::size_t>(peer)]) return s.drop("report-not-understood");
  if (call->is_here(peer)) {
    s.send_to(call->party(peer), report);
  } else {
    CrossRelayDispatcher{s}.report(*call, report);
  }
}

}  // namespace wzp::relay
