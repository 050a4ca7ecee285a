#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "sim/witness.hpp"
#include "support/sim_clock.hpp"
#include "support/sim_net.hpp"
#include "support/sim_quic.hpp"
#include "wzp/proto/server_name.hpp"
#include "wzp/relay/packet_switch.hpp"
#include "wzp/relay/relay_core.hpp"
#include "wzp/relay/signal_channels.hpp"
#include "wzp/relay/trunk_batcher.hpp"

namespace wzp::sim {

/// A relay: the real core, and around it the same translation of packets and actions that `wzp-relay` has.
class SimRelay final : public quic::Handler {
 public:
  struct Setup {
    int owner = 0;
    std::string name;
    HostId host;
    std::uint16_t port = 4433;
    relay::Config core;
    std::vector<SocketAddress> peer_addresses;  ///< of `core.peers`, in the same order
    std::uint64_t reset_key = 0;
  };

  SimRelay(SimQueue& queue, SimNet& net, Witness& witness, Random random, Setup setup);

  /// Before the first start.
  [[nodiscard]] Setup& setup() noexcept { return setup_; }
  void start();
  /// Gone at once, without a word; everything it knew is lost.
  void crash() { run_.reset(); }
  /// Says goodbye to everybody.
  void shut_down();
  [[nodiscard]] bool running() const noexcept { return run_ != nullptr; }

  [[nodiscard]] const std::string& name() const noexcept { return setup_.name; }
  [[nodiscard]] int owner() const noexcept { return setup_.owner; }
  [[nodiscard]] HostId host() const noexcept { return setup_.host; }
  [[nodiscard]] const relay::Config& config() const noexcept { return setup_.core; }
  [[nodiscard]] SocketAddress address() const { return {net_.address(setup_.host), setup_.port}; }
  [[nodiscard]] relay::RelayCore& core() { return run_->core; }
  [[nodiscard]] SimEndpoint& endpoint() { return run_->endpoint; }
  /// Connections that the core knows.
  [[nodiscard]] std::size_t connections() const { return run_->connections.size(); }
  [[nodiscard]] proto::ConnectionClass class_of(ConnectionId id) const { return run_->connections.at(id).cls; }
  [[nodiscard]] const std::string& server_name_of(ConnectionId id) const { return run_->connections.at(id).server_name; }
  [[nodiscard]] bool knows(ConnectionId id) const { return run_->connections.contains(id); }
  /// The most that any inbox of a connection holds now.
  [[nodiscard]] std::size_t largest_inbox() const { return run_->signals.largest_inbox(); }
  [[nodiscard]] std::size_t taken_seats() const { return run_->media.seats(); }
  [[nodiscard]] const relay::PacketSwitch& media() const { return run_->media; }

  // quic::Handler
  void on_connected(ConnectionId, const quic::ConnectionInfo&) override;
  void on_closed(ConnectionId, const quic::CloseInfo&) override;
  void on_stream(ConnectionId, quic::StreamId, ByteView, bool fin) override;
  void on_stream_reset(ConnectionId, quic::StreamId) override;
  void on_message_acked(ConnectionId, quic::StreamId) override;
  void on_datagram(ConnectionId, ByteView) override;
  void on_path_changed(ConnectionId, const SocketAddress&) override;

 private:
  struct Connection {
    proto::ConnectionClass cls;
    std::string server_name;
  };
  struct Run {
    Run(SimRelay& relay, Random random);

    relay::RelayCore core;
    SimEndpoint endpoint;
    Alarm alarm;
    Alarm sweep;
    Alarm stalls;
    std::map<ConnectionId, Connection> connections;
    relay::SignalChannels signals;
    std::unordered_map<ConnectionId, std::size_t> dialling;  ///< to which peer
    relay::PacketSwitch media;
    relay::TrunkBatcher batcher;
    Alarm trunks;
  };

  void tell(const relay::Event& event);
  void perform(const relay::Actions& actions);
  void perform(const relay::ChannelActions& actions);
  void sweep();
  void dial(std::size_t peer);
  void send(const std::vector<relay::Delivery>& deliveries);
  void send(const std::vector<relay::TrunkDatagram>& frames);
  void send(ConnectionId to, ByteView head, ByteView body);
  void send_trunks();
  void tick_signals();

  SimQueue& queue_;
  SimNet& net_;
  Witness& witness_;
  Random random_;
  Setup setup_;
  std::unique_ptr<Run> run_;
};

}  // namespace wzp::sim
