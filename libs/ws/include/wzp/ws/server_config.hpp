#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "wzp/base/address.hpp"
#include "wzp/base/time.hpp"

namespace wzp::ws {

/// One listening socket and its bounds.
struct ServerConfig {
  SocketAddress bind{};
  /// Worker that the connection ids name.
  std::uint16_t worker = 0;

  /// TCP connections, those that are no WebSocket yet included. At the bound newcomers are closed at once. Source:
  /// relay.md 5.5.
  std::size_t max_connections = 10'000;
  /// Of them from one place (`IpAddress::place`); 0: no bound. Source: relay.md 5.5.
  std::size_t max_per_ip = 64;
  /// Connections from this machine are not bounded by `max_per_ip`: a reverse proxy there speaks for many.
  bool spare_loopback = false;

  /// From the TCP connection to the WebSocket. Source: our choice, as long as for a federation hello.
  Duration head_timeout = std::chrono::seconds{5};
  /// Memory for a request head and what is read out of it; a longer one gets 431. Source: our choice, the usual bound.
  std::size_t max_head = 8 * 1024;

  /// Longest message of the peer, in one frame or several; a longer one is closed with 1009. Source: relay.md 16.
  std::size_t max_message = 8 * 1024;
  /// Frames of the peer, of every kind, saved up for a second. What is over it is dropped. Source: relay.md 16.
  std::uint32_t frames_per_second = 100;
  /// Who is over it for so long, or with `max_over` frames, without a pause that fills the second up again is closed
  /// with 1008. Source: our choice; browsers catch up after a pause, but not for seconds.
  Duration patience = std::chrono::seconds{5};
  std::uint32_t max_over = 1'000;
  /// A ping goes out so often; who leaves `max_unanswered` of them without any pong is given up. Source: relay.md 16.
  Duration ping_interval = std::chrono::seconds{20};
  unsigned max_unanswered = 2;

  /// Texts that wait to be sent; beyond it `send_text` says LimitReached. A text on its own may be longer. Source: as
  /// quic::EndpointConfig.
  std::size_t max_outgoing_messages = 256;
  std::size_t max_outgoing_bytes = std::size_t{256} << 10;
  /// Binary messages that wait to be sent: the oldest is dropped at the bound, and each when it is too old. Source: as
  /// quic::EndpointConfig.
  std::size_t max_queued_binaries = 64;
  Duration max_binary_age = std::chrono::milliseconds{200};
  /// Of the system, for each connection: what is in there cannot be dropped any more. Source: our choice, the window of
  /// 64 voice streams over 200 ms.
  std::size_t send_buffer = std::size_t{64} << 10;
  /// From a close of ours to the end of the TCP connection, for the peer to read and answer. Source: wire.md 1.8.
  Duration linger = std::chrono::milliseconds{500};
};

}  // namespace wzp::ws
