#pragma once

#include "state.hpp"

// The operator's lists: as the federation library wants them, and what follows when they change.

namespace wzp::relay {

[[nodiscard]] std::vector<federation::FederationManager::Peer> federation_peers(const std::vector<PeerConfig>& peers);
[[nodiscard]] std::vector<federation::FederationManager::Trusted> federation_trusted(
    const std::vector<TrustedConfig>& trusted);

void on_event(State& s, const Reload& event, Instant now);

}  // namespace wzp::relay
