#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "support/sim_quic.hpp"
#include "support/sim_quic_packet.hpp"

namespace wzp::sim {

/// One end of one simulated QUIC connection. Tells the handler of its endpoint what happens, and sends by it.
class SimConnection {
 public:
  enum class State : std::uint8_t { Handshaking, Connected, Closed };

  /// We dial.
  SimConnection(SimEndpoint& endpoint, ConnectionId id, WireId own, const SimEndpoint::DialOptions& options);
  /// Somebody dials us.
  SimConnection(SimEndpoint& endpoint, ConnectionId id, WireId own, const SocketAddress& remote, const HandshakePacket& initial);

  void start();
  void receive(const QuicPacket& packet, const SocketAddress& from);
  void tick(Instant now);
  [[nodiscard]] std::optional<Instant> deadline() const;

  void close(std::uint64_t code, std::string_view reason);
  void close_when_sent(std::uint64_t code, std::string_view reason, Duration linger);
  [[nodiscard]] Result<quic::StreamId> send_message(ByteView bytes);
  void stop_stream(quic::StreamId stream) { incoming_[stream].stopped = true; }
  [[nodiscard]] Result<void> send_datagram(ByteView data, quic::DatagramTag tag);
  [[nodiscard]] ByteArray<32> exporter(std::string_view label) const;

  [[nodiscard]] ConnectionId id() const noexcept { return id_; }
  [[nodiscard]] WireId own() const noexcept { return own_; }
  [[nodiscard]] WireId peer() const noexcept { return peer_; }
  [[nodiscard]] State state() const noexcept { return state_; }
  [[nodiscard]] int peer_owner() const noexcept { return peer_owner_; }
  [[nodiscard]] std::size_t messages() const noexcept { return outgoing_.size(); }
  [[nodiscard]] std::optional<Instant> oldest_message() const;

 private:
  struct Sent {
    Instant when;
    bool asks_ack = false;
    std::vector<Frame> reliable;  ///< repeated when lost
    std::uint64_t tag = 0;
  };
  struct Outgoing {
    Instant when;
    std::size_t bytes = 0;
    std::set<std::size_t> missing;  ///< offsets of the parts that are not acknowledged
  };
  struct Incoming {
    std::map<std::size_t, StreamFrame> waiting;
    std::size_t next = 0;
    bool done = false;
    bool stopped = false;
  };
  struct Lingering {
    Instant until;
    std::uint64_t code = 0;
    std::string reason;
  };

  // sim_quic_handshake.cpp
  void send_handshake();
  void on_initial(const HandshakePacket& packet, const SocketAddress& from);
  void on_server_flight(const HandshakePacket& packet, const SocketAddress& from);
  void on_client_finish(const HandshakePacket& packet);
  void refuse(quic::CloseKind kind, std::uint64_t code, bool told);
  void become_connected();

  // sim_quic_connection.cpp
  void on_protected(const ProtectedPacket& packet, const SocketAddress& from);
  void on_reset(const ResetPacket& packet);
  [[nodiscard]] bool note_number(std::uint64_t number);
  void on_frame(const StreamFrame& frame);
  void on_frame(const DatagramFrame& frame);
  void on_frame(const AckFrame& frame);
  void on_frame(const PingFrame&) {}
  void on_frame(const HandshakeDoneFrame&);
  void on_frame(const PathChallengeFrame& frame);
  void on_frame(const PathResponseFrame& frame);
  void on_frame(const CloseFrame& frame);
  void acknowledged(Sent& sent);
  void move_to(const SocketAddress& remote);

  // sim_quic_loss.cpp
  void transmit(std::vector<Frame> frames);
  void send_ack();
  void lose_behind(std::uint64_t newest, Instant now);
  void repeat(std::vector<Frame> frames);
  void on_probe_timeout(Instant now);
  void measure(Duration sample);
  [[nodiscard]] Duration probe_timeout() const;
  [[nodiscard]] std::optional<Instant> probe_due() const;
  void send_close();
  /// Ends it; the handler hears of it now or, when we did it, in a moment.
  void end(const quic::CloseInfo& info);

  SimEndpoint& endpoint_;
  ConnectionId id_;
  WireId own_;
  WireId peer_ = 0;
  bool inbound_;
  State state_ = State::Handshaking;
  bool reported_;  ///< the handler knows this connection
  SimEndpoint::DialOptions options_;
  SocketAddress remote_;
  std::optional<RelayFingerprint> peer_certificate_;
  bool certificate_demanded_ = false;
  ByteArray<32> secret_{};
  std::uint64_t peer_reset_token_ = 0;
  int peer_owner_ = 0;

  // handshake
  std::optional<Instant> handshake_ends_;
  std::optional<Instant> handshake_resend_;
  int handshake_tries_ = 0;
  bool got_flight_ = false;
  bool confirmed_ = false;

  // sending
  std::uint64_t next_number_ = 0;
  std::map<std::uint64_t, Sent> sent_;
  std::map<quic::StreamId, Outgoing> outgoing_;
  std::size_t outgoing_bytes_ = 0;
  quic::StreamId next_stream_;
  Duration rtt_;
  Duration rtt_variation_;
  bool rtt_measured_ = false;
  int probes_ = 0;
  Instant last_asking_;  ///< when something was last sent that asks for an acknowledgement
  std::optional<Lingering> lingering_;
  CloseFrame closed_with_;
  bool closed_by_us_ = false;

  // receiving
  std::vector<std::pair<std::uint64_t, std::uint64_t>> received_;  ///< ranges of packet numbers, ascending
  std::map<quic::StreamId, Incoming> incoming_;
  int to_acknowledge_ = 0;
  std::optional<Instant> ack_due_;
  Instant last_heard_;
  Instant idle_since_;
  bool asked_since_heard_ = false;
  std::optional<std::uint64_t> challenge_;
};

}  // namespace wzp::sim
