#include "room_changes.hpp"

#include <algorithm>
#include <set>

#include "bridge.hpp"
#include "neighbours.hpp"
#include "room_quality.hpp"
#include "rooms.hpp"
#include "wzp/crypto/room.hpp"

namespace wzp::relay {
namespace {

/// Between two lists to the members of one room. Source: our choice; far below what people notice.
constexpr Duration kUpdateInterval = std::chrono::milliseconds{100};
/// What a link may bring into a room, at least and per member behind it. Source: relay.md 10.6.
constexpr std::uint32_t kPacketsPerMember = 500;

proto::RoomParticipant participant(const Room::Seat& seat) {
  return {to_string(seat.who), seat.alias, std::nullopt, proto::to_string(seat.source)};
}

/// What one list may name: people, of whom our clients keep as many, and bytes of their texts, so that no list fills
/// a member's queue of messages. `count` says how many there are. Source: relay.md 5.5, 256 KiB, of which half is left
/// for escapes and names of fields.
constexpr std::size_t kMaxListed = 1'024;
constexpr std::size_t kMaxListBytes = 128 * 1024;

std::size_t text_bytes(const proto::RoomParticipant& p) {
  const auto size = [](const auto& text) { return text ? text->size() : 0; };
  return p.fingerprint.size() + size(p.alias) + size(p.relay_label) + size(p.source) + 64;
}

/// Everybody in the room: those here first, each person once. Past the bounds people are counted and not named.
proto::RoomUpdate everybody(const State& s, const std::string& key, const Room& room) {
  proto::RoomUpdate out;
  auto& list = out.participants;
  std::set<std::string> named;
  const bool is_call = proto::call_of_room(key).has_value();
  for (const auto& seat : room.seats) {
    named.insert(to_string(seat.who));
    list.push_back(participant(seat));
    if (is_call) list.back().source.reset();
  }
  out.count = static_cast<std::uint32_t>(list.size());
  const auto global = global_name(s, key);
  if (!global) return out;
  std::size_t bytes = 0;
  bool is_full = false;
  for (const auto& entry : s.room_directory.remote(*global)) {
    for (const auto& p : entry.participants) {
      if (!p.fingerprint.empty() && !named.insert(p.fingerprint).second) continue;
      ++out.count;
      bytes += text_bytes(p);
      is_full = is_full || list.size() >= kMaxListed || bytes > kMaxListBytes;
      if (!is_full) list.push_back(p);
    }
  }
  return out;
}

void tell_members(State& s, const std::string& key, Room& room, Instant now) {
  const auto whole = everybody(s, key, room);
  std::vector<ConnectionId> hearers;
  for (const auto& seat : room.seats) hearers.push_back(seat.conn);
  if (room.announced && whole == room.told && hearers == room.hearers) return;  // nothing new
  room.announced = now;
  room.told = whole;
  room.hearers = std::move(hearers);
  proto::RoomUpdate plain = whole;
  for (auto& p : plain.participants) p.source.reset();
  for (const auto& seat : room.seats) s.send(seat.conn, seat.trunk ? whole : plain);
}

/// The first list goes at once, those after it are taken together. A call has two members: each change is told.
void tell_members_soon(State& s, const std::string& key, Room& room, Instant now) {
  if (room.seats.empty()) return;
  if (proto::call_of_room(key) || !room.announced || now - *room.announced >= kUpdateInterval) {
    return tell_members(s, key, room, now);
  }
  if (!s.due.contains(UpdateDue{key})) s.due.set(UpdateDue{key}, *room.announced + kUpdateInterval);
}

/// The links that carry a global room, and how much each may bring.
std::vector<RoomLink> links_of(const State& s, const std::string& name) {
  std::vector<RoomLink> links;
  const auto everybody_else = s.room_directory.summary(name).people;
  const auto add = [&](const RelayFingerprint& relay, bool transit) {
    const auto conn = s.federation.connection_of(relay);
    if (!conn) return;
    // A delegate may bring what anybody says, others what their own members do.
    const auto people = s.federation.is_delegate(relay) ? everybody_else : s.room_directory.people_of(name, relay);
    const auto speakers = static_cast<std::uint32_t>(std::clamp<std::size_t>(people, 1, 100));
    links.push_back({*conn, transit, kPacketsPerMember * speakers});
  };
  const auto passers = s.room_directory.passers(name);
  const auto members = s.room_directory.members(name);
  for (const auto& relay : s.map.tree_neighbours(passers, members)) add(relay, true);
  for (const auto& relay : s.map.apart_neighbours(passers, members)) add(relay, false);
  for (const auto& relay : s.federation.neighbours()) {
    // Reference relays do not say what they want, and those behind them get it from nobody else.
    if (!s.federation.is_capable(relay)) add(relay, true);
  }
  return links;
}

void update_table(State& s, const std::string& key) {
  const auto global = global_name(s, key);
  RoomTable table{.tag = crypto::room_tag(global.value_or(key))};
  if (const auto room = s.rooms.find(key); room != s.rooms.end()) {
    for (const auto& seat : room->second.seats) table.seats.push_back({seat.conn, seat.source, seat.trunk});
  }
  if (global) table.links = links_of(s, *global);
  const bool is_hub = table.links.size() > 1;
  if (table.seats.empty() && !is_hub) return s.drop_room(table.tag);
  s.set_room(std::move(table));
}

}  // namespace

void members_changed(State& s, const std::string& key, Instant now) {
  auto& room = s.rooms.at(key);
  if (const auto call = proto::call_of_room(key)) {
    update_bridge(s, *call, now);
  } else {
    tell_relays(s, key, now);
    update_table(s, key);
    look_again(s, key, now);
  }
  tell_members_soon(s, key, room, now);
}

void global_room_changed(State& s, const std::string& name, Instant now) {
  const auto key = room_key(name);
  update_table(s, key);
  const auto room = s.rooms.find(key);
  if (room == s.rooms.end()) return;
  tell_members_soon(s, key, room->second, now);
  look_at_quality(s, key, now);
}

void retag_room(State& s, const std::string& name, Instant now) {
  const auto key = room_key(name);
  for (const auto& tag : {crypto::room_tag(name), crypto::room_tag(key)}) s.drop_room(tag);
  if (s.rooms.contains(key)) members_changed(s, key, now);
}

void update_global_rooms(State& s) {
  for (const auto& name : s.config.global_rooms) update_table(s, room_key(name));
}

void tell_relays(State& s, const std::string& key, Instant now) {
  const auto global = global_name(s, key);
  if (!global) return;
  std::vector<proto::RoomParticipant> members;
  std::optional<std::uint8_t> tier;
  if (const auto room = s.rooms.find(key); room != s.rooms.end()) {
    for (const auto& seat : room->second.seats) members.push_back(participant(seat));
    if (const auto worst = worst_here(room->second, now)) tier = static_cast<std::uint8_t>(*worst);
  }
  run(s, s.room_directory.set_local(*global, std::move(members), tier, now), now);
}

void on_due(State& s, const UpdateDue& due, Instant now) {
  if (const auto room = s.rooms.find(due.room); room != s.rooms.end()) tell_members(s, due.room, room->second, now);
}

}  // namespace wzp::relay
