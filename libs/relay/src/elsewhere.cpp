#include "elsewhere.hpp"

#include "client_signals.hpp"
#include "cross_relay_dispatcher.hpp"

namespace wzp::relay {
namespace {

void ring(State& s, const CallId& id) {
  auto& notes = s.notes.at(id);
  notes.ring_waits = false;
  notes.arrival.reset();
  (void)s.calls.set_ringing(id);
  const auto& call = *s.calls.find(id);
  if (const auto* from = registry::upstream(call.route)) {
    s.forward(*from, proto::CallRinging{id.text()});
  } else {
    notes.caller_rings = true;
    s.send_to(call.caller, proto::CallRinging{id.text()});
  }
}

}  // namespace

void offered(State& s, const CallId& id) {
  const auto& callee = s.calls.find(id)->callee;
  if (s.users.candidates(callee, s.map).empty()) return ring(s, id);
  s.notes.at(id).ring_waits = true;
  s.out.push_back(Check{s.presence.current(callee)->conn});
}

void on_event(State& s, const Alive& event, Instant) {
  const auto* client = s.presence.find(event.conn);
  if (client == nullptr) return s.drop("connection-unknown");
  for (const auto& id : s.calls.calls_of(client->who)) {
    const auto& call = *s.calls.find(id);
    if (call.callee == client->who && call.is_unanswered() && s.notes.at(id).ring_waits) ring(s, id);
  }
}

void offer_anew(State& s, const CallId& id, Instant now) {
  const DirectCall call = *s.calls.find(id);
  const auto notes = s.notes.extract(id);
  (void)s.calls.end(id, proto::HangupReason::Error, now);
  s.calls.discard(id);
  if (const auto& arrival = notes.mapped().arrival) return CrossRelayDispatcher{s}.handle(*arrival, now);
  const auto* caller = s.presence.current(call.caller);
  if (caller != nullptr) on_client(s, *s.session(caller->conn), *notes.mapped().offer, now);
}

}  // namespace wzp::relay
