#include "bridge.hpp"

#include "wzp/crypto/room.hpp"

namespace wzp::relay {

namespace {

/// How long an answered call without a seat here keeps its room. Source: relay.md 22.1.
constexpr Duration kUnattended = std::chrono::seconds{60};

std::vector<RoomSeat> seats_of(const State& s, const CallId& id) {
  std::vector<RoomSeat> seats;
  const auto room = s.rooms.find(id.room());
  if (room == s.rooms.end()) return seats;
  for (const auto& seat : room->second.seats) seats.push_back({seat.conn, seat.source, false});
  return seats;
}

/// The call is over: what is under way still arrives at the seats that are left, until the room is released.
void update_ended(State& s, const CallId& id) {
  const auto known = s.tables.find(crypto::room_tag(id.room()));
  if (known == s.tables.end()) return;
  auto table = known->second;
  table.seats = seats_of(s, id);
  s.set_room(std::move(table));
}

/// Whether the party here has stayed away from an answered call for too long.
bool is_deserted(State& s, const DirectCall& call, bool has_seats, Instant now) {
  auto& deserted = s.notes.at(call.id).deserted;
  const bool waits =
      call.state == registry::CallState::Active && !has_seats && !std::holds_alternative<registry::Transit>(call.route);
  if (!waits) {
    deserted = false;
    s.due.cancel(BridgeDue{call.id});
  } else if (!deserted && !s.due.contains(BridgeDue{call.id})) {
    s.due.set(BridgeDue{call.id}, now + kUnattended);
  }
  return deserted;
}

}  // namespace

void update_bridge(State& s, const CallId& id, Instant now) {
  const auto* call = s.calls.find_live(id);
  if (call == nullptr) return update_ended(s, id);
  RoomTable table{.tag = crypto::room_tag(id.room()), .is_call = true};
  table.open = call->state == registry::CallState::Active;
  table.seats = seats_of(s, id);
  for (const auto role : {Role::Caller, Role::Callee}) {
    const auto relay = call->relay_toward(role);
    if (s.notes.at(id).lost[static_cast<std::size_t>(role)]) continue;
    const auto conn = relay ? s.federation.connection_of(*relay) : std::nullopt;
    if (conn) table.links.push_back({.conn = *conn, .transit = std::holds_alternative<registry::Transit>(call->route)});
  }
  const bool deserted = is_deserted(s, *call, !table.seats.empty(), now);
  if (deserted || (table.seats.empty() && table.links.empty())) return s.drop_room(table.tag);
  s.set_room(std::move(table));
}

void update_bridges(State& s, const RelayFingerprint& relay, Instant now) {
  for (const auto& id : s.calls.calls_via(relay)) update_bridge(s, id, now);
}

void on_due(State& s, const BridgeDue& due, Instant now) {
  if (s.calls.find_live(due.call) == nullptr) return;
  s.notes.at(due.call).deserted = true;
  update_bridge(s, due.call, now);
}

bool carries_media(const State& s, const DirectCall& call) {
  for (const auto role : {Role::Caller, Role::Callee}) {
    const auto relay = call.relay_toward(role);
    if (!relay || s.federation.has_cap(*relay, proto::kCapMediaV2)) continue;
    // A reference relay carries the media of calls since it tells build versions (relay.md 19.1, 19.7).
    if (s.federation.is_capable(*relay) || !s.notes.at(call.id).reads_reports[static_cast<std::size_t>(role)])
      return false;
  }
  return true;
}

}  // namespace wzp::relay
