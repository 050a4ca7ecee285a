#include "wzp/net/udp_socket.hpp"

#include <netinet/ip.h>
#include <netinet/udp.h>

#include <algorithm>
#include <utility>

#include "udp_impl.hpp"

namespace wzp::net {
namespace {

bool set(int fd, int level, int name, int value) { return ::setsockopt(fd, level, name, &value, sizeof value) == 0; }

void set_buffers(int fd, std::size_t bytes) {
  const int size = static_cast<int>(std::min<std::size_t>(bytes, 1U << 28));
  // The forced form goes past the system's maximum where we may.
  if (!set(fd, SOL_SOCKET, SO_RCVBUFFORCE, size)) set(fd, SOL_SOCKET, SO_RCVBUF, size);
  if (!set(fd, SOL_SOCKET, SO_SNDBUFFORCE, size)) set(fd, SOL_SOCKET, SO_SNDBUF, size);
}

// Everything here improves matters and may be missing: what needs it copes without.
void set_optional(int fd, bool v6, const UdpOptions& options) {
  set_buffers(fd, options.buffer_bytes);
  const int tos = (options.dscp & 0x3f) << 2;
  // On an IPv6 socket the IPv4 options serve its IPv4-mapped traffic.
  set(fd, IPPROTO_IP, IP_TOS, tos);
  set(fd, IPPROTO_IP, IP_RECVTOS, 1);
  set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
  if (v6) {
    set(fd, IPPROTO_IPV6, IPV6_TCLASS, tos);
    set(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
    set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
    set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
  } else {
    set(fd, IPPROTO_IP, IP_PKTINFO, 1);
  }
  if (options.offload) set(fd, SOL_UDP, UDP_GRO, 1);
}

bool can_segment(int fd) {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(fd, SOL_UDP, UDP_SEGMENT, &value, &size) == 0;
}

}  // namespace

Result<UdpSocket> UdpSocket::open(const SocketAddress& bind, const UdpOptions& options) {
  const auto where = to_string(bind);
  const bool v6 = !bind.ip.is_v4();
  Fd fd{::socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!fd) return system_error("socket for " + where);
  if (v6 && !set(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, options.v6_only)) return system_error("IPV6_V6ONLY " + where);
  if (options.reuse_port && !set(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1)) return system_error("SO_REUSEPORT " + where);
  set_optional(fd.get(), v6, options);
  Sockaddr address;
  auto size = to_sockaddr(bind, v6, address);
  if (::bind(fd.get(), &address.any, size) != 0) return system_error("bind " + where);
  size = sizeof address;
  if (::getsockname(fd.get(), &address.any, &size) != 0) return system_error("getsockname " + where);
  const bool segments = options.offload && can_segment(fd.get());
  return UdpSocket{std::make_unique<Impl>(std::move(fd), from_sockaddr(address), v6, options.dscp, segments)};
}

UdpSocket::UdpSocket(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
UdpSocket::UdpSocket(UdpSocket&&) noexcept = default;
UdpSocket& UdpSocket::operator=(UdpSocket&&) noexcept = default;
UdpSocket::~UdpSocket() = default;

int UdpSocket::fd() const noexcept { return impl_->fd.get(); }
const SocketAddress& UdpSocket::local() const noexcept { return impl_->local; }
const UdpSocket::Counters& UdpSocket::counters() const noexcept { return impl_->counters; }

std::span<const Datagram> UdpSocket::receive() {
  return impl_->receiver.receive(impl_->fd.get(), impl_->local, impl_->counters);
}

void UdpSocket::send(std::span<const Train> trains) { impl_->sender.send(impl_->fd.get(), trains, impl_->counters); }

}  // namespace wzp::net
