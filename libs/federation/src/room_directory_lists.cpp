#include <algorithm>
#include <iterator>
#include <utility>

#include "wzp/federation/relay_map.hpp"
#include "wzp/federation/room_directory.hpp"

// The lists of `RoomDirectory`: what we say, what reference relays say and are told, and what is asked of it.

namespace wzp::federation {

namespace {

/// Adds who is not there yet. People without a fingerprint cannot be told apart and are all kept.
class Merge {
 public:
  explicit Merge(std::size_t limit) : limit_{limit} {}

  void leave_out(const RoomDirectory::People& people) {
    for (const auto& person : people) seen_.insert(person.fingerprint);
  }
  void add(const proto::RoomParticipant& person) {
    if (people_.size() >= limit_) return;
    if (!person.fingerprint.empty() && !seen_.insert(person.fingerprint).second) return;
    people_.push_back(person);
  }
  void add(const RoomDirectory::People& people) {
    for (const auto& person : people) add(person);
  }
  [[nodiscard]] RoomDirectory::People take() { return std::exchange(people_, {}); }

 private:
  std::size_t limit_;
  std::set<std::string> seen_;
  RoomDirectory::People people_;
};

}  // namespace

std::optional<std::string> RoomDirectory::canonical(std::string_view name) const {
  for (const auto& [canonical, room] : rooms_) {
    if (name == canonical || name == room.hashed) return canonical;
  }
  return std::nullopt;
}

GossipActions RoomDirectory::handle(const RelayFingerprint& from, const proto::GlobalRoomActive& state, Instant now) {
  const auto neighbour = neighbours_.find(from);
  if (neighbour == neighbours_.end() || neighbour->second.kind != Kind::Reference) {
    return {not_taken("unknown-neighbour")};
  }
  const auto name = canonical(state.room);
  if (!name) return {not_taken("room-not-global")};
  if (state.participants.size() > config_.max_participants) return {Dropped{"too-many-participants"}};
  if (!fits(state.participants)) return {Dropped{"text-too-long"}};
  Plain heard;
  for (auto person : state.participants) {
    person.source.reset();  // it cannot tell sources apart
    const bool own = !person.relay_label || person.relay_label->empty();
    if (own) person.relay_label = neighbour->second.label;
    (own ? heard.own : heard.behind).push_back(std::move(person));
  }
  auto& room = *rooms_.find(*name);
  auto& plain = room.second.plain[from];
  if (heard.own.empty() && !heard.behind.empty()) heard.own = plain.own;
  if (heard.own == plain.own && heard.behind == plain.behind) return {};
  plain.own = std::move(heard.own);
  plain.behind = std::move(heard.behind);
  GossipActions out{RoomChanged{*name}};
  own_changed(room, now, out);
  return out;
}

GossipActions RoomDirectory::handle(const RelayFingerprint& from, const proto::GlobalRoomInactive& state, Instant now) {
  return handle(from, proto::GlobalRoomActive{state.room, {}}, now);
}

std::vector<RoomDirectory::Remote> RoomDirectory::remote(const std::string& name) const {
  std::vector<Remote> out;
  const auto found = rooms_.find(name);
  if (found == rooms_.end()) return out;
  const auto& room = found->second;
  Merge merge{std::size_t(-1)};
  merge.leave_out(room.local);
  for (const auto& [origin, entry] : room.entries) {
    if (!entry.shown) continue;
    merge.leave_out(entry.people);
    out.push_back({origin, entry.people, entry.tier, entry.hops});
  }
  for (const auto& [relay, plain] : room.plain) merge.leave_out(plain.own);
  for (const auto& [relay, plain] : room.plain) {
    merge.add(plain.behind);
    auto people = plain.own;
    std::ranges::move(merge.take(), std::back_inserter(people));
    if (!people.empty()) out.push_back({relay, std::move(people), {}, 1});
  }
  return out;
}

RoomDirectory::Summary RoomDirectory::summary(const std::string& name) const {
  Summary out;
  const auto found = rooms_.find(name);
  if (found == rooms_.end()) return out;
  for (const auto& [origin, entry] : found->second.entries) {
    if (!entry.shown) continue;
    out.people += entry.people.size();
    if (entry.tier && (!out.tier || *entry.tier < *out.tier)) out.tier = entry.tier;
  }
  for (const auto& [relay, plain] : found->second.plain) out.people += plain.own.size() + plain.behind.size();
  return out;
}

std::size_t RoomDirectory::people_of(const std::string& name, const RelayFingerprint& neighbour) const {
  const auto found = rooms_.find(name);
  if (found == rooms_.end()) return 0;
  const auto entry = found->second.entries.find(neighbour);
  const auto plain = found->second.plain.find(neighbour);
  return (entry == found->second.entries.end() ? 0 : entry->second.people.size()) +
         (plain == found->second.plain.end() ? 0 : plain->second.own.size() + plain->second.behind.size());
}

std::set<RelayFingerprint> RoomDirectory::passers(const std::string& name) const {
  std::set<RelayFingerprint> out;
  const auto found = rooms_.find(name);
  if (found == rooms_.end()) return out;
  out.insert(config_.own);
  for (const auto& [origin, entry] : found->second.entries) {
    if (entry.shown) out.insert(origin);
  }
  return out;
}

std::set<RelayFingerprint> RoomDirectory::members(const std::string& name) const {
  std::set<RelayFingerprint> out;
  const auto found = rooms_.find(name);
  if (found == rooms_.end()) return out;
  // What we have said, not what is so: all relays must find the same tree.
  if (!found->second.said.empty()) out.insert(config_.own);
  for (const auto& [origin, entry] : found->second.entries) {
    if (entry.shown && !entry.people.empty()) out.insert(origin);
  }
  return out;
}

/// What others see in this room has changed.
void RoomDirectory::changed(NamedRoom& room, Instant now, GossipActions& out) {
  out.push_back(RoomChanged{room.first});
  room.second.check_plain = true;
  tell_if_due(room, now, out);
}

void RoomDirectory::own_changed(NamedRoom& room, Instant now, GossipActions& out) {
  auto& mine = room.second;
  if (ours(mine) != mine.said || mine.tier != mine.said_tier) mine.stale = true;
  say_if_due(room, now, out);
  mine.check_plain = true;
  tell_if_due(room, now, out);
}

RoomDirectory::People RoomDirectory::ours(const Room& room) const {
  Merge merge{config_.max_participants};
  // Somebody may be here twice, with two sources; both are members.
  auto people = room.local;
  if (people.size() > config_.max_participants) people.resize(config_.max_participants);
  merge.leave_out(people);
  for (const auto& [relay, plain] : room.plain) merge.add(plain.own);
  std::ranges::move(merge.take(), std::back_inserter(people));
  if (people.size() > config_.max_participants) people.resize(config_.max_participants);
  return people;
}

RoomDirectory::People RoomDirectory::merged_for(const Room& room, const RelayFingerprint& relay) const {
  Merge merge{config_.max_participants};
  merge.leave_out(room.plain.at(relay).own);
  merge.add(room.local);
  for (const auto& [origin, entry] : room.entries) {
    if (entry.shown) merge.add(entry.people);
  }
  for (const auto& [other, plain] : room.plain) {
    if (other != relay) merge.add(plain.own);
  }
  auto people = merge.take();
  for (auto& person : people) person.source.reset();
  return people;
}

void RoomDirectory::say_if_due(NamedRoom& room, Instant now, GossipActions& out) {
  auto& mine = room.second;
  const auto neighbours = mesh_.all();
  if (neighbours.empty()) return;
  if (mine.last_said && now < *mine.last_said + (mine.stale ? config_.coalesce : config_.refresh)) return;
  const bool was_member = !mine.said.empty();
  mine.stamp = {epoch_, ++seq_};
  mine.said = ours(mine);
  if (was_member == mine.said.empty()) out.push_back(RoomChanged{room.first});  // the tree has another member
  mine.said_tier = mine.tier;
  mine.stale = false;
  mine.last_said = now;
  for (const auto& relay : neighbours) out.push_back(SendTo{relay, statement(room)});
}

void RoomDirectory::tell_if_due(NamedRoom& room, Instant now, GossipActions& out) {
  auto& mine = room.second;
  if (!mine.check_plain || (mine.last_told && now < *mine.last_told + config_.coalesce)) return;
  mine.check_plain = false;
  for (auto& [relay, plain] : mine.plain) {
    auto people = merged_for(mine, relay);
    if (people == plain.told) continue;
    plain.told = people;
    mine.last_told = now;
    if (people.empty()) {
      out.push_back(SendTo{relay, proto::GlobalRoomInactive{room.first}});
    } else {
      out.push_back(SendTo{relay, proto::GlobalRoomActive{room.first, std::move(people)}});
    }
  }
}

proto::RoomState RoomDirectory::statement(const NamedRoom& room) const {
  const auto& mine = room.second;
  return {to_string(config_.own), mine.stamp.epoch, mine.stamp.seq, 1, room.first, mine.said, mine.said_tier};
}

void RoomDirectory::send(const RelayFingerprint& to, const NamedRoom& room, const RelayFingerprint& origin,
                         const Entry& entry, GossipActions& out) const {
  if (entry.hops >= proto::kMaxHops || !entry.passed || !mesh_.is_delegate(to)) return;
  proto::RoomState state{to_string(origin), entry.stamp.epoch, entry.stamp.seq, 0,
                         room.first,        entry.people,      entry.tier};
  state.hops = static_cast<std::uint8_t>(entry.hops + 1);
  out.push_back(SendTo{to, std::move(state)});
}

}  // namespace wzp::federation
