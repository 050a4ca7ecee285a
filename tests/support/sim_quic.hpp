#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "support/sim_net.hpp"
#include "support/sim_random.hpp"
#include "wzp/base/fingerprint.hpp"
#include "wzp/base/ids.hpp"
#include "wzp/base/result.hpp"
#include "wzp/quic/handler.hpp"

namespace wzp::sim {

class SimConnection;

/// One UDP socket that speaks a simulated QUIC: the interface and the promises of `quic::Endpoint`, none of its bytes.
/// The real one has tests of its own; here it matters what an application can see of it:
///
/// - a handshake of one round trip and a half in packets that NATs, filters and losses may stop, repeated at growing
///   intervals, given up after 10 s;
/// - messages that arrive whole and in order within their stream, repeated until acknowledged, in streams that may
///   overtake each other; datagrams that arrive once or never; acknowledgements of tagged ones;
/// - certificates, pins, server names; exporters equal on both ends and different everywhere else;
/// - keep-alive, idle timeout, close codes, stateless reset after a restart, the peer's move to another address.
///
/// Not simulated: congestion and flow control, Retry, path MTU, migration on purpose, connection limits by address.
/// Destroying an endpoint is a crash: nobody is told.
class SimEndpoint {
 public:
  struct Config {
    int owner = 0;  ///< for the judge
    std::uint16_t port = 0;
    RelayFingerprint certificate{};
    std::string certificate_required_for = "_federation";
    Duration idle_timeout = std::chrono::seconds{30};
    Duration keep_alive = std::chrono::seconds{5};
    Duration handshake_timeout = std::chrono::seconds{10};
    Duration initial_rtt = std::chrono::milliseconds{300};
    /// The same before and after a restart, or peers do not believe the resets.
    std::uint64_t reset_key = 0;
    std::size_t max_connections = 10'000;
    std::size_t max_outgoing_messages = 256;
    std::size_t max_outgoing_bytes = std::size_t{256} << 10;
  };
  struct DialOptions {
    SocketAddress remote;
    std::string server_name;
    std::optional<RelayFingerprint> certificate{};
    std::optional<RelayFingerprint> pinned{};
    Duration initial_rtt = std::chrono::milliseconds{300};
    std::optional<Duration> handshake_timeout{};
  };

  SimEndpoint(SimQueue& queue, SimNet& net, HostId host, Random random, Config config, quic::Handler& handler);
  SimEndpoint(const SimEndpoint&) = delete;
  SimEndpoint& operator=(const SimEndpoint&) = delete;
  ~SimEndpoint();

  ConnectionId dial(const DialOptions& options);
  void close(ConnectionId id, std::uint64_t code, std::string_view reason);
  void close_when_sent(ConnectionId id, std::uint64_t code, std::string_view reason,
                       Duration linger = std::chrono::milliseconds{500});
  /// Errors: NotFound, WrongState, LimitReached.
  [[nodiscard]] Result<quic::StreamId> send_message(ConnectionId id, ByteView bytes);
  void stop_stream(ConnectionId id, quic::StreamId stream);
  /// Errors: NotFound, WrongState.
  Result<void> send_datagram(ConnectionId id, ByteView data, quic::DatagramTag tag = 0);
  void send_punch(const SocketAddress& remote);

  [[nodiscard]] ByteArray<32> exporter(ConnectionId id, std::string_view label) const;
  [[nodiscard]] const SocketAddress& local() const noexcept { return local_; }

  // For the judge.

  /// Who is really at the other end; 0: no such connection.
  [[nodiscard]] int peer_owner(ConnectionId id) const;
  /// How long the oldest message has waited for its acknowledgement; zero: nothing waits.
  [[nodiscard]] Duration unacknowledged_for(ConnectionId id) const;
  [[nodiscard]] std::size_t outgoing_messages(ConnectionId id) const;
  /// Neither closed nor closing.
  [[nodiscard]] std::size_t open_connections() const;

 private:
  friend class SimConnection;
  using Entry = std::unique_ptr<SimConnection>;

  void receive(const Packet& packet);
  SimConnection* accept(const Packet& packet);
  void send(const SocketAddress& to, std::shared_ptr<const Payload> payload);
  /// Keeps a closed connection for a while, so that late packets get the right answer.
  void retire(SimConnection& connection, Duration linger);
  void run();
  /// This connection may have something to do earlier than we thought.
  void plan(const SimConnection& connection);
  void plan(Instant due);
  [[nodiscard]] SimConnection* find(ConnectionId id) const;
  SimConnection& add(Entry connection);

  SimQueue& queue_;
  SimNet& net_;
  HostId host_;
  Random random_;
  Config config_;
  quic::Handler& handler_;
  SocketAddress local_;
  std::uint64_t next_id_ = 1;
  std::unordered_map<std::uint64_t, Entry> connections_;
  std::unordered_map<ConnectionId, SimConnection*> by_id_;
  std::unordered_map<std::uint64_t, SimConnection*> by_initial_;  ///< accepted ones, by the id of the client
  std::vector<std::pair<Instant, std::uint64_t>> retired_;
  std::optional<Instant> planned_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  Alarm alarm_;
};

}  // namespace wzp::sim
