#include "raw_relay.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <unordered_map>

#include "wzp/net/udp_socket.hpp"

namespace wzp::bench {
namespace {

constexpr std::size_t kBatch = 64;
constexpr std::size_t kMaxPacket = 1500;

sockaddr_in to_system(const SocketAddress& address) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(address.port);
  std::copy(address.ip.bytes.begin() + 12, address.ip.bytes.end(), reinterpret_cast<std::uint8_t*>(&out.sin_addr));
  return out;
}

// Who gets the packets of whom. Senders of this benchmark differ in their port alone.
using Receivers = std::unordered_map<std::uint16_t, std::vector<sockaddr_in>>;

Receivers receivers_of(const std::vector<SocketAddress>& senders, RawRelay::Pattern pattern) {
  Receivers receivers;
  for (std::size_t i = 0; i < senders.size(); ++i) {
    auto& mine = receivers[htons(senders[i].port)];
    for (std::size_t j = 0; j < senders.size(); ++j) {
      const bool gets = pattern == RawRelay::Pattern::Everybody ? j != i : j == (i ^ 1);
      if (gets) mine.push_back(to_system(senders[j]));
    }
  }
  return receivers;
}

[[noreturn]] void forward_for_ever(int fd, Receivers receivers) {
  static std::array<std::array<std::uint8_t, kMaxPacket>, kBatch> packets;
  std::array<sockaddr_in, kBatch> from{};
  std::array<iovec, kBatch> buffers{};
  std::array<mmsghdr, kBatch> messages{};
  std::vector<mmsghdr> out;
  for (;;) {
    for (std::size_t i = 0; i < kBatch; ++i) {
      buffers[i] = {packets[i].data(), kMaxPacket};
      messages[i].msg_hdr = {&from[i], sizeof from[i], &buffers[i], 1, nullptr, 0, 0};
    }
    const int received = ::recvmmsg(fd, messages.data(), kBatch, MSG_WAITFORONE, nullptr);
    if (received <= 0) continue;
    out.clear();
    for (std::size_t i = 0; i < static_cast<std::size_t>(received); ++i) {
      buffers[i].iov_len = messages[i].msg_len;
      for (auto& to : receivers.at(from[i].sin_port)) {
        mmsghdr message{};
        message.msg_hdr = {&to, sizeof to, &buffers[i], 1, nullptr, 0, 0};
        out.push_back(message);
      }
    }
    for (std::size_t sent = 0; sent < out.size();) {
      const auto batch = std::min(out.size() - sent, kBatch);
      const int n = ::sendmmsg(fd, out.data() + sent, static_cast<unsigned>(batch), 0);
      sent += n > 0 ? static_cast<std::size_t>(n) : 1;  // a packet that cannot be sent is lost
    }
  }
}

}  // namespace

RawRelay::RawRelay(const std::vector<SocketAddress>& senders, Pattern pattern) {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const int buffer = 8 << 20;
  ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
  auto bound = to_system(*SocketAddress::parse("127.0.0.1:0"));
  socklen_t size = sizeof bound;
  if (::bind(fd, reinterpret_cast<sockaddr*>(&bound), size) != 0 || ::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) != 0) {
    std::perror("wzp-bench: raw relay");
    std::exit(1);
  }
  address_ = {IpAddress::v4(127, 0, 0, 1), ntohs(bound.sin_port)};
  auto receivers = receivers_of(senders, pattern);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // never outlives the benchmark
    forward_for_ever(fd, std::move(receivers));
  }
  ::close(fd);
  child_.emplace(pid);
}

Outcome through_raw_relay(RawRelay::Pattern pattern, std::size_t senders, const Load& load, std::size_t payload) {
  std::vector<net::UdpSocket> sockets;
  std::vector<SocketAddress> addresses;
  for (std::size_t i = 0; i < senders; ++i) {
    sockets.push_back(std::move(*net::UdpSocket::open(*SocketAddress::parse("127.0.0.1:0"))));
    addresses.push_back(sockets.back().local());
  }
  const RawRelay relay{addresses, pattern};
  // Short header (1 + 8 bytes of id + up to 4 of number), DATAGRAM frame (3), tag (16).
  const Bytes packet(payload + 32);
  std::uint64_t received = 0;
  return run_load(
      load, relay.child(), received,
      [&](std::size_t index) {
        const net::Train train{.remote = relay.address(), .local = {}, .ecn = 0, .segment = 0, .bytes = packet};
        sockets[index].send({&train, 1});
      },
      [&](Duration) {
        for (auto& socket : sockets) received += socket.receive().size();
      });
}

}  // namespace wzp::bench
