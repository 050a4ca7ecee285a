#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "wzp/base/bytes.hpp"
#include "wzp/base/ids.hpp"
#include "wzp/base/result.hpp"
#include "wzp/base/time.hpp"
#include "wzp/net/loop.hpp"
#include "wzp/ws/handler.hpp"
#include "wzp/ws/server_config.hpp"

namespace wzp::ws {

/// Counts since the server was opened.
struct ServerStats {
  std::size_t connections = 0;         ///< now: TCP connections, WebSocket or not yet
  std::size_t open = 0;                ///< now: WebSockets
  std::uint64_t refused = 0;           ///< TCP connections over a bound
  std::uint64_t late = 0;              ///< TCP connections that were no WebSocket in time
  std::uint64_t dropped_frames = 0;    ///< of peers, over the rate
  std::uint64_t dropped_binaries = 0;  ///< of ours: queue full, or too old
};

/// WebSockets (RFC 6455, version 13, no extensions) over HTTP/1.1 without TLS: whoever serves browsers puts a reverse
/// proxy in front. One thread: that of the loop, which must outlive the server.
///
/// - A TCP connection has `head_timeout` to become a WebSocket. The handler judges the path; whoever does not ask
///   properly gets 400, 405 or 426, and one request is all there is.
/// - Messages come out whole. Unmasked frames, broken UTF-8 and what else the RFC forbids close that connection with the
///   code of the RFC. Pings are answered here and seen by nobody.
/// - What goes out is sent at the end of the turn in which it was queued. Nothing waits for a slow reader: texts are
///   bounded by number and size, binaries give way to newer ones, and texts overtake them.
/// - A close by either side is answered; the TCP connection ends with the answer or after `linger`.
class Server {
 public:
  /// Listens from now on. `handler` must outlive the server. Errors: Io, with the address.
  [[nodiscard]] static Result<std::unique_ptr<Server>> open(const ServerConfig& config, net::Loop& loop,
                                                            Handler& handler);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  /// Cuts all connections without a word to peers or handler.
  ~Server();

  /// What it listens on, with the port that the system chose.
  [[nodiscard]] const SocketAddress& local() const noexcept;
  [[nodiscard]] ServerStats stats() const noexcept;

  /// Queues one text message, which must be UTF-8, and returns its number: 0, 1, 2 ... on this connection.
  /// Errors: NotFound (gone), WrongState (closing), LimitReached (see ServerConfig).
  [[nodiscard]] Result<std::uint64_t> send_text(ConnectionId id, std::string_view text);
  /// Queues `prefix | payload` as one binary message. Errors: NotFound, WrongState (closing).
  [[nodiscard]] Result<void> send_binary(ConnectionId id, ByteView prefix, ByteView payload);
  /// Closes with a code of RFC 6455 7.4 and a text of at most 123 bytes (the rest is cut). What is unsent is lost.
  /// `on_closed` follows. Harmless for ids that are gone.
  void close(ConnectionId id, std::uint16_t code, std::string_view reason);
  /// The same behind all texts that wait, if they get out within `linger`.
  void close_when_sent(ConnectionId id, std::uint16_t code, std::string_view reason);

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace wzp::ws
