#include "wzp/federation/gossip.hpp"

#include "wzp/federation/relay_map.hpp"

namespace wzp::federation {

std::optional<RelayFingerprint> canonical_relay(std::string_view text) {
  const auto relay = RelayFingerprint::parse(text);
  if (!relay || to_string(*relay) != text) return std::nullopt;
  return relay;
}

std::optional<Dropped> refuse(const RelayFingerprint& from, bool delegate, const RelayFingerprint& origin,
                              std::uint8_t hops, std::uint8_t max_hops) {
  if (origin != from && !delegate) return not_taken("not-a-delegate");
  const bool fits = origin == from ? hops == 1 : hops >= 2 && hops <= max_hops;
  if (!fits) return Dropped{"hops"};
  return std::nullopt;
}

void Mesh::link_up(const RelayFingerprint& relay, bool delegate) { neighbours_[relay] = Neighbour{delegate, {}}; }

std::vector<Mesh::Lost> Mesh::review(const RelayMap& map) {
  std::vector<Lost> lost;
  for (auto& [relay, neighbour] : neighbours_) {
    auto connected = map.connected_with(relay);
    if (neighbour.delegate) {
      for (const auto& origin : neighbour.connected) {
        if (!connected.contains(origin)) lost.push_back({relay, origin});
      }
    }
    neighbour.connected = std::move(connected);
  }
  ways_.clear();
  for (const auto& relay : map.relays()) ways_[relay] = {*map.distance(relay), *map.next_hop(relay)};
  return lost;
}

bool Mesh::is_delegate(const RelayFingerprint& relay) const {
  const auto found = neighbours_.find(relay);
  return found != neighbours_.end() && found->second.delegate;
}

std::optional<unsigned> Mesh::distance(const RelayFingerprint& relay) const {
  if (neighbours_.contains(relay)) return 1;
  const auto found = ways_.find(relay);
  return found == ways_.end() ? std::nullopt : std::optional{found->second.distance};
}

std::optional<RelayFingerprint> Mesh::next_hop(const RelayFingerprint& relay) const {
  if (neighbours_.contains(relay)) return relay;
  const auto found = ways_.find(relay);
  if (found == ways_.end() || !neighbours_.contains(found->second.first)) return std::nullopt;
  return found->second.first;
}

std::vector<RelayFingerprint> Mesh::all() const {
  std::vector<RelayFingerprint> out;
  for (const auto& [relay, neighbour] : neighbours_) out.push_back(relay);
  return out;
}

std::vector<RelayFingerprint> Mesh::targets(const RelayFingerprint& origin, const RelayFingerprint& from) const {
  std::vector<RelayFingerprint> out;
  for (const auto& [relay, neighbour] : neighbours_) {
    if (neighbour.delegate && relay != from && !neighbour.connected.contains(origin)) out.push_back(relay);
  }
  return out;
}

}  // namespace wzp::federation
