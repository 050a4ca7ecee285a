#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "closing.hpp"
#include "datagram_queue.hpp"
#include "message_queue.hpp"
#include "ng.hpp"
#include "shared.hpp"
#include "timer_heap.hpp"
#include "tls.hpp"
#include "wzp/base/ids.hpp"
#include "wzp/base/result.hpp"
#include "wzp/quic/endpoint.hpp"

namespace wzp::quic {

/// One QUIC connection: an ngtcp2_conn, its TLS session, and what waits to be sent.
///
/// Life: handshaking -> connected -> ended. Public calls only queue and mark; packets are written by `write`, at the end of a
/// turn. Ends are found by `read`, `write` and `expire`, which put the connection on `Shared::ended`; the endpoint then takes it away.
class Connection {
 public:
  /// A client's Initial packet that was let in.
  struct Arrival {
    ngtcp2_pkt_hd head{};
    /// With a proved address: the id that the client chose before our Retry.
    std::optional<ngtcp2_cid> before_retry{};
    Path path{};
  };

  [[nodiscard]] static Result<std::unique_ptr<Connection>> dial(Shared& shared, ConnectionId id,
                                                                const DialOptions& options);
  [[nodiscard]] static Result<std::unique_ptr<Connection>> accept(Shared& shared, ConnectionId id,
                                                                  const Arrival& arrival);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  // --- driving
  void read(const Path& path, std::uint8_t ecn, ByteView packet);
  void write();
  void expire();
  void migrate(const SocketAddress& local);

  // --- asked for by the user
  Result<StreamId> send_message(ByteView bytes, bool uni);
  void stop_stream(StreamId stream);
  Result<void> send_datagram(ByteView prefix, ByteView payload, DatagramTag tag, Instant now);
  void close(std::uint64_t code, std::string_view reason);
  void close_when_sent(std::uint64_t code, std::string_view reason, Instant deadline);

  // --- facts
  [[nodiscard]] ConnectionId id() const noexcept { return id_; }
  [[nodiscard]] bool inbound() const noexcept { return inbound_; }
  [[nodiscard]] bool connected() const noexcept { return state_ == State::Connected; }
  [[nodiscard]] bool half_open() const noexcept { return inbound_ && !was_connected_; }
  [[nodiscard]] const Path& path() const noexcept { return path_; }
  /// Where it came from: what the admission has counted.
  [[nodiscard]] const SocketAddress& origin() const noexcept { return origin_; }
  [[nodiscard]] std::size_t max_datagram_size() const;
  [[nodiscard]] Result<ByteArray<32>> exporter(std::string_view label) const;
  [[nodiscard]] ConnectionStats stats() const;

  // --- after the end
  /// To be told with `on_closed`: it was dialled, or reported as connected.
  [[nodiscard]] bool reportable() const noexcept { return !inbound_ || was_connected_; }
  [[nodiscard]] const CloseInfo& end_info() const noexcept { return end_; }
  /// All ids under which packets may arrive.
  [[nodiscard]] std::vector<ngtcp2_cid> ids() const;
  /// What is to be kept for late packets; nothing after a silent end.
  [[nodiscard]] std::optional<Closing> remains();
  /// The first packet was such that the client must prove its address.
  [[nodiscard]] bool wants_retry() const noexcept { return wants_retry_; }

 private:
  friend struct ConnectionCallbacks;
  enum class State : std::uint8_t { Handshaking, Connected, Ended };
  struct CloseRequest {
    std::uint64_t code = 0;
    std::string reason;
  };
  struct ConnDeleter {
    void operator()(ngtcp2_conn* conn) const { ngtcp2_conn_del(conn); }
  };

  Connection(Shared& shared, ConnectionId id, bool inbound, const Path& path);
  Result<void> start_client(const DialOptions& options);
  Result<void> start_server(const Arrival& arrival);
  void settle(ngtcp2_conn* conn, const ngtcp2_cid& own);

  void mark_dirty();
  void schedule(ngtcp2_tstamp due);
  void become_connected();
  void set_keep_alive();
  void handshake_completed();

  // Ends (connection_close.cpp).
  void end(CloseInfo info);
  void end_with_packet(CloseInfo info, const ngtcp2_ccerr& error);
  void end_by_request(const CloseRequest& request);
  void fail(int library_error);
  void on_read_error(int library_error);
  [[nodiscard]] CloseInfo words_of_peer() const;
  [[nodiscard]] CloseInfo tls_failure(std::uint8_t alert) const;

  // Packets (connection_write.cpp).
  void apply_stops();
  ngtcp2_ssize write_packet(std::uint8_t* out, ngtcp2_path* path, ngtcp2_pkt_info* info);
  ngtcp2_ssize write_streams(std::uint8_t* out, ngtcp2_path* path, ngtcp2_pkt_info* info);
  ngtcp2_ssize write_message(OutgoingMessage& message, std::uint8_t* out, ngtcp2_path* path, ngtcp2_pkt_info* info);
  ngtcp2_ssize write_finish(std::int64_t stream, std::uint8_t* out, ngtcp2_path* path, ngtcp2_pkt_info* info,
                            bool& taken);
  ngtcp2_ssize write_datagrams(std::uint8_t* out, ngtcp2_path* path, ngtcp2_pkt_info* info);
  void open_streams();

  Shared& shared_;
  ConnectionId id_;
  bool inbound_;
  State state_ = State::Handshaking;
  bool was_connected_ = false;
  bool dirty_ = false;
  bool wants_retry_ = false;
  bool lingers_ = false;  ///< after the end: late packets are expected
  bool reset_seen_ = false;
  bool awaits_judgement_ = false;  ///< we show a certificate, so the end of the handshake is not the last word
  bool datagrams_first_ = false;
  /// Found inside a callback, where no packet may be written: the TLS alert to close with.
  std::optional<std::uint8_t> refusal_;
  Path path_;
  SocketAddress origin_;
  TlsSession tls_;
  std::unique_ptr<ngtcp2_conn, ConnDeleter> conn_;
  ngtcp2_cid first_dcid_{};  ///< inbound: the client's first id for us
  TimerHeap::Entry timer_;
  std::string server_name_;
  std::vector<ByteArray<32>> exporters_;
  MessageQueue messages_;
  DatagramQueue datagrams_;
  std::vector<std::int64_t> finishes_;  ///< reverse halves of the peer's streams, to be finished
  std::vector<std::int64_t> stops_;     ///< streams of the peer that it is to be told to stop
  std::optional<CloseRequest> close_;
  std::optional<Instant> linger_until_;
  CloseInfo end_;
  Bytes closing_packet_;
  std::uint64_t datagrams_sent_ = 0;
  std::uint64_t datagrams_received_ = 0;
  std::uint64_t datagrams_acked_ = 0;
  std::uint64_t datagrams_lost_ = 0;
};

/// The table of callbacks for a client or a server (connection_callbacks.cpp).
[[nodiscard]] const ngtcp2_callbacks& connection_callbacks(bool server);

}  // namespace wzp::quic
