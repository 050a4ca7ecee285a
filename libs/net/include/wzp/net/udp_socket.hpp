#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "wzp/base/address.hpp"
#include "wzp/base/bytes.hpp"
#include "wzp/base/result.hpp"

namespace wzp::net {

struct UdpOptions {
  /// Several sockets on one address, one per worker; the kernel spreads the senders over them.
  bool reuse_port = false;
  /// For an IPv6 address: IPv6 alone, or IPv4 as well. Addresses are seen the same way in both cases.
  bool v6_only = true;
  /// Receive and send buffer each. Source: client.md 19.2; a burst of 20 ms of 50,000 packets/s is 1000 packets.
  std::size_t buffer_bytes = std::size_t{1} << 20;
  /// Differentiated services code point, 0..63. 46 = expedited forwarding. Source: client.md 19.2.
  std::uint8_t dscp = 46;
  /// Segmentation and coalescing by the kernel. Off only where they are to be compared or avoided.
  bool offload = true;
};

/// One datagram that came in. The bytes live until the next call of `receive`.
struct Datagram {
  SocketAddress remote{};
  SocketAddress local{};  ///< the address it was sent to, even on a socket bound to all of them
  std::uint8_t ecn = 0;   ///< the two bits of RFC 3168
  ByteView bytes{};
};

/// Datagrams to send: `bytes` cut into pieces of `segment` bytes, the last of which may be shorter.
struct Train {
  SocketAddress remote{};
  SocketAddress local{};  ///< source address; unspecified: the kernel chooses
  std::uint8_t ecn = 0;
  std::uint16_t segment = 0;  ///< 0: one datagram
  ByteView bytes{};
};

/// The most datagrams in a train. Source: UDP_MAX_SEGMENTS of Linux before 6.9.
inline constexpr std::size_t kMaxTrainSegments = 64;
/// The most bytes in a train. Source: the 16-bit length of an IP packet, less the headers.
inline constexpr std::size_t kMaxTrainBytes = 65000;

/// A non-blocking UDP socket that moves datagrams in batches: recvmmsg with UDP_GRO, sendmmsg with UDP_SEGMENT, and the
/// same without either where the kernel or the card refuses. Nothing that a peer or a path does makes it
/// fail: such errors are counted and the datagram concerned is lost, as on any network.
/// Belongs to one thread.
class UdpSocket {
 public:
  struct Counters {
    std::uint64_t received = 0;  ///< datagrams, after splitting
    std::uint64_t received_bytes = 0;
    std::uint64_t sent = 0;  ///< datagrams handed to the kernel
    std::uint64_t sent_bytes = 0;
    std::uint64_t receive_errors = 0;  ///< ICMP answers and the like
    std::uint64_t send_errors = 0;     ///< unreachable, too large for the interface, filtered: dropped
    std::uint64_t send_full = 0;       ///< the send buffer was full: dropped
  };

  /// Binds to `bind` (port 0: any). Errors: Io, with the address and the system's words.
  [[nodiscard]] static Result<UdpSocket> open(const SocketAddress& bind, const UdpOptions& options = {});

  UdpSocket(UdpSocket&&) noexcept;
  UdpSocket& operator=(UdpSocket&&) noexcept;
  ~UdpSocket();

  /// For epoll, level-triggered.
  [[nodiscard]] int fd() const noexcept;
  /// What it is bound to, with the port that the system chose.
  [[nodiscard]] const SocketAddress& local() const noexcept;
  [[nodiscard]] const Counters& counters() const noexcept;

  /// One batch, empty when nothing is waiting. Valid until the next call.
  [[nodiscard]] std::span<const Datagram> receive();

  /// Sends all it can and drops (and counts) the rest: a datagram that waits in a full buffer is worse than a
  /// lost one. Trains are at most `kMaxTrainSegments` datagrams and `kMaxTrainBytes` bytes.
  void send(std::span<const Train> trains);

 private:
  struct Impl;
  explicit UdpSocket(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace wzp::net
