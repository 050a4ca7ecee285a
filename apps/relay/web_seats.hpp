#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>

#include "wzp/base/bytes.hpp"
#include "wzp/base/fingerprint.hpp"
#include "wzp/base/ids.hpp"
#include "wzp/base/result.hpp"
#include "wzp/base/time.hpp"
#include "wzp/net/loop.hpp"
#include "wzp/quic/handler.hpp"
#include "wzp/ws/server.hpp"

namespace wzp::relay_app {

/// Members of rooms who come by WebSocket, at `/ws/{room}` (docs/protocol.md, "WebSocket seats").
///
/// A second carrier beside quic::Endpoint: the same calls, and the same reports to the same handler, for connections that
/// can only be of class Room. A text frame is the message of one stream, a binary frame is a datagram, and a challenge
/// that the client is told first stands for the TLS exporter. So nobody behind the worker knows the difference.
class WebSeats final : private ws::Handler {
 public:
  /// Listens. `worker` is told what happens. Errors: Io, with the address.
  [[nodiscard]] static Result<std::unique_ptr<WebSeats>> open(const ws::ServerConfig& config, const RelayFingerprint& relay,
                                                              net::Loop& loop, quic::Handler& worker);

  [[nodiscard]] const SocketAddress& local() const noexcept { return server_->local(); }

  // As quic::Endpoint does.
  [[nodiscard]] Result<quic::StreamId> send_message(ConnectionId id, ByteView frame);
  [[nodiscard]] Result<void> send_datagram(ConnectionId id, ByteView prefix, ByteView payload, Instant now);
  void close(ConnectionId id, std::uint64_t code, std::string_view reason);
  void close_when_sent(ConnectionId id, std::uint64_t code, std::string_view reason, Instant now);
  void stop_stream(ConnectionId, quic::StreamId) {}  // each is whole when it is seen
  [[nodiscard]] std::size_t max_datagram_size(ConnectionId id) const;
  /// Whatever the label. Errors: NotFound.
  [[nodiscard]] Result<ByteArray<32>> exporter(ConnectionId id, std::string_view label) const;

 private:
  struct Seat {
    ByteArray<32> exporter;
    quic::StreamId next_stream = 0;
  };

  WebSeats(const RelayFingerprint& relay, quic::Handler& worker) : relay_{relay}, worker_{worker} {}

  // ws::Handler
  ws::Answer on_request(const ws::Request& request) override;
  void on_opened(ConnectionId id, const ws::Request& request) override;
  void on_text(ConnectionId id, std::string_view text) override;
  void on_binary(ConnectionId id, ByteView bytes) override { worker_.on_datagram(id, bytes); }
  void on_text_sent(ConnectionId id, std::uint64_t number) override { worker_.on_message_acked(id, number); }
  void on_closed(ConnectionId id, const ws::CloseInfo& info) override;

  RelayFingerprint relay_;
  quic::Handler& worker_;
  std::unordered_map<ConnectionId, Seat> seats_;
  std::unique_ptr<ws::Server> server_;
};

}  // namespace wzp::relay_app
