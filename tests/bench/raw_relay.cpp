#include "raw_relay.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <unordered_map>

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

// Senders of this benchmark differ in their port alone.
[[noreturn]] void forward_for_ever(int fd, const std::unordered_map<std::uint16_t, sockaddr_in>& partner) {
  static std::array<std::array<std::uint8_t, kMaxPacket>, kBatch> packets;
  std::array<sockaddr_in, kBatch> from{};
  std::array<iovec, kBatch> buffers{};
  std::array<mmsghdr, kBatch> messages{};
  for (;;) {
    for (std::size_t i = 0; i < kBatch; ++i) {
      buffers[i] = {packets[i].data(), kMaxPacket};
      messages[i].msg_hdr = {&from[i], sizeof from[i], &buffers[i], 1, nullptr, 0, 0};
    }
    const int received = ::recvmmsg(fd, messages.data(), kBatch, MSG_WAITFORONE, nullptr);
    if (received <= 0) continue;
    for (std::size_t i = 0; i < static_cast<std::size_t>(received); ++i) {
      buffers[i].iov_len = messages[i].msg_len;
      from[i] = partner.at(from[i].sin_port);
    }
    for (int sent = 0; sent < received;) {
      const int n = ::sendmmsg(fd, messages.data() + sent, static_cast<unsigned>(received - sent), 0);
      sent += n > 0 ? n : 1;  // a packet that cannot be sent is lost
    }
  }
}

}  // namespace

RawRelay::RawRelay(const std::vector<SocketAddress>& senders) {
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
  std::unordered_map<std::uint16_t, sockaddr_in> partner;
  for (std::size_t i = 0; i + 1 < senders.size(); i += 2) {
    partner[htons(senders[i].port)] = to_system(senders[i + 1]);
    partner[htons(senders[i + 1].port)] = to_system(senders[i]);
  }
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // never outlives the benchmark
    forward_for_ever(fd, partner);
  }
  ::close(fd);
  child_.emplace(pid);
}

}  // namespace wzp::bench
