#include <algorithm>

#include "wzp/federation/relay_map.hpp"

// The questions that the map answers: ways to one relay, and the tree of a room.

namespace wzp::federation {

std::optional<RelayFingerprint> RelayMap::next_hop(const RelayFingerprint& to) const {
  const auto found = ways().find(to);
  if (found == ways().end() || to == config_.own) return std::nullopt;
  return found->second.first;
}

std::optional<unsigned> RelayMap::distance(const RelayFingerprint& to) const {
  const auto found = ways().find(to);
  if (found == ways().end()) return std::nullopt;
  return found->second.distance;
}

bool RelayMap::connected(const RelayFingerprint& a, const RelayFingerprint& b) const {
  const auto found = edges_.find(a);
  return found != edges_.end() && found->second.contains(b);
}

std::set<RelayFingerprint> RelayMap::connected_with(const RelayFingerprint& relay) const {
  const auto found = edges_.find(relay);
  return found == edges_.end() ? std::set<RelayFingerprint>{} : found->second;
}

std::vector<RelayFingerprint> RelayMap::relays() const {
  std::vector<RelayFingerprint> out;
  for (const auto& [relay, way] : ways()) {
    if (relay != config_.own) out.push_back(relay);
  }
  return out;
}

const std::map<RelayFingerprint, RelayMap::Way>& RelayMap::ways() const {
  if (ways_) return *ways_;
  auto& ways = ways_.emplace();
  ways[config_.own] = Way{};
  std::set<RelayFingerprint> ring = connected_with(config_.own);
  for (const auto& relay : ring) ways[relay] = Way{1, relay};
  for (unsigned distance = 2; !ring.empty(); ++distance) {
    std::set<RelayFingerprint> next;
    for (const auto& relay : ring) {
      const auto first = ways[relay].first;
      for (const auto& other : connected_with(relay)) {
        auto& way = ways.try_emplace(other, Way{distance, first}).first->second;
        if (way.distance != distance) continue;
        way.first = std::min(way.first, first);
        next.insert(other);
      }
    }
    ring = std::move(next);
  }
  // A link that does not pass others on is still the way to the one at its end.
  for (const auto& [relay, delegate] : up_) ways[relay] = Way{1, relay};
  return ways;
}

std::set<RelayFingerprint> RelayMap::component(const std::set<RelayFingerprint>& allowed) const {
  std::set<RelayFingerprint> seen;
  if (!allowed.contains(config_.own)) return seen;
  std::vector<RelayFingerprint> open{config_.own};
  seen.insert(config_.own);
  while (!open.empty()) {
    const auto relay = open.back();
    open.pop_back();
    for (const auto& other : connected_with(relay)) {
      if (allowed.contains(other) && seen.insert(other).second) open.push_back(other);
    }
  }
  return seen;
}

namespace {

std::set<RelayFingerprint> both(const std::set<RelayFingerprint>& a, const std::set<RelayFingerprint>& b) {
  auto out = a;
  out.insert(b.begin(), b.end());
  return out;
}

}  // namespace

std::vector<RelayFingerprint> RelayMap::tree_neighbours(const std::set<RelayFingerprint>& passers,
                                                        const std::set<RelayFingerprint>& members) const {
  const auto part = component(both(passers, members));
  const auto root = std::ranges::find_if(part, [&](const auto& relay) { return members.contains(relay); });
  if (root == part.end()) return {};
  // Ring by ring, each in the order of fingerprints: the first to reach a relay is its parent.
  std::map<RelayFingerprint, RelayFingerprint> parent;
  std::set<RelayFingerprint> ring{*root};
  parent[*root] = *root;
  while (!ring.empty()) {
    std::set<RelayFingerprint> next;
    for (const auto& relay : ring) {
      for (const auto& other : connected_with(relay)) {
        if (part.contains(other) && parent.try_emplace(other, relay).second) next.insert(other);
      }
    }
    ring = std::move(next);
  }
  std::set<RelayFingerprint> kept{*root};
  for (const auto& member : part) {
    if (!members.contains(member)) continue;
    for (auto relay = member; kept.insert(relay).second;) relay = parent.at(relay);
  }
  std::vector<RelayFingerprint> out;
  if (!kept.contains(config_.own)) return out;
  for (const auto& other : connected_with(config_.own)) {
    if (!kept.contains(other)) continue;
    const bool is_parent = config_.own != *root && parent.at(config_.own) == other;
    if (is_parent || (other != *root && parent.at(other) == config_.own)) out.push_back(other);
  }
  return out;
}

std::vector<RelayFingerprint> RelayMap::apart_neighbours(const std::set<RelayFingerprint>& passers,
                                                         const std::set<RelayFingerprint>& members) const {
  const auto part = component(both(passers, members));
  std::vector<RelayFingerprint> out;
  if (part.empty()) return out;
  for (const auto& [relay, delegate] : up_) {
    if (members.contains(relay) && !part.contains(relay)) out.push_back(relay);
  }
  return out;
}

}  // namespace wzp::federation
