#include "support/sim_net.hpp"

#include <algorithm>

namespace wzp::sim {
namespace {

constexpr Duration kLanDelay = std::chrono::milliseconds{1};
/// How late a packet may be that others overtake.
constexpr Duration kOvertaken = std::chrono::milliseconds{40};

std::pair<SiteId, SiteId> ordered(SiteId a, SiteId b) { return {std::min(a, b), std::max(a, b)}; }

}  // namespace

SiteId SimNet::add_site(const IpAddress& address, std::optional<NatType> nat, const LinkQuality& quality) {
  const SiteId id{sites_.size()};
  Site site;
  site.address = address;
  if (nat) site.nat.emplace(*nat, random_.fork());
  site.quality = quality;
  sites_.push_back(std::move(site));
  by_address_.emplace(address, id);
  return id;
}

HostId SimNet::add_host(SiteId site) {
  const HostId id{hosts_.size()};
  auto& s = sites_[site.value];
  // Every home network uses the same numbers, as in life: a private address says nothing about whose it is.
  const auto number = static_cast<std::uint8_t>(10 + s.hosts.size());
  hosts_.push_back({s.nat ? IpAddress::v4(192, 168, 0, number) : s.address, site, {}, 0});
  hosts_.back().next_port = static_cast<std::uint16_t>(30'000 + random_.below(20'000));
  s.hosts.push_back(id);
  return id;
}

SocketAddress SimNet::bind(HostId host, std::uint16_t port, Receiver receiver) {
  auto& h = hosts_[host.value];
  if (port == 0) port = h.next_port++;
  h.ports[port] = std::move(receiver);
  return {h.address, port};
}

void SimNet::unbind(HostId host, std::uint16_t port) { hosts_[host.value].ports.erase(port); }

void SimNet::send(HostId from, std::uint16_t port, const SocketAddress& to, std::shared_ptr<const Payload> payload) {
  const auto& host = hosts_[from.value];
  auto& site = sites_[host.site.value];
  Packet packet{{host.address, port}, to, std::move(payload)};
  if (site.nat) {
    for (const auto neighbour : site.hosts) {
      if (hosts_[neighbour.value].address != to.ip) continue;
      queue_.after(kLanDelay, [this, packet, neighbour] { deliver(packet, neighbour); });
      return;
    }
    if (to.ip.is_private() || to.ip.is_shared()) return;  // not routed
    packet.from = {site.address, site.nat->outbound(packet.from, to, queue_.now())};
  }
  if (to.ip == site.address) return;  // no hairpin, and no use in talking to oneself
  const auto found = by_address_.find(to.ip);
  if (found != by_address_.end()) route(std::move(packet), host.site, found->second);
}

void SimNet::route(Packet packet, SiteId from, SiteId to) {
  if (!reachable(from, to)) return;
  auto& out = sites_[from.value];
  const auto& in = sites_[to.value].quality;
  const int copies = 1 + (random_.chance(out.quality.duplicate) ? 1 : 0) + (random_.chance(in.duplicate) ? 1 : 0);
  for (int i = 0; i < copies; ++i) {
    if (random_.chance(out.quality.loss) || random_.chance(in.loss)) continue;
    const auto leaves = departure(out, packet.payload->size);
    if (!leaves) continue;
    auto arrives = *leaves + out.quality.delay + in.delay + random_.between(Duration{}, out.quality.jitter + in.jitter);
    if (random_.chance(std::max(out.quality.reorder, in.reorder))) {
      arrives += random_.between(Duration{}, kOvertaken);
    } else {
      auto& last = last_arrival_[{from, to}];
      arrives = last = std::max(last, arrives);
    }
    queue_.at(arrives, [this, packet, to] { arrive(packet, to); });
  }
}

std::optional<Instant> SimNet::departure(Site& site, std::size_t size) {
  const auto& q = site.quality;
  if (q.rate == 0) return queue_.now();
  const auto begins = std::max(queue_.now(), site.line_free);
  const auto waiting = std::chrono::duration<double>(begins - queue_.now()).count() * static_cast<double>(q.rate);
  if (waiting > static_cast<double>(q.queue)) return std::nullopt;
  const std::chrono::duration<double> takes{static_cast<double>(size) / static_cast<double>(q.rate)};
  return site.line_free = begins + std::chrono::duration_cast<Duration>(takes);
}

void SimNet::arrive(Packet packet, SiteId at) {
  auto& site = sites_[at.value];
  if (!site.nat) {
    if (!site.hosts.empty()) deliver(packet, site.hosts.front());
    return;
  }
  const auto inside = site.nat->inbound(packet.to.port, packet.from, queue_.now());
  if (!inside) return;
  packet.to = *inside;
  for (const auto host : site.hosts) {
    if (hosts_[host.value].address == inside->ip) return deliver(packet, host);
  }
}

void SimNet::deliver(const Packet& packet, HostId host) {
  const auto& ports = hosts_[host.value].ports;
  const auto found = ports.find(packet.to.port);
  if (found == ports.end()) return;
  ++delivered_;
  const auto receiver = found->second;  // it may unbind itself
  receiver(packet);
}

void SimNet::cut(SiteId a, SiteId b, bool is_cut) {
  if (is_cut) {
    cuts_.insert(ordered(a, b));
  } else {
    cuts_.erase(ordered(a, b));
  }
}

void SimNet::heal() {
  cuts_.clear();
  for (auto& site : sites_) site.isolated = false;
}

bool SimNet::reachable(SiteId a, SiteId b) const {
  return !sites_[a.value].isolated && !sites_[b.value].isolated && !cuts_.contains(ordered(a, b));
}

std::optional<NatType> SimNet::nat_of(SiteId site) const {
  const auto& nat = sites_[site.value].nat;
  return nat ? std::optional{nat->type()} : std::nullopt;
}

}  // namespace wzp::sim
