#pragma once

#include <cstddef>
#include <vector>

#include "load.hpp"
#include "relay_process.hpp"

namespace wzp::bench {

/// The floor: the least that a relay of UDP packets can do on this kernel. A child process with one socket, recvmmsg and sendmmsg of 64, that
/// sends every packet on to where its sender's packets go, and looks at nothing else.
class RawRelay {
 public:
  enum class Pattern {
    Pairs,    ///< senders 2n and 2n+1 send to each other
    Everybody ///< everybody sends to all others
  };
  explicit RawRelay(const std::vector<SocketAddress>& senders, Pattern pattern = Pattern::Pairs);

  [[nodiscard]] const SocketAddress& address() const noexcept { return address_; }
  [[nodiscard]] const Child& child() const noexcept { return *child_; }

 private:
  SocketAddress address_;
  std::optional<Child> child_;
};

/// A load through it, of packets as long as those of QUIC that carry `payload` bytes in a datagram.
[[nodiscard]] Outcome through_raw_relay(RawRelay::Pattern pattern, std::size_t senders, const Load& load, std::size_t payload);

}  // namespace wzp::bench
