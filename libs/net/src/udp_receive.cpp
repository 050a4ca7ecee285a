#include <netinet/ip.h>
#include <netinet/udp.h>

#include <algorithm>
#include <cstring>

#include "udp_impl.hpp"

namespace wzp::net {
namespace {

struct Ancillary {
  IpAddress to;
  std::uint8_t ecn = 0;
  std::size_t segment = 0;
};

template <class T>
T payload(const cmsghdr* c) {
  T out{};
  std::memcpy(&out, CMSG_DATA(c), std::min(sizeof out, c->cmsg_len - CMSG_LEN(0)));
  return out;
}

Ancillary read_ancillary(msghdr& message) {
  Ancillary out;
  for (auto* c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
      out.to = from_in_addr(payload<in_pktinfo>(c).ipi_addr);
    } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
      const auto info = payload<in6_pktinfo>(c);
      std::memcpy(out.to.bytes.data(), &info.ipi6_addr, 16);
    } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) {
      out.ecn = payload<std::uint8_t>(c) & 3;
    } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS) {
      out.ecn = static_cast<std::uint8_t>(payload<int>(c) & 3);
    } else if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
      out.segment = static_cast<std::size_t>(std::max(payload<int>(c), 0));
    }
  }
  return out;
}

}  // namespace

Receiver::Receiver() : bytes_{new std::uint8_t[kReceiveBatch * kReceiveBytes]} {
  out_.reserve(kReceiveBatch * kMaxTrainSegments);
  for (std::size_t i = 0; i < kReceiveBatch; ++i) {
    io_[i] = {bytes_.get() + i * kReceiveBytes, kReceiveBytes};
    auto& header = messages_[i].msg_hdr;
    header.msg_name = &remotes_[i];
    header.msg_iov = &io_[i];
    header.msg_iovlen = 1;
    header.msg_control = control_[i].data();
  }
}

std::span<const Datagram> Receiver::receive(int fd, const SocketAddress& bound, UdpSocket::Counters& counters) {
  out_.clear();
  for (auto& message : messages_) {
    message.msg_hdr.msg_namelen = sizeof(Sockaddr);
    message.msg_hdr.msg_controllen = kControlBytes;
  }
  // An error such as ECONNREFUSED belongs to some datagram of before: reading it clears it.
  for (int attempt = 0; attempt < 8; ++attempt) {
    const int n = ::recvmmsg(fd, messages_.data(), kReceiveBatch, MSG_DONTWAIT, nullptr);
    if (n >= 0) {
      for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) split(i, bound, counters);
      break;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) break;
    if (errno != EINTR) ++counters.receive_errors;
  }
  return out_;
}

void Receiver::split(std::size_t i, const SocketAddress& bound, UdpSocket::Counters& counters) {
  auto& header = messages_[i].msg_hdr;
  if (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
    ++counters.receive_errors;
    return;
  }
  const auto ancillary = read_ancillary(header);
  Datagram datagram{.remote = from_sockaddr(remotes_[i]), .local = bound, .ecn = ancillary.ecn, .bytes = {}};
  if (!ancillary.to.is_unspecified()) datagram.local.ip = ancillary.to;
  ByteView rest{static_cast<const std::uint8_t*>(io_[i].iov_base), messages_[i].msg_len};
  const auto step = ancillary.segment ? ancillary.segment : std::max<std::size_t>(rest.size(), 1);
  do {
    datagram.bytes = rest.first(std::min(step, rest.size()));
    rest = rest.subspan(datagram.bytes.size());
    out_.push_back(datagram);
    ++counters.received;
    counters.received_bytes += datagram.bytes.size();
  } while (!rest.empty());
}

}  // namespace wzp::net
