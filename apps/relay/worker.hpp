#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "relay/drop_log.hpp"
#include "relay/mail.hpp"
#include "relay/web_seats.hpp"
#include "wzp/net/loop.hpp"
#include "wzp/quic/endpoint.hpp"
#include "wzp/relay/events.hpp"
#include "wzp/relay/packet_switch.hpp"
#include "wzp/relay/signal_channels.hpp"
#include "wzp/relay/trunk_batcher.hpp"

namespace wzp::relay_app {

/// Takes what a worker has to say. Called on the worker's thread; must not block.
struct WorkerPorts {
  /// To the relay core. False when it cannot take it now.
  std::function<bool(relay::Event)> to_core;
  /// To the worker with this number. False, and the mail is lost, when its box is full.
  std::function<bool(std::uint16_t worker, WorkerMail)> to_worker;
  /// For the operator.
  std::function<void(LogLine)> log;
};

/// One thread's part of the relay: its socket, its connections, and the packet path between them.
/// Bytes become signals here; what they mean is the core's business.
class RelayWorker final : public quic::Handler {
 public:
  /// Errors: Io, BadKey (see quic::Endpoint::open).
  [[nodiscard]] static Result<std::unique_ptr<RelayWorker>> open(quic::EndpointConfig config, const relay::PacketSwitch::Config& media,
                                                                 net::Loop& loop, WorkerPorts ports);
  ~RelayWorker() override;

  /// Takes members of rooms by WebSocket, too. Returns where it listens. Errors: Io, with the address.
  [[nodiscard]] Result<SocketAddress> serve_web(const ws::ServerConfig& config, const RelayFingerprint& relay);

  void take(WorkerMail mail);
  /// Dials a relay. The answer comes as `relay::Opened` with `dialled_peer`, or goes to `failed`.
  void dial(std::size_t peer, const quic::DialOptions& options, std::function<void(std::string why)> failed);
  /// Closes every connection and stops accepting.
  void close_all(std::uint64_t code, const std::string& reason);
  [[nodiscard]] quic::Endpoint& endpoint() noexcept { return *endpoint_; }

  // quic::Handler
  void on_connected(ConnectionId, const quic::ConnectionInfo&) override;
  void on_closed(ConnectionId, const quic::CloseInfo&) override;
  void on_stream(ConnectionId, quic::StreamId, ByteView, bool fin) override;
  void on_stream_reset(ConnectionId, quic::StreamId) override;
  void on_datagram(ConnectionId, ByteView) override;
  void on_message_acked(ConnectionId, quic::StreamId) override;
  void on_message_refused(ConnectionId, quic::StreamId) override;
  void on_path_changed(ConnectionId, const SocketAddress&) override;
  void on_foreign_packet(quic::ForeignPacket&&) override;

 private:
  struct Dialling {
    std::size_t peer;
    std::function<void(std::string)> failed;
  };

  RelayWorker(const relay::PacketSwitch::Config& media, net::Loop& loop, WorkerPorts ports);

  /// Calls `use` with what carries this connection: the QUIC endpoint, or the web seats.
  template <class F>
  decltype(auto) on_carrier(ConnectionId id, F&& use) {
    return id.is_websocket() ? use(*web_) : use(*endpoint_);
  }
  void close(ConnectionId id, std::uint64_t code, std::string_view reason);
  void send_datagram(ConnectionId to, ByteView head, ByteView packet);
  void perform(relay::ChannelActions actions);
  void write(const relay::WriteFrame& frame);
  /// Tells the core, and gives the connection up when it cannot listen.
  void tell(ConnectionId id, relay::Event event);
  void tick(Instant now);
  void say_drops();
  /// Sends what the switch gave out: here, or through the worker that owns the receiver.
  void send_deliveries();
  /// What is collected in `forwards_` for this worker.
  void forward(std::uint16_t worker, ByteView packet);
  /// To a receiver here.
  void send(const relay::Delivery& delivery, ByteView packet);
  void send_trunk(ConnectionId to, ByteView head, ByteView packet, bool may_wait);
  void send_frames();

  net::Loop& loop_;
  WorkerPorts ports_;
  std::unique_ptr<quic::Endpoint> endpoint_;
  std::optional<quic::Attachment> attachment_;
  std::optional<net::Loop::Id> ticker_;
  std::optional<net::Loop::Id> trunks_;
  relay::SignalChannels signals_;
  std::optional<Instant> next_sweep_;  ///< of the packet path
  std::unordered_map<ConnectionId, Dialling> dialling_;
  std::uint16_t number_ = 0;
  relay::PacketSwitch switch_;
  DropLog drops_{"packets of media"};
  Instant drops_due_ = Instant::min();
  relay::TrunkBatcher batcher_;
  std::vector<relay::Delivery> deliveries_;  ///< empty between calls, like the next ones
  std::vector<std::vector<relay::Delivery>> forwards_;  ///< by worker
  std::vector<relay::TrunkDatagram> frames_;
  std::deque<relay::Event> unsaid_;  ///< `Lost` that the core could not take yet: at most one per connection
  std::unique_ptr<WebSeats> web_;    ///< none without `serve_web`, and then no connection of it
};

}  // namespace wzp::relay_app
