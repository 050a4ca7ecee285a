#include "elsewhere.hpp"

#include <utility>

#include "bridge.hpp"
#include "calls.hpp"
#include "offer_search.hpp"
#include "validate.hpp"

namespace wzp::relay {
namespace {

/// The caller is told, or the relay that asks for it.
void ring(State& s, const CallId& id, const proto::CallRinging& ringing) {
  const bool is_first = s.calls.set_ringing(id).has_value();
  const auto& call = *s.calls.find(id);
  if (const auto* from = registry::upstream(call.route)) {
    if (is_first || ringing.signature) s.forward(*from, ringing);
  } else if (!std::exchange(s.notes.at(id).caller_rings, true)) {
    s.send_to(call.caller, proto::CallRinging{id.text()});
  }
}

/// Calls of this callee that wait for a sign of life, and from which connection.
std::vector<std::pair<CallId, ConnectionId>> waiting(const State& s, const Fingerprint& callee) {
  std::vector<std::pair<CallId, ConnectionId>> out;
  for (const auto& id : s.calls.calls_of(callee)) {
    const auto& call = *s.calls.find(id);
    const auto& doubted = s.notes.at(id).doubted;
    if (call.callee == callee && call.is_unanswered() && doubted) out.emplace_back(id, *doubted);
  }
  return out;
}

void doubt(State& s, const CallId& id, ConnectionId phone) {
  s.notes.at(id).doubted = phone;
  s.out.push_back(Check{phone});
}

/// Asks others as well, once. Whether anybody is asked.
bool look_elsewhere(State& s, const CallId& id, Instant now) {
  const auto& call = *s.calls.find(id);
  auto& notes = s.notes.at(id);
  if (!notes.past.empty()) return registry::onward(call.route) != nullptr;  // `ask` was here
  const auto wave = first_wave(s, *notes.offer, notes.arrival ? &*notes.arrival : nullptr);
  if (wave.relays.empty()) return false;
  (void)s.calls.ask(id, wave.relays);
  ask(s, id, wave, now);
  return true;
}

}  // namespace

void offered(State& s, const CallId& id, const Arrival* arrival) {
  const auto& callee = s.calls.find(id)->callee;
  auto& notes = s.notes.at(id);
  const bool is_announced = !s.users.candidates(callee, s.map).empty();
  if (is_announced || !first_wave(s, *notes.offer, arrival).relays.empty()) {
    if (arrival != nullptr) notes.arrival = *arrival;
    doubt(s, id, s.presence.current(callee)->conn);
  }
  if (!is_announced) ring(s, id, {id.text()});
}

void rings_at_callee(State& s, const CallId& id, const proto::CallRinging& ringing) {
  if (std::exchange(s.notes.at(id).is_proven, true)) return s.drop("ringing-repeated");
  stays_here(s, id);
  ring(s, id, ringing);
}

void stays_here(State& s, const CallId& id) {
  auto& notes = s.notes.at(id);
  notes.doubted.reset();
  notes.arrival.reset();
  notes.addresses_arrival.reset();
  call_off(s, id);
}

void ring_here(State& s, const CallId& id) { ring(s, id, {id.text()}); }

void give_up_phone(State& s, const CallId& id) {
  const auto phone = std::exchange(s.notes.at(id).doubted, std::nullopt);
  const auto* client = phone ? s.presence.find(*phone) : nullptr;
  if (client == nullptr) return;
  hang_up_client(s, *client, *phone, proto::HangupReason::Normal, id.text(), rank(*s.calls.find(id), client->who));
}

void on_event(State& s, const Alive& event, Instant) {
  const auto* client = s.presence.find(event.conn);
  if (client == nullptr) return s.drop("connection-unknown");
  for (const auto& [id, doubted] : waiting(s, client->who)) {
    if (doubted != event.conn) continue;
    stays_here(s, id);
    ring(s, id, {id.text()});
  }
}

void on_event(State& s, const Silent& event, Instant now) {
  const auto* client = s.presence.find(event.conn);
  if (client == nullptr) return s.drop("connection-unknown");
  for (const auto& [id, doubted] : waiting(s, client->who)) {
    if (doubted == event.conn && !look_elsewhere(s, id, now)) ring_here(s, id);
  }
}

void offers_anew(State& s, const Fingerprint& callee, Instant now) {
  const auto* client = s.presence.current(callee);
  for (const auto& id : s.calls.calls_of(callee)) {
    const auto& call = *s.calls.find(id);
    auto& doubted = s.notes.at(id).doubted;
    if (call.callee != callee || !call.is_unanswered()) continue;
    if (client != nullptr) {
      if (call.is_here(Role::Callee) ? !doubted || doubted == client->conn : !s.calls.callee_came(id)) continue;
      const auto& offer = *s.notes.at(id).offer;
      s.send(client->conn, s.config.share_addrs_in_offer ? offer : without_addresses(offer));
      doubt(s, id, client->conn);
    } else if (doubted && look_elsewhere(s, id, now)) {
      doubted.reset();
      (void)s.calls.callee_left(id);
      update_bridge(s, id, now);
      settle(s, id, now);
    }
  }
}

}  // namespace wzp::relay
