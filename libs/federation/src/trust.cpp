// Who may have a link: the part of FederationManager that looks at certificates.

#include <algorithm>
#include <utility>

#include "wzp/federation/manager.hpp"

namespace wzp::federation {

std::optional<std::string> FederationManager::label_of(const RelayFingerprint& relay) const {
  const auto named = [&](const std::string& label) { return label.empty() ? to_string(relay).substr(0, 16) : label; };
  for (const auto& peer : config_.peers) {
    if (peer.fingerprint == relay && !peer.retired) return named(peer.label);
  }
  for (const auto& trusted : config_.trusted) {
    if (trusted.fingerprint == relay) return named(trusted.label);
  }
  return std::nullopt;
}

Result<Link::Setup> FederationManager::check_dialled(const Opened& event) const {
  if (!event.dialled_peer || *event.dialled_peer >= config_.peers.size())
    return Unexpected{Errc::Internal, "a dialled connection without a peer entry"};
  const auto& peer = config_.peers[*event.dialled_peer];
  if (peer.retired) return Unexpected{Errc::NotAllowed, "peer " + peer.label + " is configured no more"};
  const auto label = label_of(peer.fingerprint).value_or("");
  if (event.certificate != peer.fingerprint) {
    return Unexpected{Errc::NotAllowed,
                      "peer " + label + " at " + to_string(event.remote) + " presents " +
                          (event.certificate ? to_string(*event.certificate) : std::string{"no certificate"}) +
                          " but its entry says " + to_string(peer.fingerprint) +
                          "; no link (if the peer's identity has changed, correct `fingerprint`)"};
  }
  return Link::Setup{.conn = event.conn,
                     .dialled = true,
                     .certificate = event.certificate,
                     .label = label,
                     .hello_timeout = config_.hello_timeout};
}

Result<Link::Setup> FederationManager::check_inbound(const Opened& event) const {
  Link::Setup setup{.conn = event.conn,
                    .dialled = false,
                    .certificate = event.certificate,
                    .label = "unverified " + to_string(event.remote),
                    .hello_timeout = config_.hello_timeout};
  if (!event.certificate) {
    if (config_.allow_unauthenticated) return setup;
    return Unexpected{Errc::NotAllowed, "a relay at " + to_string(event.remote) +
                                            " dialled without a certificate; dial it from here instead"};
  }
  const auto label = label_of(*event.certificate);
  if (!label || *event.certificate == config_.own) {
    return Unexpected{Errc::NotAllowed, "an unknown relay at " + to_string(event.remote) +
                                            " dialled; to accept it add: [[trusted]] fingerprint = \"" +
                                            to_string(*event.certificate) + "\""};
  }
  setup.label = *label;
  return setup;
}

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
