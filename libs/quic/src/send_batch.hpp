#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "ng.hpp"
#include "wzp/base/bytes.hpp"
#include "wzp/net/udp_socket.hpp"

namespace wzp::quic {

/// Packets on their way to the socket, written one behind the other into one piece of memory. Neighbours of equal size on one path
/// become a train that the kernel cuts again (GSO). Goes out when it is full, or with `send`.
class SendBatch {
 public:
  explicit SendBatch(net::UdpSocket& socket);

  /// Room for at least `kMaxPacket` bytes; valid until the next call of any method.
  [[nodiscard]] std::uint8_t* space();
  /// The first `size` bytes of that room are a packet.
  void commit(std::size_t size, const Path& path, std::uint8_t ecn);
  /// Copies a packet that was made elsewhere.
  void add(ByteView packet, const Path& path);
  void send();

  std::uint64_t packets = 0;
  std::uint64_t trains = 0;

 private:
  static constexpr std::size_t kBytes = std::size_t{256} << 10;
  static constexpr std::size_t kTrains = 128;

  [[nodiscard]] bool extends_last(std::size_t size, const Path& path, std::uint8_t ecn) const;

  net::UdpSocket& socket_;
  std::unique_ptr<std::uint8_t[]> bytes_;
  std::size_t used_ = 0;
  std::array<net::Train, kTrains> trains_{};
  std::size_t count_ = 0;
  std::size_t last_size_ = 0;  ///< of the newest packet: a shorter one ends its train
};

}  // namespace wzp::quic
