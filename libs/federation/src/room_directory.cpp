#include "wzp/federation/room_directory.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "wzp/crypto/room.hpp"
#include "wzp/federation/relay_map.hpp"
#include "wzp/federation/shares.hpp"

namespace wzp::federation {

namespace {

/// Two statements of one stamp are of two lives when they differ in this; labels are changed on the way.
auto essence(const RoomDirectory::People& people, const std::optional<std::uint8_t>& tier) {
  using Person = std::tuple<std::string, std::optional<std::string>, std::optional<std::string>>;
  std::vector<Person> out;
  for (const auto& p : people) out.emplace_back(p.fingerprint, p.alias, p.source);
  return std::pair{std::move(out), tier};
}

}  // namespace

RoomDirectory::RoomDirectory(Config config) : config_{std::move(config)} {
  for (const auto& name : config_.rooms) {
    if (rooms_.size() == kMaxRooms) break;
    rooms_[name].hashed = crypto::hashed_room_name(name);
  }
}

GossipActions RoomDirectory::set_rooms(const std::set<std::string>& rooms, Instant now) {
  GossipActions out;
  for (auto room = rooms_.begin(); room != rooms_.end();) {
    if (rooms.contains(room->first)) {
      ++room;
      continue;
    }
    auto& gone = room->second;  // for the others nobody is left, here and behind us
    gone.local.clear();
    gone.tier.reset();
    for (const auto& [origin, entry] : gone.entries) forget(entry);
    gone.entries.clear();
    for (auto& [relay, plain] : gone.plain) plain = {.told = std::move(plain.told)};
    gone.last_said.reset();
    gone.last_told.reset();
    own_changed(*room, now, out);
    room = rooms_.erase(room);
  }
  for (const auto& name : rooms) {
    if (rooms_.size() == kMaxRooms) break;
    const auto [room, added] = rooms_.try_emplace(name);
    if (!added) continue;
    room->second.hashed = crypto::hashed_room_name(name);
    for (const auto& [relay, neighbour] : neighbours_) {
      if (neighbour.kind == Kind::Reference) room->second.plain[relay];
    }
    own_changed(*room, now, out);
  }
  return out;
}

GossipActions RoomDirectory::set_local(const std::string& name, People participants, std::optional<std::uint8_t> tier,
                                       Instant now) {
  GossipActions out;
  const auto room = rooms_.find(name);
  if (room == rooms_.end()) return out;
  for (auto& person : participants) {
    if (person.alias && person.alias->size() > kMaxText) person.alias.reset();
  }
  room->second.local = std::move(participants);
  room->second.tier = tier;
  own_changed(*room, now, out);
  return out;
}

GossipActions RoomDirectory::link_up(const RelayFingerprint& relay, Neighbour neighbour, const RelayMap& map,
                                     Instant now) {
  GossipActions out;
  if (relay == config_.own) return out;
  if (neighbours_.contains(relay)) out = link_down(relay, map, now);
  if (neighbour.label.size() > kMaxText) neighbour.label.resize(kMaxText);
  const bool reference = neighbour.kind == Kind::Reference;
  const bool delegate = neighbour.delegate && !reference;
  neighbours_[relay] = std::move(neighbour);
  if (!reference) mesh_.link_up(relay, delegate);
  for (auto& room : rooms_) {
    if (reference) {
      room.second.plain[relay];
      room.second.check_plain = true;
      tell_if_due(room, now, out);
      continue;
    }
    const auto was = room.second.stamp;
    say_if_due(room, now, out);
    if (room.second.stamp == was) out.push_back(SendTo{relay, statement(room)});
    for (const auto& [origin, entry] : room.second.entries) {
      if (origin == relay || entry.shown) send(relay, room, origin, entry, out);
    }
  }
  review(map, now, out);
  return out;
}

GossipActions RoomDirectory::link_down(const RelayFingerprint& relay, const RelayMap& map, Instant now) {
  GossipActions out;
  if (neighbours_.erase(relay) == 0) return out;
  mesh_.link_down(relay);
  for (auto& room : rooms_) {
    if (room.second.plain.erase(relay) != 0) {
      out.push_back(RoomChanged{room.first});
      own_changed(room, now, out);
    }
  }
  review(map, now, out);
  return out;
}

GossipActions RoomDirectory::map_changed(const RelayMap& map, Instant now) {
  GossipActions out;
  review(map, now, out);
  return out;
}

void RoomDirectory::review(const RelayMap& map, Instant now, GossipActions& out) {
  const auto lost = mesh_.review(map);
  for (auto& room : rooms_) {
    review(room, map, now, out);
    // Only now: what was lost with its origin is nobody's to tell.
    for (const auto& [neighbour, origin] : lost) {
      const auto entry = room.second.entries.find(origin);
      if (entry != room.second.entries.end() && entry->second.shown) send(neighbour, room, origin, entry->second, out);
    }
  }
}

void RoomDirectory::review(NamedRoom& room, const RelayMap& map, Instant now, GossipActions& out) {
  const auto reached = part(room.second, map);
  bool differs = false;
  for (auto& [origin, entry] : room.second.entries) {
    const bool was_shown = entry.shown;
    const bool was_apart = join(entry, reached.contains(origin), now);
    show(origin, entry, now);
    differs |= was_shown != entry.shown;
    // Those behind us cannot reach it for as long, and wait for its next word, too.
    if (!entry.shown || (was_shown && !was_apart)) continue;
    for (const auto& relay : mesh_.targets(origin, origin)) send(relay, room, origin, entry, out);
  }
  if (differs) changed(room, now, out);
}

/// Whether it is joined again and was not for long.
bool RoomDirectory::join(Entry& entry, bool joined, Instant now) const {
  const bool was_apart = joined && !entry.joined && now - entry.apart_at >= config_.grace;
  if (entry.joined && !joined) entry.apart_at = now;
  entry.joined = joined;
  return was_apart;
}

void RoomDirectory::show(const RelayFingerprint& origin, Entry& entry, Instant now) const {
  const bool own_link = mesh_.has(origin);
  const bool reachable = own_link || entry.joined;
  if (entry.shown == reachable) return;
  // What a neighbour itself has to say is on its way; it may have restarted.
  if (!entry.shown && (own_link || now - entry.hidden_at >= config_.grace)) return;
  entry.shown = reachable;
  entry.hidden_at = now;
}

/// Who can be reached over relays that have the room.
std::set<RelayFingerprint> RoomDirectory::part(const Room& room, const RelayMap& map) const {
  std::set<RelayFingerprint> have_room{config_.own};
  for (const auto& [origin, entry] : room.entries) have_room.insert(origin);
  return map.component(have_room);
}

GossipActions RoomDirectory::handle(const RelayFingerprint& from, const proto::RoomState& state, const RelayMap& map,
                                    Instant now) {
  GossipActions out;
  const auto room = rooms_.find(state.room);
  const auto origin = canonical_relay(state.origin_relay_fp);
  if (!mesh_.has(from)) {
    out.push_back(not_taken("unknown-neighbour"));
  } else if (room == rooms_.end()) {
    out.push_back(not_taken("room-not-global"));
  } else if (!origin) {
    out.push_back(Dropped{"bad-fingerprint"});
  } else if (auto refused = check(from, *origin, state)) {
    out.push_back(std::move(*refused));
  } else {
    Entry entry{{state.epoch, state.seq}, state.hops, state.participants, state.tier, now + config_.expiry,
                mesh_.is_delegate(from)};
    entry.brought_by = from;
    for (auto& person : entry.people) {
      if (!person.relay_label || person.relay_label->empty()) person.relay_label = neighbours_.at(from).label;
    }
    if (*origin == config_.own) {
      hear_own(*room, entry, now, out);
    } else {
      hear(*room, from, *origin, std::move(entry), map, now, out);
    }
  }
  return out;
}

std::optional<Dropped> RoomDirectory::check(const RelayFingerprint& from, const RelayFingerprint& origin,
                                            const proto::RoomState& state) const {
  if (auto refused = refuse(from, mesh_.is_delegate(from), origin, state.hops, proto::kMaxHops)) return refused;
  if (state.participants.size() > config_.max_participants) return Dropped{"too-many-participants"};
  if (!fits(state.participants)) return Dropped{"text-too-long"};
  if (state.tier && *state.tier > 5) return Dropped{"bad-tier"};
  const auto& room = rooms_.at(state.room);
  const auto known = room.entries.find(origin);
  const auto epoch = origin == config_.own ? epoch_ : known == room.entries.end() ? 0 : known->second.stamp.epoch;
  if (is_epoch_jump(epoch, state.epoch)) return Dropped{"epoch-jump"};
  if (origin == config_.own) return std::nullopt;
  const bool is_new = known == room.entries.end();
  const bool is_full = is_new && room.entries.size() >= config_.max_origins;
  if (is_full && !gives_way(room, from)) return not_taken("too-many-origins");
  const auto brought = brought_.find(from);
  auto people = state.participants.size() + (brought == brought_.end() ? 0 : brought->second);
  if (!is_new && known->second.brought_by == from) people -= known->second.people.size();
  if (people > config_.max_brought) return not_taken("too-many-people");
  return std::nullopt;
}

std::optional<RelayFingerprint> RoomDirectory::gives_way(const Room& room, const RelayFingerprint& from) const {
  Shares shares;
  for (const auto& [origin, entry] : room.entries) {
    if (!mesh_.has(origin)) shares.add(entry.brought_by, 1);
  }
  const auto whose = shares.who_gives_way(from, 1);
  std::optional<RelayFingerprint> victim;
  for (const auto& [origin, entry] : room.entries) {
    if (mesh_.has(origin) || entry.brought_by != whose) continue;
    if (!victim || entry.expires < room.entries.at(*victim).expires) victim = origin;
  }
  return victim;
}

bool RoomDirectory::make_room(Room& room, const RelayFingerprint& from) {
  if (room.entries.size() < config_.max_origins) return false;
  const auto gone = room.entries.extract(*gives_way(room, from));
  forget(gone.mapped());
  return gone.mapped().shown;
}

void RoomDirectory::note(const Entry& entry) {
  if (!entry.people.empty()) brought_[entry.brought_by] += entry.people.size();
}

void RoomDirectory::forget(const Entry& entry) {
  const auto brought = brought_.find(entry.brought_by);
  if (brought == brought_.end()) return;
  brought->second -= entry.people.size();
  if (brought->second == 0) brought_.erase(brought);
}

bool RoomDirectory::fits(const People& people) const {
  const auto too_long = [](const std::optional<std::string>& text) { return text && text->size() > kMaxText; };
  return std::ranges::none_of(people, [&](const proto::RoomParticipant& p) {
    return p.fingerprint.size() > kMaxText || too_long(p.alias) || too_long(p.relay_label) || too_long(p.source);
  });
}

void RoomDirectory::hear_own(NamedRoom& room, const Entry& entry, Instant now, GossipActions& out) {
  auto& mine = room.second;
  if (entry.stamp < mine.stamp) return;
  if (entry.stamp == mine.stamp && essence(entry.people, entry.tier) == essence(mine.said, mine.said_tier)) {
    mine.stale = true;  // a former life may have said just that, and it gets old
    return say_if_due(room, now, out);
  }
  epoch_ = entry.stamp.epoch + 1;
  for (auto& each : rooms_) {
    each.second.stale = true;
    each.second.stamp.epoch = epoch_;  // a second word of the former life does not take another epoch
    each.second.stamp.seq = 0;
    say_if_due(each, now, out);
  }
}

void RoomDirectory::hear(NamedRoom& room, const RelayFingerprint& from, const RelayFingerprint& origin, Entry entry,
                         const RelayMap& map, Instant now, GossipActions& out) {
  const bool delegate = mesh_.is_delegate(from);
  bool differs = true;
  const bool one_less = !room.second.entries.contains(origin) && make_room(room.second, from);
  const auto [place, is_new] = room.second.entries.try_emplace(origin);
  auto& known = place->second;
  if (is_new) known.apart_at = now;
  entry.joined = known.joined;
  entry.apart_at = known.apart_at;
  if (!known.shown) entry.joined = part(room.second, map).contains(origin);
  entry.shown = known.shown || entry.joined || mesh_.has(origin);
  entry.hidden_at = now;
  if (!is_new) {
    // Who comes back may have forgotten what it had said; what is still out of reach may be an echo, and has not.
    bool newer = entry.stamp > known.stamp || (!known.shown && (entry.shown || entry.stamp == known.stamp));
    if (!newer && entry.stamp == known.stamp) {
      const auto order = essence(entry.people, entry.tier) <=> essence(known.people, known.tier);
      newer = order > 0 || (order == 0 && entry.passed && !known.passed);
      if (order == 0 && !newer) {
        if (known.passed > entry.passed || entry.hops >= known.hops) return;
        newer = is_shorter(std::exchange(known.hops, entry.hops), entry.hops);
        if (!newer) return;
      }
      if (order == 0 && known.passed && !entry.passed) {
        entry.passed = true;  // heard from the relay itself; others had told it as well
        entry.hops = known.hops;
      }
    }
    const bool final_word = origin == from && !delegate && !known.passed;
    if (!newer && !final_word) {
      if (!known.shown) known.hidden_at = now;  // somebody has heard of it just now
      // Its origin has to hear of what we hold: from a former life of it, or invented by somebody.
      if (delegate && entry.stamp < known.stamp) send(from, room, origin, known, out);
      return;
    }
    const bool same = entry.stamp == known.stamp && entry.people == known.people && entry.tier == known.tier;
    if (same) entry.hops = std::min(entry.hops, known.hops);  // what we said ourselves may come back the long way
    differs = !known.shown || known.people != entry.people || known.tier != entry.tier;
  }
  if (!is_new) forget(known);
  known = std::move(entry);
  note(known);
  if (one_less || (known.shown && differs)) changed(room, now, out);
  // What cannot be reached is an echo, or a moment ahead of the map, and passed on when it is shown.
  if (!known.passed || !known.shown) return;
  for (const auto& relay : mesh_.targets(origin, from)) send(relay, room, origin, known, out);
  if (is_new) review(room, map, now, out);  // others may be behind it
}

GossipActions RoomDirectory::tick(Instant now) {
  GossipActions out;
  for (auto& room : rooms_) {
    bool differs = false;
    std::erase_if(room.second.entries, [&](const auto& item) {
      if (now < item.second.expires) return false;
      differs |= item.second.shown;
      forget(item.second);
      return true;
    });
    if (differs) changed(room, now, out);
    say_if_due(room, now, out);
    tell_if_due(room, now, out);
  }
  return out;
}

std::optional<Instant> RoomDirectory::deadline() const {
  std::optional<Instant> due;
  const bool anybody = !mesh_.all().empty();
  for (const auto& [name, room] : rooms_) {
    for (const auto& [origin, entry] : room.entries) due = earliest(due, entry.expires);
    if (anybody && room.last_said) {
      due = earliest(due, *room.last_said + (room.stale ? config_.coalesce : config_.refresh));
    }
    if (room.check_plain && room.last_told) due = earliest(due, *room.last_told + config_.coalesce);
  }
  return due;
}

}  // namespace wzp::federation
