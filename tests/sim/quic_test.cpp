#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <algorithm>
#include <map>

#include "support/sim_quic.hpp"

using namespace wzp;
using namespace wzp::sim;
using namespace std::chrono_literals;

namespace {

/// Notes what an endpoint says.
struct Notes final : quic::Handler {
  std::vector<ConnectionId> connected;
  std::vector<quic::ConnectionInfo> infos;
  std::vector<quic::CloseInfo> closed;
  std::map<quic::StreamId, std::string> messages;
  std::vector<quic::StreamId> finished;
  std::vector<std::string> datagrams;
  std::vector<quic::DatagramTag> tags;
  std::size_t acked = 0;
  std::vector<SocketAddress> moves;

  void on_connected(ConnectionId id, const quic::ConnectionInfo& info) override {
    connected.push_back(id);
    infos.push_back(info);
  }
  void on_closed(ConnectionId, const quic::CloseInfo& info) override { closed.push_back(info); }
  void on_stream(ConnectionId, quic::StreamId stream, ByteView data, bool fin) override {
    messages[stream] += text_of(data);
    if (fin) finished.push_back(stream);
  }
  void on_datagram(ConnectionId, ByteView data) override { datagrams.emplace_back(text_of(data)); }
  void on_datagram_acked(ConnectionId, quic::DatagramTag tag) override { tags.push_back(tag); }
  void on_message_acked(ConnectionId, quic::StreamId) override { ++acked; }
  void on_path_changed(ConnectionId, const SocketAddress& remote) override { moves.push_back(remote); }
};

constexpr RelayFingerprint kServerCertificate{{1, 2, 3}};

struct Pair {
  SimQueue queue;
  SimNet net{queue, Random{5}};
  SiteId client_site;
  SiteId server_site;
  HostId client_host;
  HostId server_host;
  Notes at_client;
  Notes at_server;
  std::unique_ptr<SimEndpoint> client;
  std::unique_ptr<SimEndpoint> server;

  explicit Pair(std::optional<NatType> nat = {}, const LinkQuality& quality = {})
      : client_site{net.add_site(IpAddress::v4(45, 0, 0, 1), nat, quality)},
        server_site{net.add_site(IpAddress::v4(45, 0, 0, 2), {}, quality)},
        client_host{net.add_host(client_site)},
        server_host{net.add_host(server_site)} {
    client = std::make_unique<SimEndpoint>(queue, net, client_host, Random{1}, SimEndpoint::Config{.owner = 1, .reset_key = 11}, at_client);
    start_server(2);
  }
  void start_server(std::uint64_t seed) {
    server = std::make_unique<SimEndpoint>(queue, net, server_host, Random{seed},
                                           SimEndpoint::Config{.owner = 2, .port = 4433, .certificate = kServerCertificate, .reset_key = 22}, at_server);
  }
  ConnectionId dial(SimEndpoint::DialOptions options = {}) {
    options.remote = server->local();
    if (options.server_name.empty()) options.server_name = "_signal";
    return client->dial(options);
  }
  ConnectionId join() {
    const auto id = dial();
    queue.run_for(1s);
    return id;
  }
};

Bytes text(const std::string& t) { return {t.begin(), t.end()}; }

}  // namespace

TEST_CASE("a connection takes round trips, and both ends agree on its secrets", "[sim]") {
  Pair p;
  const auto began = p.queue.now();
  const auto id = p.dial();
  while (p.at_server.connected.empty()) REQUIRE(p.queue.step(began + 5s));
  CHECK(p.queue.now() - began == 60ms);  // three one-way trips of twice 10 ms
  REQUIRE(p.at_client.connected == std::vector{id});
  CHECK(p.at_server.infos[0].server_name == "_signal");
  CHECK(p.at_server.infos[0].remote == p.client->local());
  CHECK(p.at_client.infos[0].peer_certificate == kServerCertificate);
  const auto there = p.at_server.connected[0];
  CHECK(p.client->exporter(id, "x") == p.server->exporter(there, "x"));
  CHECK(p.client->exporter(id, "x") != p.client->exporter(id, "y"));
  const auto second = p.join();
  CHECK(p.client->exporter(id, "x") != p.client->exporter(second, "x"));
  CHECK(p.client->peer_owner(id) == 2);
  CHECK(p.server->peer_owner(there) == 1);
}

TEST_CASE("a handshake survives loss and is given up after ten seconds", "[sim]") {
  Pair p;
  p.net.isolate(p.server_site, true);
  p.dial();
  SECTION("the network comes back in time") {
    p.queue.run_for(4s);
    p.net.heal();
    p.queue.run_for(5s);
    CHECK(p.at_client.connected.size() == 1);
    CHECK(p.at_server.connected.size() == 1);
  }
  SECTION("it does not") {
    p.queue.run_for(9900ms);
    CHECK(p.at_client.closed.empty());
    p.queue.run_for(200ms);
    REQUIRE(p.at_client.closed.size() == 1);
    CHECK(p.at_client.closed[0].kind == quic::CloseKind::HandshakeTimeout);
  }
}

TEST_CASE("certificates are pinned and demanded", "[sim]") {
  Pair p;
  SECTION("the right one") {
    p.dial({.remote = {}, .server_name = "_federation", .certificate = RelayFingerprint{{9}}, .pinned = kServerCertificate});
    p.queue.run_for(1s);
    REQUIRE(p.at_server.infos.size() == 1);
    CHECK(p.at_server.infos[0].peer_certificate == RelayFingerprint{{9}});
    CHECK(p.at_client.connected.size() == 1);
  }
  SECTION("another server") {
    p.dial({.remote = {}, .server_name = "_signal", .pinned = RelayFingerprint{{7}}});
    p.queue.run_for(1s);
    REQUIRE(p.at_client.closed.size() == 1);
    CHECK(p.at_client.closed[0].kind == quic::CloseKind::PinMismatch);
    CHECK(p.at_server.connected.empty());
  }
  SECTION("none where one is demanded") {
    p.dial({.remote = {}, .server_name = "_federation"});
    p.queue.run_for(1s);
    REQUIRE(p.at_client.closed.size() == 1);
    CHECK(p.at_client.closed[0].kind == quic::CloseKind::CertificateRefused);
    CHECK(p.at_client.connected.empty());
    CHECK(p.at_server.connected.empty());
  }
}

TEST_CASE("messages arrive whole and once on a bad network, streams in any order, datagrams at most once", "[sim]") {
  Pair p{{}, {.delay = 20ms, .jitter = 5ms, .loss = 0.1, .duplicate = 0.1, .reorder = 0.3}};
  const auto id = p.dial();
  p.queue.run_for(5s);
  REQUIRE(p.at_server.connected.size() == 1);
  for (int i = 0; i < 200; ++i) {
    REQUIRE(p.client->send_message(id, text(std::to_string(i) + std::string(static_cast<std::size_t>(i * 20), 'x'))));
    REQUIRE(p.client->send_datagram(id, text(std::to_string(i))));
    p.queue.run_for(20ms);
  }
  p.queue.run_for(10s);
  CHECK(p.at_server.messages.size() == 200);
  for (const auto& [stream, message] : p.at_server.messages) {
    const auto i = stream / 4;
    CHECK(message == std::to_string(i) + std::string(i * 20, 'x'));
  }
  CHECK(p.at_server.finished.size() == 200);
  CHECK_FALSE(std::is_sorted(p.at_server.finished.begin(), p.at_server.finished.end()));
  CHECK(p.at_client.acked == 200);
  CHECK(p.client->outgoing_messages(id) == 0);
  auto& datagrams = p.at_server.datagrams;
  CHECK(datagrams.size() < 190);
  CHECK(datagrams.size() > 120);
  std::sort(datagrams.begin(), datagrams.end());
  CHECK(std::adjacent_find(datagrams.begin(), datagrams.end()) == datagrams.end());
}

TEST_CASE("a tagged datagram is acknowledged when it arrived", "[sim]") {
  Pair p;
  const auto id = p.join();
  REQUIRE(p.client->send_datagram(id, text("a"), 1));
  p.queue.run_for(1s);
  CHECK(p.at_client.tags == std::vector<quic::DatagramTag>{1});
  p.net.isolate(p.server_site, true);
  REQUIRE(p.client->send_datagram(id, text("b"), 2));
  p.queue.run_for(1s);
  p.net.heal();
  p.queue.run_for(5s);
  CHECK(p.at_client.tags.size() == 1);
}

TEST_CASE("a silent peer is given up after thirty seconds, a living one never", "[sim]") {
  Pair p;
  p.join();
  p.queue.run_for(300s);
  CHECK(p.at_client.closed.empty());
  CHECK(p.at_server.closed.empty());
  p.server.reset();
  p.net.isolate(p.server_site, true);
  p.queue.run_for(24s);
  CHECK(p.at_client.closed.empty());
  p.queue.run_for(12s);
  REQUIRE(p.at_client.closed.size() == 1);
  CHECK(p.at_client.closed[0].kind == quic::CloseKind::IdleTimeout);
}

TEST_CASE("a restarted server says so at the first packet", "[sim]") {
  Pair p;
  const auto id = p.join();
  p.server.reset();
  p.start_server(3);
  p.queue.run_for(1s);
  CHECK(p.at_client.closed.empty());
  REQUIRE(p.client->send_message(id, text("hello")));
  p.queue.run_for(100ms);
  REQUIRE(p.at_client.closed.size() == 1);
  CHECK(p.at_client.closed[0].kind == quic::CloseKind::Reset);
}

TEST_CASE("closing tells the code, after what was sent before when asked so", "[sim]") {
  Pair p;
  const auto id = p.join();
  REQUIRE(p.client->send_message(id, text("last words")));
  SECTION("at once") { p.client->close(id, 0x11, "why"); }
  SECTION("when sent") { p.client->close_when_sent(id, 0x11, "why"); }
  CHECK_FALSE(p.client->send_message(id, text("more")));
  p.queue.run_for(1s);
  REQUIRE(p.at_server.closed.size() == 1);
  CHECK(p.at_server.closed[0].kind == quic::CloseKind::Application);
  CHECK(p.at_server.closed[0].code == 0x11);
  CHECK(p.at_server.messages[0] == "last words");
  REQUIRE(p.at_client.closed.size() == 1);
  CHECK(p.at_client.closed[0].kind == quic::CloseKind::Local);
}

TEST_CASE("closing lingers for half a second at most", "[sim]") {
  Pair p;
  const auto id = p.join();
  p.net.isolate(p.server_site, true);
  REQUIRE(p.client->send_message(id, text("unheard")));
  p.client->close_when_sent(id, 0, "");
  p.queue.run_for(450ms);
  CHECK(p.at_client.closed.empty());
  p.queue.run_for(100ms);
  CHECK(p.at_client.closed.size() == 1);
}

TEST_CASE("a client whose NAT forgets it keeps its connections", "[sim]") {
  Pair p{kPortRestrictedCone};
  const auto id = p.join();
  REQUIRE(p.at_server.infos.size() == 1);
  const auto before = p.at_server.infos[0].remote;
  p.net.rebind_nat(p.client_site);
  REQUIRE(p.client->send_message(id, text("still here")));
  p.queue.run_for(1s);
  REQUIRE(p.at_server.moves.size() == 1);
  CHECK(p.at_server.moves[0] != before);
  REQUIRE(p.server->send_message(p.at_server.connected[0], text("so are we")));
  p.queue.run_for(1s);
  CHECK(p.at_client.messages.size() == 1);
  CHECK(p.at_client.closed.empty());
}

TEST_CASE("the queue of messages is bounded", "[sim]") {
  Pair p;
  const auto id = p.join();
  p.net.isolate(p.server_site, true);
  for (int i = 0; i < 256; ++i) REQUIRE(p.client->send_message(id, text("x")));
  const auto more = p.client->send_message(id, text("x"));
  REQUIRE_FALSE(more);
  CHECK(more.error().code == Errc::LimitReached);
}
