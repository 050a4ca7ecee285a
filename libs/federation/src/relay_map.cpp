#include "wzp/federation/relay_map.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "wzp/base/overloaded.hpp"
#include "wzp/federation/shares.hpp"

namespace wzp::federation {

GossipActions RelayMap::link_up(const RelayFingerprint& relay, bool delegate, Instant now) {
  GossipActions out;
  if (relay == config_.own) return out;
  const auto was = stamp_;
  up_[relay] = delegate;
  changed_ = true;
  relist(out);
  say_if_due(now, out);
  if (stamp_ == was) out.push_back(SendTo{relay, ours()});  // it has not heard of us yet
  if (delegate) {
    for (const auto& [origin, statement] : known_) send(relay, origin, out);
  }
  close(out);
  return out;
}

GossipActions RelayMap::link_down(const RelayFingerprint& relay, Instant now) {
  GossipActions out;
  if (up_.erase(relay) == 0) return out;
  changed_ = true;
  relist(out);
  say_if_due(now, out);
  close(out);
  return out;
}

GossipActions RelayMap::handle(const RelayFingerprint& from, const proto::RelayState& state, Instant now) {
  GossipActions out;
  const auto origin = canonical_relay(state.origin_relay_fp);
  if (!up_.contains(from)) {
    out.push_back(not_taken("unknown-neighbour"));
  } else if (!origin) {
    out.push_back(Dropped{"bad-fingerprint"});
  } else {
    std::visit(overloaded{[&](Dropped dropped) { out.push_back(std::move(dropped)); },
                          [&](Statement statement) {
                            statement.expires = now + config_.expiry;
                            if (*origin == config_.own) return hear_own(statement, now, out);
                            hear(from, *origin, std::move(statement), out);
                          }},
               read(from, state, *origin));
  }
  close(out);
  return out;
}

std::variant<RelayMap::Statement, Dropped> RelayMap::read(const RelayFingerprint& from, const proto::RelayState& state,
                                                          const RelayFingerprint& origin) const {
  if (auto refused = refuse(from, up_.at(from), origin, state.hops, proto::kMaxHops)) return *refused;
  if (state.neighbours.size() > config_.max_neighbours) return Dropped{"too-many-neighbours"};
  const auto known = known_.find(origin);
  const auto known_epoch = origin == config_.own ? stamp_.epoch : known == known_.end() ? 0 : known->second.stamp.epoch;
  if (is_epoch_jump(known_epoch, state.epoch)) return Dropped{"epoch-jump"};
  Statement out{{state.epoch, state.seq}, state.hops, {}, up_.at(from), {}, from};
  for (const auto& text : state.neighbours) {
    const auto relay = canonical_relay(text);
    if (!relay || *relay == origin) return Dropped{"bad-fingerprint"};
    out.neighbours.push_back(*relay);
  }
  std::ranges::sort(out.neighbours);
  const auto repeated = std::unique(out.neighbours.begin(), out.neighbours.end());
  out.neighbours.erase(repeated, out.neighbours.end());
  return out;
}

void RelayMap::hear_own(const Statement& statement, Instant now, GossipActions& out) {
  if (statement.stamp < stamp_) return;
  // What we said ourselves is said again all the same: a former life may have said just that, and it gets old.
  const bool same = statement.stamp == stamp_ && statement.neighbours == said_;
  if (!same) stamp_ = {statement.stamp.epoch + 1, 0};
  stale_ = true;
  say_if_due(now, out);
}

void RelayMap::hear(const RelayFingerprint& from, const RelayFingerprint& origin, Statement statement,
                    GossipActions& out) {
  const auto found = known_.find(origin);
  if (found == known_.end()) {
    if (!make_room(origin, from)) return out.push_back(not_taken("relay-map-full"));
  } else {
    auto& known = found->second;
    const bool same = std::tie(statement.stamp, statement.neighbours) == std::tie(known.stamp, known.neighbours);
    // What we hold is older than a refresh can be late: that is a new life, which happens to say the same.
    const bool overdue = statement.expires - known.expires > config_.refresh * 3 / 2;
    if (same && known.passed >= statement.passed && !overdue) {
      if (known.passed > statement.passed || statement.hops >= known.hops) return;
      if (!is_shorter(std::exchange(known.hops, statement.hops), statement.hops)) return;
    }
    const bool newer = std::tie(statement.stamp, statement.neighbours) > std::tie(known.stamp, known.neighbours);
    const bool final_word = origin == from && !up_.at(from) && !known.passed;
    if (!newer && !final_word && !same) {
      if (up_.at(from)) send(from, origin, out);  // it has forgotten a former life that we have not
      return;
    }
  }
  known_[origin] = std::move(statement);
  settle(origin, out);
  if (!up_.at(from)) return;
  for (const auto& [relay, delegate] : up_) {
    if (delegate && relay != from && !connected(relay, origin)) send(relay, origin, out);
  }
}

bool RelayMap::make_room(const RelayFingerprint& origin, const RelayFingerprint& from) {
  if (known_.size() < config_.max_relays) return true;
  Shares shares;
  for (const auto& [relay, statement] : known_) {
    if (!up_.contains(relay)) shares.add(statement.brought_by, 1);
  }
  const auto whose = shares.who_gives_way(from, 1);
  if (!whose && !up_.contains(origin)) return false;
  auto victim = known_.end();
  for (auto it = known_.begin(); it != known_.end(); ++it) {
    if (up_.contains(it->first) || (whose && it->second.brought_by != *whose)) continue;
    if (victim == known_.end() || it->second.expires < victim->second.expires) victim = it;
  }
  if (victim == known_.end()) return false;
  GossipActions nothing_lost;  // what its neighbours lose with it is ours to forget
  forget(RelayFingerprint{victim->first}, nothing_lost);
  return true;
}

void RelayMap::forget(const RelayFingerprint& origin, GossipActions& out) {
  known_.erase(origin);
  settle(origin, out);
}

GossipActions RelayMap::tick(Instant now) {
  GossipActions out;
  Relays gone;
  for (const auto& [origin, statement] : known_) {
    if (now >= statement.expires) gone.push_back(origin);
  }
  for (const auto& origin : gone) forget(origin, out);
  say_if_due(now, out);
  close(out);
  return out;
}

std::optional<Instant> RelayMap::deadline() const {
  std::optional<Instant> due;
  if (!up_.empty() && last_said_) due = *last_said_ + (must_say() ? config_.coalesce : config_.refresh);
  for (const auto& [origin, statement] : known_) due = earliest(due, statement.expires);
  return due;
}

void RelayMap::say_if_due(Instant now, GossipActions& out) {
  if (up_.empty()) return;
  if (last_said_ && now < *last_said_ + (must_say() ? config_.coalesce : config_.refresh)) return;
  ++stamp_.seq;
  said_ = listed_;
  stale_ = false;
  last_said_ = now;
  for (const auto& [relay, delegate] : up_) out.push_back(SendTo{relay, ours()});
}

proto::RelayState RelayMap::ours() const {
  proto::RelayState state{to_string(config_.own), stamp_.epoch, stamp_.seq, 1, {}};
  for (const auto& relay : said_) state.neighbours.push_back(to_string(relay));
  return state;
}

void RelayMap::send(const RelayFingerprint& to, const RelayFingerprint& origin, GossipActions& out) const {
  const auto found = known_.find(origin);
  if (found == known_.end() || found->second.hops >= proto::kMaxHops || !found->second.passed) return;
  const auto& statement = found->second;
  proto::RelayState state{to_string(origin), statement.stamp.epoch, statement.stamp.seq, 0, {}};
  state.hops = static_cast<std::uint8_t>(statement.hops + 1);
  for (const auto& relay : statement.neighbours) state.neighbours.push_back(to_string(relay));
  out.push_back(SendTo{to, std::move(state)});
}

void RelayMap::relist(GossipActions& out) {
  listed_.clear();
  for (const auto& [relay, delegate] : up_) {
    if (delegate && listed_.size() < config_.max_neighbours) listed_.push_back(relay);
  }
  settle(config_.own, out);
}

bool RelayMap::names(const RelayFingerprint& who, const RelayFingerprint& whom) const {
  if (who == config_.own) return std::ranges::binary_search(listed_, whom);
  const auto found = known_.find(who);
  return found != known_.end() && std::ranges::binary_search(found->second.neighbours, whom);
}

/// Brings the connections of this relay in line with what both ends say.
void RelayMap::settle(const RelayFingerprint& relay, GossipActions& out) {
  std::set<RelayFingerprint> wanted;
  const auto found = known_.find(relay);
  const Relays none;
  const auto& said = relay == config_.own ? listed_ : found == known_.end() ? none : found->second.neighbours;
  for (const auto& other : said) {
    if (names(other, relay)) wanted.insert(other);
  }
  const auto had = connected_with(relay);
  if (wanted == had) return;
  changed_ = true;
  const auto up = up_.find(relay);
  for (const auto& other : had) {
    if (wanted.contains(other)) continue;
    edges_[other].erase(relay);
    if (edges_[other].empty()) edges_.erase(other);
    if (up != up_.end() && up->second) send(relay, other, out);
  }
  for (const auto& other : wanted) edges_[other].insert(relay);
  if (wanted.empty()) {
    edges_.erase(relay);
  } else {
    edges_[relay] = std::move(wanted);
  }
}

void RelayMap::close(GossipActions& out) {
  if (!changed_) return;
  changed_ = false;
  ways_.reset();
  out.push_back(MapChanged{});
}

}  // namespace wzp::federation
