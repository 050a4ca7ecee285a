#include "wzp/net/sockaddr.hpp"

#include <arpa/inet.h>

#include <cstring>

namespace wzp::net {

socklen_t to_sockaddr(const SocketAddress& address, bool mapped, Sockaddr& out) noexcept {
  const auto& bytes = address.ip.bytes;
  if (address.ip.is_v4() && !mapped) {
    out.v4 = {};
    out.v4.sin_family = AF_INET;
    out.v4.sin_port = htons(address.port);
    std::memcpy(&out.v4.sin_addr, bytes.data() + 12, 4);
    return sizeof out.v4;
  }
  out.v6 = {};
  out.v6.sin6_family = AF_INET6;
  out.v6.sin6_port = htons(address.port);
  std::memcpy(&out.v6.sin6_addr, bytes.data(), 16);
  return sizeof out.v6;
}

SocketAddress from_sockaddr(const Sockaddr& address) noexcept {
  SocketAddress out;
  if (address.any.sa_family == AF_INET) {
    out.ip = from_in_addr(address.v4.sin_addr);
    out.port = ntohs(address.v4.sin_port);
  } else if (address.any.sa_family == AF_INET6) {
    std::memcpy(out.ip.bytes.data(), &address.v6.sin6_addr, 16);
    out.port = ntohs(address.v6.sin6_port);
  }
  return out;
}

IpAddress from_in_addr(const in_addr& address) noexcept {
  ByteArray<4> b;
  std::memcpy(b.data(), &address, 4);
  return IpAddress::v4(b[0], b[1], b[2], b[3]);
}

}  // namespace wzp::net
