#include "wzp/federation/manager.hpp"

#include <algorithm>
#include <utility>

#include "wzp/base/overloaded.hpp"

namespace wzp::federation {

FederationManager::FederationManager(Config config) : config_{std::move(config)} {
  for (std::size_t i = 0; i < config_.peers.size(); ++i) diallers_.emplace_back(config_.random_seed + i);
}

Actions FederationManager::start(Instant now) {
  Actions out;
  for (const auto& peer : config_.peers) {
    if (peer.fingerprint == config_.own)
      out.push_back(LogLine{LogLevel::Warn, "federation: peer " + peer.label + " is this relay itself; not dialled"});
  }
  run_diallers(now, out);
  return out;
}

Actions FederationManager::handle(const Event& event, Instant now) {
  Actions out;
  std::visit([&](const auto& e) { on(e, now, out); }, event);
  run_diallers(now, out);
  return out;
}

Actions FederationManager::tick(Instant now) {
  Actions out;
  std::vector<ConnectionId> due;
  for (const auto& [conn, link] : connections_) {
    if (link.deadline() && *link.deadline() <= now) due.push_back(conn);
  }
  for (const auto conn : due) {
    const auto found = connections_.find(conn);
    if (found == connections_.end()) continue;  // closed as a duplicate by one before it
    if (!apply(found->second, found->second.tick(now), now, out)) continue;
    if (found->second.take_ping(now)) {
      const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
      out.push_back(Send{conn, proto::Ping{static_cast<std::uint64_t>(ms)}});
    }
  }
  run_diallers(now, out);
  return out;
}

std::optional<Instant> FederationManager::deadline() const {
  std::optional<Instant> next;
  for (const auto& [conn, link] : connections_) next = earliest(next, link.deadline());
  for (const auto& dialler : diallers_) next = earliest(next, dialler.deadline());
  return next;
}

void FederationManager::on(const Opened& event, Instant now, Actions& out) {
  if (connections_.contains(event.conn)) return;
  const auto setup = event.inbound ? check_inbound(event) : check_dialled(event);
  if (!setup) {
    out.push_back(Close{event.conn, kCloseNotTrusted, "not trusted"});
    if (!event.inbound && event.dialled_peer && *event.dialled_peer < diallers_.size())
      diallers_[*event.dialled_peer].failed(now, true);
    if (event.inbound && refusal_logged_ && now - *refusal_logged_ < std::chrono::seconds{1}) return;
    if (event.inbound) refusal_logged_ = now;
    out.push_back(LogLine{LogLevel::Warn, "federation: " + setup.error().where});
    return;
  }
  const auto unverified = std::ranges::count_if(connections_, [](const auto& c) { return !c.second.relay(); });
  const bool is_full =
      connections_.size() >= kMaxConnections || (!event.certificate && std::size_t(unverified) >= kMaxUnverified);
  if (event.inbound && is_full) {
    out.push_back(Close{event.conn, kCloseLimit, "limit"});
    return;
  }
  connections_.emplace(event.conn, Link{*setup, now});
  if (event.inbound) return;
  dialled_.emplace(event.conn, *event.dialled_peer);
  diallers_[*event.dialled_peer].connected();
  out.push_back(Send{event.conn, hello()});
}

void FederationManager::on(const Received& event, Instant now, Actions& out) {
  const auto found = connections_.find(event.conn);
  if (found == connections_.end()) {
    out.push_back(Dropped{"link-unknown"});
    return;
  }
  Link& link = found->second;
  const auto outcome = link.hear(event.message, now);
  if (!apply(link, outcome, now, out)) return;
  if (!outcome.consumed) {
    deliver(link, event.message, out);
  } else if (!link.is_up()) {
    out.push_back(Dropped{"link-before-hello"});
  }
}

void FederationManager::on(const Lost& event, Instant now, Actions& out) {
  drop(event.conn, event.close_code, now, out);
}

void FederationManager::on(const DialFailed& event, Instant now, Actions& out) {
  if (event.peer >= diallers_.size()) return;
  const auto& peer = config_.peers[event.peer];
  out.push_back(LogLine{LogLevel::Info, "federation: cannot reach " + label_of(peer.fingerprint).value_or("") + ": " +
                                            printable(event.why, 200)});
  diallers_[event.peer].attempt_failed(now);
}

bool FederationManager::apply(Link& link, const Link::Outcome& outcome, Instant now, Actions& out) {
  const auto conn = link.conn();
  if (outcome.refused) {
    out.push_back(LogLine{LogLevel::Warn, "federation: " + link.label() + ": " + outcome.refused->reason});
    close(link.conn(), *outcome.refused, now, out);
    return false;
  }
  if (outcome.answer_hello) out.push_back(Send{link.conn(), hello()});
  if (outcome.came_up) announce_up(link, out);
  if (outcome.became_capable) {
    out.push_back(LinkChanged{link.key()});
    out.push_back(LinkUp{link.key()});  // as what it is; it was taken for a reference relay
  }
  if (outcome.came_up || outcome.became_capable) settle_duplicates(conn, now, out);
  return connections_.contains(conn);  // `link` may be gone
}

void FederationManager::announce_up(const Link& link, Actions& out) {
  const auto level = link.relay() ? LogLevel::Info : LogLevel::Warn;
  std::string text = "federation: link to " + link.label() + " is up";
  if (!link.relay()) text += ", unverified: it carries no calls";
  if (link.relay() && !link.is_capable()) text += " (reference relay)";
  out.push_back(LogLine{level, std::move(text)});
  auto& links = up_[link.key()];
  links.push_back(link.conn());
  out.push_back(LinkChanged{link.key()});
  if (links.size() == 1) out.push_back(LinkUp{link.key()});
}

void FederationManager::settle_duplicates(ConnectionId conn, Instant now, Actions& out) {
  const Link& link = connections_.at(conn);
  if (!link.relay()) return;
  const RelayFingerprint relay = *link.relay();
  const Link::Refusal duplicate{kCloseDuplicateLink, "duplicate link"};
  const auto all = up_.at(relay);
  if (!link.is_capable()) {
    if (all.size() > kMaxLinksPerRelay) close(all.front(), duplicate, now, out);
    return;
  }
  const bool we_decide = config_.own < relay;
  bool survives = true;
  for (const auto other_conn : all) {
    if (other_conn == conn) continue;
    const Link& other = connections_.at(other_conn);
    if (!other.is_capable()) continue;
    if (other.dialled() != link.dialled()) {
      if (!we_decide) continue;
      if (link.dialled()) {
        close(other_conn, duplicate, now, out);
      } else {
        survives = false;
      }
    } else if (!link.dialled()) {
      close(other_conn, duplicate, now, out);
      // The other side lost that link, and with it whatever it knew of our calls.
      out.push_back(LinkDown{relay});
      out.push_back(LinkUp{relay});
    }
  }
  if (!survives) close(conn, duplicate, now, out);
}

void FederationManager::close(ConnectionId conn, const Link::Refusal& refusal, Instant now, Actions& out) {
  out.push_back(Close{conn, refusal.code, refusal.reason});
  drop(conn, refusal.code, now, out);
}

void FederationManager::drop(ConnectionId conn, std::optional<std::uint64_t> code, Instant now, Actions& out) {
  const auto found = connections_.find(conn);
  if (found == connections_.end()) return;
  const Link link = std::move(found->second);
  connections_.erase(found);
  bool was_last = false;
  if (link.is_up()) {
    auto& links = up_.at(link.key());
    std::erase(links, conn);
    was_last = links.empty();
    if (!was_last) out.push_back(LinkChanged{link.key()});
    if (was_last) {
      up_.erase(link.key());
      out.push_back(LogLine{LogLevel::Warn, "federation: link to " + link.label() + " is down"});
      out.push_back(LinkDown{link.key()});
    }
  }
  if (const auto entry = dialled_.find(conn); entry != dialled_.end()) {
    Dialler& dialler = diallers_[entry->second];
    dialled_.erase(entry);
    if (link.is_up() || (code == kCloseDuplicateLink && has_link(*link.relay()))) {
      dialler.disconnected();
    } else {
      dialler.failed(now, code == kCloseNotTrusted);
    }
  }
  if (!was_last) return;
  for (std::size_t i = 0; i < diallers_.size(); ++i) {
    if (config_.peers[i].fingerprint == link.key()) diallers_[i].link_ended(now, now - *link.up_since());
  }
}

void FederationManager::deliver(const Link& link, const proto::SignalMessage& message, Actions& out) {
  std::visit(overloaded{
                 [&](const proto::FederatedSignalForward& forward) { deliver(link, forward, out); },
                 [&](const proto::Ping& ping) {
                   out.push_back(Send{link.conn(), proto::Pong{ping.timestamp_ms}});
                 },
                 [](const proto::Pong&) {},
                 [&](const proto::GlobalRoomActive&) {
                   out.push_back(FromRelay{link.key(), message});
                 },
                 [&](const proto::GlobalRoomInactive&) {
                   out.push_back(FromRelay{link.key(), message});
                 },
                 [&](const proto::RoomState&) { deliver_if(link, proto::kCapMediaV2, message, out); },
                 [&](const proto::RoutedSignal&) { deliver_if(link, proto::kCapRoutes, message, out); },
                 [&](const proto::RelayState&) { deliver_if(link, proto::kCapRoutes, message, out); },
                 [&](const proto::UserState&) { deliver_if(link, proto::kCapRoutes, message, out); },
                 [&](const proto::UserDigest&) { deliver_if(link, proto::kCapRoutes, message, out); },
                 [&](const proto::UserRequest&) { deliver_if(link, proto::kCapRoutes, message, out); },
                 [&](const auto&) { out.push_back(Dropped{"link-unexpected"}); },
             },
             message.as_variant());
}

void FederationManager::deliver_if(const Link& link, std::string_view cap, const proto::SignalMessage& message,
                                   Actions& out) {
  if (!link.relay()) {
    out.push_back(Dropped{"link-unverified"});
  } else if (!proto::has_cap(link.caps(), cap)) {
    out.push_back(Dropped{"link-not-announced"});
  } else {
    out.push_back(FromRelay{*link.relay(), message});
  }
}

void FederationManager::deliver(const Link& link, const proto::FederatedSignalForward& forward, Actions& out) {
  const auto origin = RelayFingerprint::parse(forward.origin_relay_fp);
  if (!link.relay()) {
    out.push_back(Dropped{"forward-unverified"});
  } else if (origin == config_.own) {
    out.push_back(Dropped{"forward-own-origin"});
  } else if (origin != *link.relay()) {
    out.push_back(Dropped{"forward-wrong-origin"});
  } else if (std::holds_alternative<proto::FederatedSignalForward>(*forward.inner)) {
    out.push_back(Dropped{"forward-nested"});
  } else {
    out.push_back(Forwarded{*link.relay(), *forward.inner});
  }
}

void FederationManager::run_diallers(Instant now, Actions& out) {
  for (std::size_t i = 0; i < diallers_.size(); ++i) {
    const auto& relay = config_.peers[i].fingerprint;
    if (relay == config_.own) continue;
    if (has_link(relay) || config_.peers[i].retired) {
      diallers_[i].rest();
    } else {
      diallers_[i].want(now);
    }
    if (diallers_[i].take_attempt(now)) out.push_back(Dial{i});
  }
}

proto::SignalMessage FederationManager::hello() const {
  proto::Caps caps{std::string{proto::kCapCallNack}};
  caps.insert(caps.end(), config_.more_caps.begin(), config_.more_caps.end());
  return proto::FederationHello{
      .tls_fingerprint = to_string(config_.own), .version = kVersion, .relay_build = config_.build, .caps = caps};
}

proto::SignalMessage FederationManager::envelope(proto::SignalMessage inner) const {
  return proto::FederatedSignalForward{Box<proto::SignalMessage>{std::move(inner)}, to_string(config_.own)};
}

FederationManager::Broadcast FederationManager::broadcast_signal(const proto::SignalMessage& message) const {
  Broadcast all;
  for (const auto& relay : relays()) all.sends.push_back({relay, Send{newest(relay)->conn(), message}});
  return all;
}

Result<Send> FederationManager::send_signal_to_peer(const RelayFingerprint& relay,
                                                    const proto::SignalMessage& message) const {
  const auto* link = newest(relay);
  if (link == nullptr) return Unexpected{Errc::NotFound, "no active federation link for " + to_string(relay)};
  return Send{link->conn(), message};
}

const Link* FederationManager::newest(const RelayFingerprint& relay) const {
  const auto found = up_.find(relay);
  return found == up_.end() ? nullptr : &connections_.at(found->second.back());
}

bool FederationManager::has_link(const RelayFingerprint& relay) const {
  const auto* link = newest(relay);
  return link != nullptr && link->relay();
}

bool FederationManager::has_cap(const RelayFingerprint& relay, std::string_view cap) const {
  const auto* link = newest(relay);
  return link != nullptr && proto::has_cap(link->caps(), cap);
}

bool FederationManager::is_capable(const RelayFingerprint& relay) const {
  const auto* link = newest(relay);
  return link != nullptr && link->is_capable();
}

bool FederationManager::shares_addrs(const RelayFingerprint& relay) const {
  return std::any_of(config_.peers.begin(), config_.peers.end(),
                     [&](const Peer& p) { return p.fingerprint == relay && p.share_addrs_in_offer && !p.retired; });
}

bool FederationManager::is_delegate(const RelayFingerprint& relay) const {
  return std::any_of(config_.peers.begin(), config_.peers.end(),
                     [&](const Peer& p) { return p.fingerprint == relay && p.delegate && !p.retired; }) ||
         std::any_of(config_.trusted.begin(), config_.trusted.end(),
                     [&](const Trusted& t) { return t.fingerprint == relay && t.delegate; });
}

std::optional<ConnectionId> FederationManager::connection_of(const RelayFingerprint& relay) const {
  const auto* link = newest(relay);
  return link == nullptr ? std::nullopt : std::optional{link->conn()};
}

std::vector<RelayFingerprint> FederationManager::relays() const {
  std::vector<RelayFingerprint> relays;
  for (const auto& [relay, links] : up_) {
    if (connections_.at(links.back()).relay()) relays.push_back(relay);
  }
  return relays;
}

std::vector<RelayFingerprint> FederationManager::neighbours() const {
  std::vector<RelayFingerprint> keys;
  for (const auto& [key, links] : up_) keys.push_back(key);
  return keys;
}

std::string FederationManager::name_of(const RelayFingerprint& neighbour) const {
  const auto* link = newest(neighbour);
  return link == nullptr ? label_of(neighbour).value_or("a relay") : link->label();
}

std::vector<LinkInfo> FederationManager::links() const {
  std::vector<const Link*> up;
  for (const auto& [conn, link] : connections_) {
    if (link.is_up()) up.push_back(&link);
  }
  std::stable_sort(up.begin(), up.end(), [](const Link* a, const Link* b) { return *a->up_since() < *b->up_since(); });
  std::vector<LinkInfo> infos;
  for (const auto* link : up) {
    infos.push_back({.conn = link->conn(),
                     .relay = link->relay(),
                     .label = link->label(),
                     .dialled = link->dialled(),
                     .capable = link->is_capable(),
                     .caps = link->caps(),
                     .build = link->build()});
  }
  return infos;
}

}  // namespace wzp::federation
