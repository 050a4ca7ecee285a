// The operator's lists change: the part of FederationManager that takes them over.

#include <algorithm>
#include <map>
#include <utility>

#include "wzp/federation/manager.hpp"

namespace wzp::federation {

Actions FederationManager::reconfigure(std::vector<Peer> peers, std::vector<Trusted> trusted, Instant now) {
  std::map<RelayFingerprint, bool> was_delegate;
  for (const auto& [relay, links] : up_) was_delegate[relay] = is_delegate(relay);
  for (auto& known : config_.peers) {
    const auto same = [&](const Peer& p) { return p.fingerprint == known.fingerprint && p.url == known.url; };
    const auto found = std::find_if(peers.begin(), peers.end(), same);
    known.retired = found == peers.end();
    if (known.retired) continue;
    known = std::move(*found);
    peers.erase(found);
  }
  for (auto& fresh : peers) {
    config_.peers.push_back(std::move(fresh));
    diallers_.emplace_back(config_.random_seed + diallers_.size());
  }
  config_.trusted = std::move(trusted);
  for (auto& dialler : diallers_) dialler.start_anew();
  Actions out;
  std::vector<ConnectionId> gone;
  for (const auto& [conn, link] : connections_) {
    if (!link.relay()) continue;
    const auto before = was_delegate.find(*link.relay());
    const bool changed = before != was_delegate.end() && before->second != is_delegate(*link.relay());
    if (changed || !label_of(*link.relay())) gone.push_back(conn);
  }
  for (const auto conn : gone) {
    const auto found = connections_.find(conn);
    if (found == connections_.end()) continue;
    const bool named = label_of(*found->second.relay()).has_value();
    close(conn,
          named ? Link::Refusal{0, "configuration changed"} : Link::Refusal{kCloseNotTrusted, "not trusted any more"},
          now, out);
  }
  run_diallers(now, out);
  return out;
}

}  // namespace wzp::federation
