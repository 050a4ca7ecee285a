#include "room_quality.hpp"

#include <algorithm>

#include "room_changes.hpp"
#include "rooms.hpp"

namespace wzp::relay {
namespace {

/// Source: our choice; reports come every half a second, and are forgotten after ten.
constexpr Duration kInterval = std::chrono::seconds{1};

}  // namespace

std::optional<Tier> worst_here(const Room& room, Instant now) {
  std::optional<Tier> worst;
  for (const auto& seat : room.seats) {
    const auto tier = seat.quality.tier(now);
    if (tier && (!worst || *tier < *worst)) worst = tier;
  }
  return worst;
}

void on_report(State& s, ConnectionId conn, const proto::QualityReport& report, Instant now) {
  const auto* session = s.session(conn);
  if (session == nullptr || session->cls != proto::ConnectionClass::Room) return s.drop("report-no-seat");
  const auto key = room_key(session->server_name);
  const auto room = s.rooms.find(key);
  if (room == s.rooms.end()) return s.drop("report-no-seat");
  const auto seat = std::ranges::find(room->second.seats, conn, &Room::Seat::conn);
  if (seat == room->second.seats.end()) return s.drop("report-no-seat");
  if (proto::call_of_room(key)) return;  // two people tell each other
  seat->quality.hear(report, now);
  look_at_quality(s, key, now);
}

void look_at_quality(State& s, const std::string& key, Instant now) {
  const auto found = s.rooms.find(key);
  if (found == s.rooms.end() || proto::call_of_room(key)) return;
  auto& room = found->second;
  auto worst = worst_here(room, now).value_or(Tier::Good);  // when nobody complains (any more)
  if (const auto global = global_name(s, key)) {
    tell_relays(s, key, now);
    const auto elsewhere = s.room_directory.summary(*global).tier;
    if (elsewhere) worst = std::min(worst, static_cast<Tier>(std::min<std::uint8_t>(*elsewhere, 5)));
  }
  if (worst == room.advised.value_or(Tier::Good)) return;
  room.advised = worst;
  for (const auto& seat : room.seats) advise(s, room, seat.conn);
}

void advise(State& s, const Room& room, ConnectionId member) {
  s.send(member, proto::QualityDirective{profile(*room.advised), "weakest link: " + std::string{name(*room.advised)}});
}

void look_again(State& s, const std::string& key, Instant now) {
  if (!s.due.contains(QualityDue{key})) s.due.set(QualityDue{key}, now + kInterval);
}

void on_due(State& s, const QualityDue& due, Instant now) {
  if (!s.rooms.contains(due.room)) return;
  look_again(s, due.room, now);
  look_at_quality(s, due.room, now);
}

}  // namespace wzp::relay
