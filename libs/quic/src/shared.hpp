#pragma once

#include <memory>
#include <vector>

#include "datagram_queue.hpp"
#include "routes.hpp"
#include "send_batch.hpp"
#include "timer_heap.hpp"
#include "tls.hpp"
#include "wzp/base/time.hpp"
#include "wzp/quic/endpoint_config.hpp"
#include "wzp/quic/handler.hpp"

namespace wzp::quic {

/// What the connections of one endpoint have in common.
struct Shared {
  EndpointConfig config{};
  Handler& handler;
  std::unique_ptr<TlsContext> tls;
  net::UdpSocket socket;
  SendBatch batch{socket};
  BlockPool blocks{};
  Routes routes{};
  TimerHeap timers{};
  /// Connections that may have something to write, and those that have come to an end. Each is named at most once.
  std::vector<Connection*> dirty{};
  std::vector<Connection*> ended{};
  /// The time of the present driving call.
  Instant now{};
  /// An inbound handshake has ended well: for the admission.
  std::vector<SocketAddress> admitted{};
};

}  // namespace wzp::quic
