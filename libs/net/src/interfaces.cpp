#include "wzp/net/interfaces.hpp"

#include <ifaddrs.h>
#include <net/if.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "wzp/net/fd.hpp"
#include "wzp/net/sockaddr.hpp"

namespace wzp::net {

std::vector<IpAddress> interface_addresses() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner{list, &::freeifaddrs};
  std::vector<IpAddress> out;
  for (const auto* i = list; i; i = i->ifa_next) {
    if (!i->ifa_addr || !(i->ifa_flags & IFF_UP)) continue;
    const auto family = i->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    Sockaddr raw{};
    std::memcpy(&raw, i->ifa_addr, family == AF_INET ? sizeof raw.v4 : sizeof raw.v6);
    const auto ip = from_sockaddr(raw).ip;
    if (std::find(out.begin(), out.end(), ip) == out.end()) out.push_back(ip);
  }
  return out;
}

IpAddress source_address(const SocketAddress& remote) {
  const bool v4 = remote.ip.is_v4();
  const Fd fd{::socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  Sockaddr address;
  auto size = to_sockaddr(remote, false, address);
  // connect() on UDP only chooses the route.
  if (!fd || ::connect(fd.get(), &address.any, size) != 0) return {};
  size = sizeof address;
  if (::getsockname(fd.get(), &address.any, &size) != 0) return {};
  return from_sockaddr(address).ip;
}

}  // namespace wzp::net
