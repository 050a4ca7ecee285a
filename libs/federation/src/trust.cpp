// Who may have a link: the part of FederationManager that looks at certificates.

#include <algorithm>
#include <utility>

#include "wzp/base/bytes.hpp"
#include "wzp/crypto/hash.hpp"
#include "wzp/federation/manager.hpp"

namespace wzp::federation {
namespace {

/// Never a fingerprint: those are hashes of certificates.
RelayFingerprint stand_in(ConnectionId conn) {
  ByteArray<8> number{};
  store_be64(number.data(), conn.value);
  Bytes text;
  append(text, bytes_of("wzp unverified link"));
  append(text, number);
  return RelayFingerprint{crypto::sha256(text)};
}

}  // namespace

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
                    .stand_in = stand_in(event.conn),
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

}  // namespace wzp::federation
