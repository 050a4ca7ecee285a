#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "wzp/net/fd.hpp"
#include "wzp/net/sockaddr.hpp"
#include "wzp/net/udp_socket.hpp"

namespace wzp::net {

/// Messages per system call. Source: dependencies.md 7.1, where larger batches gain nothing.
inline constexpr std::size_t kReceiveBatch = 32;
inline constexpr std::size_t kSendBatch = 64;
/// A coalesced train fills an IP packet.
inline constexpr std::size_t kReceiveBytes = 65536;
/// Room for a packet info, a type of service and a segment size.
inline constexpr std::size_t kControlBytes = 128;

/// The arrays of recvmmsg. Memory that no datagram has reached is never touched.
class Receiver {
 public:
  Receiver();
  Receiver(const Receiver&) = delete;  // its arrays point into each other
  Receiver& operator=(const Receiver&) = delete;
  std::span<const Datagram> receive(int fd, const SocketAddress& bound, UdpSocket::Counters& counters);

 private:
  void split(std::size_t i, const SocketAddress& bound, UdpSocket::Counters& counters);

  std::unique_ptr<std::uint8_t[]> bytes_;
  std::array<iovec, kReceiveBatch> io_{};
  std::array<mmsghdr, kReceiveBatch> messages_{};
  std::array<Sockaddr, kReceiveBatch> remotes_{};
  alignas(cmsghdr) std::array<std::array<std::uint8_t, kControlBytes>, kReceiveBatch> control_{};
  std::vector<Datagram> out_;
};

/// The arrays of sendmmsg, and what is known of the kernel's abilities.
class Sender {
 public:
  Sender(bool mapped, bool wildcard, std::uint8_t dscp, bool segments);
  Sender(const Sender&) = delete;  // its arrays point into each other
  Sender& operator=(const Sender&) = delete;
  void send(int fd, std::span<const Train> trains, UdpSocket::Counters& counters);

 private:
  struct Piece {
    const Train* train;
    std::size_t offset;
    std::size_t size;  ///< of the datagram, or of the whole train when it is sent as one
  };
  void add(int fd, const Train& train, UdpSocket::Counters& counters);
  void prepare(std::size_t i, const Piece& piece);
  void write(int fd, UdpSocket::Counters& counters);
  bool refused_train(int fd, const Piece& piece, int error, UdpSocket::Counters& counters);

  const bool mapped_;    ///< the socket is of IPv6
  const bool wildcard_;  ///< bound to all addresses, so the source must be named
  const std::uint8_t dscp_;
  bool segments_;  ///< the kernel can cut trains
  unsigned strikes_ = 0;
  bool full_ = false;
  std::size_t count_ = 0;
  std::array<Piece, kSendBatch> pieces_{};
  std::array<iovec, kSendBatch> io_{};
  std::array<mmsghdr, kSendBatch> messages_{};
  std::array<Sockaddr, kSendBatch> remotes_{};
  alignas(cmsghdr) std::array<std::array<std::uint8_t, kControlBytes>, kSendBatch> control_{};
};

struct UdpSocket::Impl {
  Impl(Fd&& socket, const SocketAddress& bound, bool v6, std::uint8_t dscp, bool segments)
      : fd{std::move(socket)}, local{bound}, sender{v6, bound.ip.is_unspecified(), dscp, segments} {}

  Fd fd;
  SocketAddress local;
  Counters counters;
  Receiver receiver;
  Sender sender;
};

}  // namespace wzp::net
