#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "wzp/base/address.hpp"
#include "wzp/base/bytes.hpp"
#include "wzp/base/ids.hpp"
#include "wzp/base/result.hpp"
#include "wzp/base/time.hpp"
#include "wzp/net/loop.hpp"
#include "wzp/net/udp_socket.hpp"
#include "wzp/quic/endpoint_config.hpp"
#include "wzp/quic/handler.hpp"

namespace wzp::quic {

/// Measurements of one connection.
struct ConnectionStats {
  Duration smoothed_rtt{};
  Duration min_rtt{};
  std::uint64_t congestion_window = 0;  ///< bytes
  std::uint64_t bytes_in_flight = 0;
  std::size_t path_mtu = 0;          ///< bytes of UDP payload
  std::uint64_t datagrams_sent = 0;  ///< DATAGRAM frames written into packets
  std::uint64_t datagrams_received = 0;
  std::uint64_t datagrams_acked = 0;
  std::uint64_t datagrams_lost = 0;
  std::uint64_t datagrams_dropped = 0;  ///< by our own queue: full, or too old
};

/// Measurements of an endpoint since it was opened.
struct EndpointStats {
  std::size_t connections = 0;  ///< now
  std::size_t half_open = 0;    ///< now: inbound handshakes under way
  std::uint64_t accepted = 0;   ///< inbound connections that became usable
  std::uint64_t refused = 0;    ///< inbound connections over a bound
  std::uint64_t retries_sent = 0;
  std::uint64_t resets_sent = 0;      ///< stateless resets
  std::uint64_t versions_sent = 0;    ///< version negotiations
  std::uint64_t dropped_packets = 0;  ///< for nobody, or not QUIC
  std::uint64_t foreign_packets = 0;  ///< handed to another worker
  std::uint64_t punches = 0;          ///< received
  std::uint64_t packets_sent = 0;     ///< QUIC packets of connections
  std::uint64_t trains_sent = 0;      ///< GSO trains and single packets that they left in
};

/// Client and server roles on one UDP socket; one thread.
///
/// Nothing is sent before `flush`. How a shell drives it (`attach` does exactly this):
///
///     loop.watch(endpoint.fd(), [&](Instant now) { endpoint.receive_ready(now); });
///     loop.add({.deadline = [&] { return endpoint.deadline(); },
///               .tick = [&](Instant now) { endpoint.tick(now); },
///               .finish = [&](Instant now) { endpoint.flush(now); }});
///
/// Messages are streams: one message is one bidirectional stream of ours, written as a whole and finished; its reverse half is
/// stopped at once. Half streams of the peer's messages are finished by us, and stream credit is given back, so that
/// neither side ever runs dry (wire.md 1.6, 7.1).
class Endpoint {
 public:
  /// Errors: Io (no socket), BadKey or BadConfig (credentials missing or unreadable).
  [[nodiscard]] static Result<std::unique_ptr<Endpoint>> open(EndpointConfig config, Handler& handler);
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;
  /// Forgets all connections without a word to peers or handler. Close them first, `flush`, then destroy.
  ~Endpoint();

  // --- connections

  /// Opens a connection. The outcome is `on_connected` or `on_closed`. Errors: LimitReached, BadKey (certificate),
  /// Unsupported (the socket is of the other address family), WrongState (after close_all), Internal.
  [[nodiscard]] Result<ConnectionId> dial(const DialOptions& options, Instant now);
  /// Closes with an application code and a text of at most 256 bytes (the rest is cut). What is unsent is lost. `on_closed`
  /// follows in the next driving call. Harmless for ids that are gone.
  void close(ConnectionId id, std::uint64_t code, std::string_view reason);
  /// Closes once all messages are acknowledged, at the latest after `linger` (wire.md 1.8: 500 ms). No message is taken
  /// after this call.
  void close_when_sent(ConnectionId id, std::uint64_t code, std::string_view reason, Instant now,
                       Duration linger = std::chrono::milliseconds{500});
  /// Closes every connection at once and stops accepting.
  void close_all(std::uint64_t code, std::string_view reason);
  /// Stops or resumes accepting. Connections that exist stay.
  void accept_inbound(bool accept);

  // --- sending: may be called as soon as the id is known; what is early waits for the handshake

  /// One message on a new bidirectional stream. Keeps a copy until it is acknowledged; waits in order when the peer has
  /// no stream credit left. Errors: NotFound (connection gone), WrongState (closing), LimitReached (see EndpointConfig),
  /// TooLong (over 1 MiB + 4), TooShort (empty: an empty stream is never opened).
  [[nodiscard]] Result<StreamId> send_message(ConnectionId id, ByteView bytes);
  /// The same on a unidirectional stream (class `version` only).
  [[nodiscard]] Result<StreamId> send_uni(ConnectionId id, ByteView bytes);
  /// We want no more of a stream that the peer opened: STOP_SENDING, code 0. No `on_stream` follows for it.
  void stop_stream(ConnectionId id, StreamId stream);
  /// `prefix | payload` as one datagram; copied once, sent with the next `flush`, several to a packet where they fit.
  /// When the queue is full the oldest is dropped and counted.
  /// Errors: NotFound, WrongState (not connected yet, or closing), Unsupported (the peer takes none), TooLong (see max_datagram_size).
  [[nodiscard]] Result<void> send_datagram(ConnectionId id, ByteView prefix, ByteView payload, Instant now,
                                           DatagramTag tag = 0);
  [[nodiscard]] Result<void> send_datagram(ConnectionId id, ByteView payload, Instant now, DatagramTag tag = 0) {
    return send_datagram(id, {}, payload, now, tag);
  }
  /// 1 to 8 bytes past QUIC, to open a NAT's filter. The top bits of the first are cleared. Leaves with the next `flush`.
  void send_punch(const SocketAddress& remote, ByteView bytes);

  // --- asking

  /// The most bytes a datagram may have now; 0 before the connection is usable. Grows with path MTU discovery, shrinks
  /// when the path changes.
  [[nodiscard]] std::size_t max_datagram_size(ConnectionId id) const;
  /// TLS exporter of this connection for one of the configured labels. Errors: NotFound (connection, or label not configured),
  /// WrongState (not connected yet).
  [[nodiscard]] Result<ByteArray<32>> exporter(ConnectionId id, std::string_view label) const;
  [[nodiscard]] std::optional<ConnectionStats> stats(ConnectionId id) const;
  [[nodiscard]] EndpointStats stats() const;
  [[nodiscard]] const net::UdpSocket::Counters& socket_counters() const;
  /// What the socket is bound to.
  [[nodiscard]] const SocketAddress& local() const noexcept;
  [[nodiscard]] int fd() const noexcept;

  // --- driving

  /// Reads what the socket has, in bounded batches.
  void receive_ready(Instant now);
  /// Takes a packet that another worker received (`Handler::on_foreign_packet` there).
  void inject(const ForeignPacket& packet, Instant now);
  /// Does what is due.
  void tick(Instant now);
  [[nodiscard]] std::optional<Instant> deadline() const;
  /// Writes what is pending: the packets of each connection one behind the other as GSO trains, all with few system calls.
  void flush(Instant now);
  /// Changes to a new socket: `fd` and `local` change. Dialled connections migrate to it; accepted ones stay reachable only if
  /// the address is the same. Errors: Io, and the old socket stays.
  [[nodiscard]] Result<void> rebind(const SocketAddress& bind, Instant now);

 private:
  class Impl;
  explicit Endpoint(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Lets `loop` drive `endpoint` for as long as this object lives, also on a new socket after `rebind`. Both outlive it.
class Attachment {
 public:
  Attachment(net::Loop& loop, Endpoint& endpoint);
  Attachment(const Attachment&) = delete;
  Attachment& operator=(const Attachment&) = delete;
  ~Attachment();

 private:
  void watch();

  net::Loop& loop_;
  Endpoint& endpoint_;
  net::Loop::Id driver_ = 0;
  int fd_ = -1;
};

}  // namespace wzp::quic
