#pragma once

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "wzp/net/clock.hpp"
#include "wzp/net/loop.hpp"
#include "wzp/net/random.hpp"
#include "wzp/quic/endpoint.hpp"

namespace wzp::quic::test {

using namespace std::chrono_literals;

inline SocketAddress loopback(std::uint16_t port = 0) { return {IpAddress::v4(127, 0, 0, 1), port}; }

/// One loop for all endpoints of a test.
struct World {
  std::unique_ptr<net::Loop> loop = std::move(*net::Loop::create());

  /// Turns until `done`; false when `limit` has passed first.
  bool run_until(const std::function<bool()>& done, Duration limit = 10s) {
    const auto end = net::now() + limit;
    while (!done()) {
      const auto left = end - net::now();
      if (left <= Duration{0}) return false;
      loop->turn(std::min<Duration>(left, 20ms));
    }
    return true;
  }
  void run_for(Duration time) {
    run_until([] { return false; }, time);
  }
};

/// An endpoint that writes down what happens to it.
struct Node : Handler {
  struct Seen {
    std::optional<ConnectionInfo> info;
    std::optional<CloseInfo> closed;
    int closed_count = 0;
    std::map<StreamId, Bytes> partial;
    std::vector<std::string> messages;  ///< complete ones, in the order of their ends
    std::vector<StreamId> streams;      ///< their streams
    std::vector<StreamId> resets;
    std::vector<StreamId> acked;
    std::vector<StreamId> refused;
    std::vector<std::string> datagrams;
    std::vector<DatagramTag> tags_acked;
    std::vector<SocketAddress> moves;
  };

  Node(World& at, EndpointConfig config) : world{at} {
    auto opened = Endpoint::open(std::move(config), *this);
    REQUIRE(opened);
    endpoint = std::move(*opened);
    attach();
  }
  void attach() {
    attachment.reset();
    attachment = std::make_unique<Attachment>(*world.loop, *endpoint);
  }

  void on_connected(ConnectionId id, const ConnectionInfo& info) override {
    auto& seen = all[id];
    CHECK_FALSE(seen.info);
    CHECK_FALSE(seen.closed);
    seen.info = info;
    order.push_back(id);
    if (when_connected) when_connected(id, info);
  }
  void on_closed(ConnectionId id, const CloseInfo& info) override {
    auto& seen = all[id];
    ++seen.closed_count;
    seen.closed = info;
  }
  void on_stream(ConnectionId id, StreamId stream, ByteView data, bool fin) override {
    auto& seen = all[id];
    CHECK(seen.info);
    append(seen.partial[stream], data);
    if (!fin) return;
    seen.messages.emplace_back(text_of(seen.partial[stream]));
    seen.streams.push_back(stream);
    seen.partial.erase(stream);
    if (when_message) when_message(id, seen.messages.back());
  }
  void on_stream_reset(ConnectionId id, StreamId stream) override { all[id].resets.push_back(stream); }
  void on_datagram(ConnectionId id, ByteView data) override {
    all[id].datagrams.emplace_back(text_of(data));
    if (when_datagram) when_datagram(id, data);
  }
  void on_message_acked(ConnectionId id, StreamId stream) override { all[id].acked.push_back(stream); }
  void on_message_refused(ConnectionId id, StreamId stream) override { all[id].refused.push_back(stream); }
  void on_datagram_acked(ConnectionId id, DatagramTag tag) override { all[id].tags_acked.push_back(tag); }
  void on_path_changed(ConnectionId id, const SocketAddress& remote) override { all[id].moves.push_back(remote); }
  void on_punch(const SocketAddress&, ByteView data) override { punches.emplace_back(text_of(data)); }
  void on_foreign_packet(ForeignPacket&& packet) override {
    if (when_foreign) when_foreign(std::move(packet));
  }

  ConnectionId dial(const SocketAddress& remote, const std::string& name = "_signal") {
    return dial(DialOptions{.remote = remote, .server_name = name});
  }
  ConnectionId dial(const DialOptions& options) {
    const auto id = endpoint->dial(options, net::now());
    REQUIRE(id);
    return *id;
  }
  [[nodiscard]] bool connected(ConnectionId id) { return all[id].info.has_value(); }
  [[nodiscard]] bool closed(ConnectionId id) { return all[id].closed.has_value(); }
  [[nodiscard]] const SocketAddress& address() const { return endpoint->local(); }

  World& world;
  std::unique_ptr<Endpoint> endpoint;
  std::unique_ptr<Attachment> attachment;
  std::map<ConnectionId, Seen> all;
  std::vector<ConnectionId> order;  ///< in which connections became usable
  std::vector<std::string> punches;
  std::function<void(ConnectionId, const ConnectionInfo&)> when_connected;
  std::function<void(ConnectionId, const std::string&)> when_message;
  std::function<void(ConnectionId, ByteView)> when_datagram;
  std::function<void(ForeignPacket&&)> when_foreign;
};

inline const Credentials& some_credentials() {
  static const Credentials credentials = std::move(*fresh_credentials());
  return credentials;
}

inline EndpointConfig server_config() {
  EndpointConfig config;
  config.bind = loopback();
  config.credentials = some_credentials();
  config.accept_inbound = true;
  config.reset_key = net::random_secret<32>();
  config.token_key = net::random_secret<32>();
  return config;
}

inline EndpointConfig client_config() {
  EndpointConfig config;
  config.bind = loopback();
  return config;
}

/// A server and a client with a usable connection.
struct Pair {
  World world;
  Node server;
  Node client;
  ConnectionId near;  ///< the client's name for it
  ConnectionId far;   ///< the server's

  explicit Pair(EndpointConfig serving = server_config(), EndpointConfig dialling = client_config(),
                const std::string& name = "_signal")
      : server{world, std::move(serving)},
        client{world, std::move(dialling)},
        near{client.dial(server.address(), name)} {
    REQUIRE(world.run_until([&] { return client.connected(near) && server.order.size() == 1; }));
    far = server.order.front();
  }
  Node::Seen& at_client() { return client.all[near]; }
  Node::Seen& at_server() { return server.all[far]; }
};

}  // namespace wzp::quic::test
