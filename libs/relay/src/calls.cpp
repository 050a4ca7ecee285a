#include "calls.hpp"

#include <algorithm>

#include "bridge.hpp"
#include "elsewhere.hpp"
#include "rooms.hpp"
#include "route_repair.hpp"
#include "validate.hpp"

namespace wzp::relay {
namespace {

std::string lower(std::string_view name) {
  std::string text{name};
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  return text;
}

/// Nothing happens when the party is not here at this moment.
void tell_party(State& s, const DirectCall& ended, Role role) {
  const auto* client = s.presence.current(ended.party(role));
  if (client == nullptr) return;
  hang_up_client(s, *client, client->conn, *ended.end_reason, ended.id.text(), rank(ended, client->who));
}

/// A relay in the middle passes on what it was told, as the origin signed it; others speak for themselves.
bool tell_relay(State& s, const DirectCall& ended, const RelayFingerprint& relay, const Tell& tell, bool as_reject) {
  const bool can_pass = tell.arrival != nullptr && std::holds_alternative<registry::Transit>(ended.route);
  // The callee's reject means something on the way to the caller only.
  if (can_pass && (as_reject || std::holds_alternative<proto::Hangup>(tell.arrival->inner))) {
    return s.pass_on(relay, *tell.arrival);
  }
  if (as_reject) return s.forward(relay, proto::DirectCallAnswer{.call_id = ended.id.text()});
  return s.forward(relay, proto::Hangup{*ended.end_reason, ended.id.text()});
}

/// To the relay on the way to the caller. A reference relay acts upon a reject only (wire.md 5.4).
void tell_upstream(State& s, const DirectCall& ended, const Tell& tell) {
  const auto& relay = *registry::upstream(ended.route);
  if (tell.except == relay) return;
  const bool reads_hangup = s.federation.has_cap(relay, proto::kCapCallNack);
  const bool as_reject = tell.as_reject || (!reads_hangup && !ended.answered_at);
  if (!tell_relay(s, ended, relay, tell, as_reject)) {
    s.calls.mark_untold(ended.id, ended.home(Role::Caller).value_or(relay));
  }
}

void tell_onward(State& s, const DirectCall& ended, const Tell& tell) {
  const auto& way = *registry::onward(ended.route);
  for (const auto& relay : way.asked) {
    if (tell.except == relay || (ended.answered_at && way.claimed_by != relay)) continue;
    if (tell_relay(s, ended, relay, tell, false)) continue;
    s.calls.mark_untold(ended.id, way.claimed_by ? ended.home(Role::Callee).value_or(relay) : relay);
  }
}

/// The route is lost, but the relay at its other end is known: it is told as soon as there is any way to it.
bool tell_later(State& s, const DirectCall& ended, const CallNotes& notes, Role role) {
  if (!notes.severed && !notes.lost[static_cast<std::size_t>(role)]) return false;
  if (ended.home(role)) s.calls.mark_untold(ended.id, *ended.home(role));
  return true;
}

}  // namespace

Rank rank(const DirectCall& call, const Fingerprint& who) {
  const int weight = call.answered_at ? 2 : call.role_of(who) == Role::Caller ? 1 : 0;
  return {weight, call.created_at};
}

void hang_up_client(State& s, const registry::Registration& client, ConnectionId to, proto::HangupReason reason,
                    const std::string& call_id, const Rank& rank_of_call) {
  if (client.caps.empty()) {
    for (const auto& id : s.calls.calls_of(client.who)) {
      if (id.text() == call_id) continue;
      if (rank(*s.calls.find(id), client.who) > rank_of_call) return s.drop("hangup-withheld");
    }
  }
  s.send(to, proto::Hangup{reason, call_id});
}

void end_call(State& s, const CallId& id, proto::HangupReason reason, const Tell& tell, Instant now) {
  if (s.calls.end(id, reason, now)) after_end(s, id, tell, now);
}

void after_end(State& s, const CallId& id, const Tell& tell, Instant now) {
  const DirectCall ended = *s.calls.find(id);
  const auto notes = s.notes.extract(id);
  for (const auto role : {Role::Caller, Role::Callee}) {
    // Whoever was asked for a callee who is here has not heard of it, even if the callee ended the call.
    if (role == Role::Callee && ended.is_here(role) && registry::onward(ended.route)) tell_onward(s, ended, tell);
    if (!(role == Role::Caller ? tell.caller : tell.callee)) continue;
    if (ended.is_here(role)) {
      tell_party(s, ended, role);
      // A connection may be dead long before anybody notices, so whoever registers anew is told anew. Not so a client
      // without `caps`, to which a hang-up too many is worse than one too few.
      const auto* client = s.presence.current(ended.party(role));
      if (client == nullptr || !client->caps.empty()) s.calls.mark_untold(id, role);
    } else if (notes && tell_later(s, ended, notes.mapped(), role)) {
      continue;
    } else if (role == Role::Caller) {
      tell_upstream(s, ended, tell);
    } else {
      tell_onward(s, ended, tell);
    }
  }
  tell_untold(s);
  s.broken.erase(id);
  s.due.cancel(ClaimDue{id});
  s.due.cancel(RepairDue{id});
  s.due.cancel(LinkDue{id});
  s.due.cancel(BridgeDue{id});
  s.due.cancel(AddressDue{id});
  for (const auto role : {Role::Caller, Role::Callee}) s.due.cancel(PartyDue{id, role});
  release_room(s, id, now);
  const auto result = lower(proto::enum_name(*ended.end_reason));
  ++s.counters.calls_ended[std::string{name(ended.route)} + "/" + result];
  s.log(LogLevel::Info, "call " + id.text() + " (" + std::string{name(ended.route)} + ") ended: " + result);
}

void send_setup(State& s, const DirectCall& call, Role role) {
  const auto* client = s.presence.current(call.party(role));
  if (client == nullptr) return;
  const auto& session = s.sessions.at(client->conn);
  proto::CallSetup setup;
  setup.call_id = call.id.text();
  setup.room = call.id.room();
  setup.relay_addr = to_string(s.config.advertise_addr.value_or(session.local));
  if (call.accept_mode == proto::CallAcceptMode::AcceptTrusted) {
    const auto& peer = call.addresses(other(role));
    if (peer.reflexive) setup.peer_direct_addr = to_string(*peer.reflexive);
    setup.peer_local_addrs = texts(peer.local);
  }
  if (carries_media(s, call)) setup.caps = {std::string{proto::kCapRelayMedia}};
  s.send(client->conn, std::move(setup));
}

void party_lost(State& s, const Fingerprint& who, Instant now) {
  offers_anew(s, who, now);
  for (const auto& id : s.calls.calls_of(who)) {
    const auto& call = *s.calls.find(id);
    const auto role = *call.role_of(who);
    if (!call.is_here(role)) continue;
    if (call.is_unanswered()) {
      end_call(s, id, proto::HangupReason::Error, {}, now);
    } else {
      s.due.set(PartyDue{id, role}, now + s.config.reconnect_grace);
    }
  }
}

void party_back(State& s, const Fingerprint& who, Instant now) {
  offers_anew(s, who, now);
  for (const auto& id : s.calls.calls_of(who)) {
    const auto& call = *s.calls.find(id);
    const auto role = *call.role_of(who);
    s.due.cancel(PartyDue{id, role});
    if (call.is_here(role)) {
      s.notes.at(id).is_unsigned[static_cast<std::size_t>(role)] = !s.presence.current(who)->is_signed;
    }
  }
  for (const auto& ended : s.calls.take_untold(who)) tell_party(s, ended, *ended.role_of(who));
}

void on_due(State& s, const PartyDue& due, Instant now) {
  const auto* call = s.calls.find_live(due.call);
  if (call == nullptr || s.presence.is_online(call->party(due.role))) return;
  end_call(s, due.call, proto::HangupReason::Error, {}, now);
}

void on_due(State& s, const LinkDue& due, Instant now) {
  const auto* call = s.calls.find_live(due.call);
  if (call == nullptr) return;
  if (std::holds_alternative<registry::Transit>(call->route)) {
    // The call has found another way by now, or none.
    return end_call(s, due.call, proto::HangupReason::Error, tell_nobody(), now);
  }
  s.notes.at(due.call).severed = true;
}

void on_due(State& s, const AddressDue& due) {
  const auto* call = s.calls.find_live(due.call);
  if (call == nullptr || !s.notes.at(due.call).setup_waits) return;
  s.notes.at(due.call).setup_waits = false;
  send_setup(s, *call, Role::Callee);
}

}  // namespace wzp::relay
