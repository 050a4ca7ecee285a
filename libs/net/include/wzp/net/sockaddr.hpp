#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include "wzp/base/address.hpp"

namespace wzp::net {

/// A SocketAddress in the form of the system.
union Sockaddr {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

/// Writes `address` into `out` and returns its length. `mapped`: IPv4 as an IPv4-mapped IPv6 address, for IPv6 sockets.
socklen_t to_sockaddr(const SocketAddress& address, bool mapped, Sockaddr& out) noexcept;

/// The inverse for AF_INET and AF_INET6; anything else is the unspecified address, port 0.
[[nodiscard]] SocketAddress from_sockaddr(const Sockaddr& address) noexcept;
[[nodiscard]] IpAddress from_in_addr(const in_addr& address) noexcept;

}  // namespace wzp::net
