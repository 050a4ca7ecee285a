#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "support/sim_clock.hpp"
#include "support/sim_nat.hpp"
#include "support/sim_random.hpp"
#include "wzp/base/address.hpp"
#include "wzp/base/time.hpp"

namespace wzp::sim {

/// What a packet carries; the network looks at its size only.
struct Payload {
  std::size_t size = 0;

  explicit Payload(std::size_t bytes) : size{bytes} {}
  Payload(const Payload&) = default;
  Payload& operator=(const Payload&) = default;
  virtual ~Payload() = default;
};

struct Packet {
  SocketAddress from;
  SocketAddress to;
  std::shared_ptr<const Payload> payload;  ///< shared: a duplicated packet is the same bytes twice
};

/// Somebody's line to the rest of the world, the same in both directions.
struct LinkQuality {
  Duration delay = std::chrono::milliseconds{10};
  Duration jitter{};         ///< 0 to this much more
  double loss = 0;
  double duplicate = 0;
  double reorder = 0;        ///< chance that a packet may be overtaken by later ones
  std::uint64_t rate = 0;    ///< outward, bytes per second; 0: no limit
  /// Bytes that may wait for the line, if it has a rate; what does not fit is lost.
  std::size_t queue = 32'768;

  bool operator==(const LinkQuality&) const = default;
};

/// A place with one public address: a bare host, or a NAT with a local network of several hosts behind it.
struct SiteId {
  std::size_t value = 0;
  auto operator<=>(const SiteId&) const = default;
};
struct HostId {
  std::size_t value = 0;
  auto operator<=>(const HostId&) const = default;
};

/// The internet: sites, lines, NATs, cuts. UDP only. Packets between hosts of one site stay on its local network;
/// nothing is reflected by a NAT to its own inside (no hairpin), and private addresses are not routed.
class SimNet {
 public:
  using Receiver = std::function<void(const Packet&)>;

  SimNet(SimQueue& queue, Random random) : queue_{queue}, random_{random} {}

  /// Without NAT the site is one host with that very address.
  SiteId add_site(const IpAddress& address, std::optional<NatType> nat = {}, const LinkQuality& quality = {});
  HostId add_host(SiteId site);

  /// Port 0: any free one. Replaces the receiver of a port that is bound already.
  SocketAddress bind(HostId host, std::uint16_t port, Receiver receiver);
  void unbind(HostId host, std::uint16_t port);
  void send(HostId from, std::uint16_t port, const SocketAddress& to, std::shared_ptr<const Payload> payload);

  // Weather.
  void set_quality(SiteId site, const LinkQuality& quality) { sites_[site.value].quality = quality; }
  [[nodiscard]] const LinkQuality& quality(SiteId site) const { return sites_[site.value].quality; }
  /// Nothing passes between the two any more, or again. What is under way still arrives.
  void cut(SiteId a, SiteId b, bool is_cut);
  /// Nothing passes in or out.
  void isolate(SiteId site, bool is_cut) { sites_[site.value].isolated = is_cut; }
  void heal();
  [[nodiscard]] bool reachable(SiteId a, SiteId b) const;
  void rebind_nat(SiteId site) {
    if (auto& nat = sites_[site.value].nat) nat->rebind();
  }

  [[nodiscard]] IpAddress address(HostId host) const { return hosts_[host.value].address; }
  [[nodiscard]] IpAddress public_address(SiteId site) const { return sites_[site.value].address; }
  [[nodiscard]] SiteId site_of(HostId host) const { return hosts_[host.value].site; }
  [[nodiscard]] std::optional<NatType> nat_of(SiteId site) const;
  [[nodiscard]] std::uint64_t delivered() const noexcept { return delivered_; }

 private:
  struct Site {
    IpAddress address;
    std::optional<SimNat> nat;
    LinkQuality quality;
    bool isolated = false;
    std::vector<HostId> hosts;
    Instant line_free;  ///< when the line out has sent what waits, if it has a rate
  };
  struct Host {
    IpAddress address;
    SiteId site;
    std::map<std::uint16_t, Receiver> ports;
    std::uint16_t next_port = 0;
  };

  void route(Packet packet, SiteId from, SiteId to);
  /// When the packet has left; empty: no room in the queue of the line.
  [[nodiscard]] std::optional<Instant> departure(Site& site, std::size_t size);
  void arrive(Packet packet, SiteId at);
  void deliver(const Packet& packet, HostId host);

  SimQueue& queue_;
  Random random_;
  std::vector<Site> sites_;
  std::vector<Host> hosts_;
  std::map<IpAddress, SiteId> by_address_;
  std::set<std::pair<SiteId, SiteId>> cuts_;
  std::map<std::pair<SiteId, SiteId>, Instant> last_arrival_;  ///< packets keep their order, unless reordered
  std::uint64_t delivered_ = 0;
};

}  // namespace wzp::sim
