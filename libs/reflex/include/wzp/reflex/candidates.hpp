#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wzp/base/address.hpp"

namespace wzp::reflex {

/// Most addresses that one side advertises or dials. Source: client.md 19.4, D-50.
inline constexpr std::size_t kMaxCandidates = 16;
/// Ports below this belong to services, never to a phone. Source: D-50.
inline constexpr std::uint16_t kFirstClientPort = 1024;

/// What we know about ourselves and the relay when addresses are judged.
struct Surroundings {
  /// The relay we are registered at, as we dial it. Loopback candidates count only if it is loopback too.
  SocketAddress relay;
  /// Addresses that are ours: never dialled.
  std::vector<SocketAddress> own;
  /// Whether we have a socket of the family.
  bool v4 = true;
  bool v6 = true;
};

/// The interface addresses worth advertising, best first: IPv6 global and unique-local, IPv4 private and shared,
/// IPv4 public (client.md 19.4). Loopback only with a loopback relay; never unspecified, link-local, multicast,
/// broadcast or documentation addresses, nor port 0. Each once; at most 15, so that the reflexive one fits too.
[[nodiscard]] std::vector<SocketAddress> host_candidates(std::span<const SocketAddress> interfaces,
                                                         const SocketAddress& relay);

/// Which of a peer's claimed addresses we dial or punch, and in which order: hosts as `host_candidates` orders
/// them, then the reflexive one. The texts come from a stranger by way of relays ([D-50]): whatever does not parse
/// is skipped, and so are unspecified, link-local, multicast, broadcast and documentation addresses, loopback
/// unless the relay is loopback too, ports below 1024, the relay itself, our own addresses, families without
/// a socket, and repeats. At most 16; of more, the reflexive one and the first hosts stay.
[[nodiscard]] std::vector<SocketAddress> dial_candidates(std::span<const std::string> local_addrs,
                                                         const std::optional<std::string>& reflexive,
                                                         const Surroundings& surroundings);

}  // namespace wzp::reflex
