#include "elsewhere.hpp"

#include <utility>

#include "calls.hpp"
#include "client_signals.hpp"
#include "cross_relay_dispatcher.hpp"
#include "wzp/crypto/room.hpp"

namespace wzp::relay {
namespace {

/// The caller is told, or the relay that asks for it.
void ring(State& s, const CallId& id, const proto::CallRinging& ringing) {
  auto& notes = s.notes.at(id);
  notes.checked.reset();
  notes.arrival.reset();
  const bool is_first = s.calls.set_ringing(id).has_value();
  const auto& call = *s.calls.find(id);
  if (const auto* from = registry::upstream(call.route)) {
    s.forward(*from, ringing);
  } else if (is_first) {
    notes.caller_rings = true;
    s.send_to(call.caller, proto::CallRinging{id.text()});
  }
}

/// Calls of this callee that wait for a sign of life, and from which connection.
std::vector<std::pair<CallId, ConnectionId>> waiting(const State& s, const Fingerprint& callee) {
  std::vector<std::pair<CallId, ConnectionId>> out;
  for (const auto& id : s.calls.calls_of(callee)) {
    const auto& call = *s.calls.find(id);
    const auto& checked = s.notes.at(id).checked;
    if (call.callee == callee && call.is_unanswered() && checked) out.emplace_back(id, *checked);
  }
  return out;
}

/// As if it came only now. `is_here`: whether the callee counts as registered here.
void offer_anew(State& s, const CallId& id, bool is_here, Instant now) {
  const DirectCall call = *s.calls.find(id);
  const auto notes = s.notes.extract(id);
  (void)s.calls.end(id, proto::HangupReason::Error, now);
  s.calls.discard(id);
  s.drop_room(crypto::room_tag(id.room()));
  if (const auto& arrival = notes.mapped().arrival) {
    CrossRelayDispatcher{s}.take_offer(*arrival, *notes.mapped().offer, is_here, now);
  } else if (const auto* caller = s.presence.current(call.caller)) {
    const auto& offer = *notes.mapped().offer;
    place_call(s, *s.session(caller->conn), offer, *check(offer), is_here, now);
  }
}

}  // namespace

void offered(State& s, const CallId& id, const Arrival* arrival) {
  const auto& callee = s.calls.find(id)->callee;
  if (s.users.candidates(callee, s.map).empty()) return ring(s, id, {id.text()});
  auto& notes = s.notes.at(id);
  notes.checked = s.presence.current(callee)->conn;
  if (arrival != nullptr) notes.arrival = *arrival;
  s.out.push_back(Check{*notes.checked});
}

void rings_at_callee(State& s, const CallId& id, const proto::CallRinging& ringing) {
  if (std::exchange(s.notes.at(id).is_proven, true)) return s.drop("ringing-repeated");
  ring(s, id, ringing);
}

void on_event(State& s, const Alive& event, Instant) {
  const auto* client = s.presence.find(event.conn);
  if (client == nullptr) return s.drop("connection-unknown");
  for (const auto& [id, checked] : waiting(s, client->who)) {
    if (checked == event.conn) ring(s, id, {id.text()});
  }
}

void on_event(State& s, const Silent& event, Instant now) {
  const auto* client = s.presence.find(event.conn);
  if (client == nullptr) return s.drop("connection-unknown");
  for (const auto& [id, checked] : waiting(s, client->who)) {
    if (checked != event.conn) continue;
    // It may wake up, and must not ring for a call that is somewhere else by then.
    hang_up_client(s, *client, event.conn, proto::HangupReason::Normal, id.text(),
                   rank(*s.calls.find(id), client->who));
    offer_anew(s, id, false, now);
  }
}

void offers_anew(State& s, const Fingerprint& callee, Instant now) {
  const auto* client = s.presence.current(callee);
  for (const auto& [id, checked] : waiting(s, callee)) {
    if (client == nullptr || checked != client->conn) offer_anew(s, id, client != nullptr, now);
  }
}

}  // namespace wzp::relay
