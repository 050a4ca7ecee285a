#include <catch2/generators/catch_generators.hpp>

#include "support.hpp"

using namespace wzp;
using namespace wzp::quic;
using namespace wzp::quic::test;

TEST_CASE("a dialled connection becomes usable on both sides", "[quic]") {
  Pair pair;
  const auto& near = *pair.at_client().info;
  const auto& far = *pair.at_server().info;
  CHECK_FALSE(near.inbound);
  CHECK(far.inbound);
  CHECK(near.remote == pair.server.address());
  CHECK(far.remote == pair.client.address());
  CHECK(far.local == pair.server.address());
  CHECK(near.peer_certificate == fingerprint_of(some_credentials().certificate));
  CHECK_FALSE(far.peer_certificate);
  CHECK(pair.server.endpoint->stats().accepted == 1);
  CHECK(pair.server.endpoint->stats().half_open == 0);
}

TEST_CASE("two endpoints dial each other on one socket each", "[quic]") {
  World world;
  Node a{world, server_config()};
  Node b{world, server_config()};
  const auto ab = a.dial(b.address());
  const auto ba = b.dial(a.address());
  REQUIRE(world.run_until([&] { return a.order.size() == 2 && b.order.size() == 2; }));
  CHECK(a.connected(ab));
  CHECK(b.connected(ba));
  REQUIRE(a.endpoint->send_message(ab, bytes_of("from a")));
  REQUIRE(b.endpoint->send_message(ba, bytes_of("from b")));
  const auto got = [](Node& node, const std::string& text) {
    return std::any_of(node.all.begin(), node.all.end(), [&](const auto& c) {
      return std::find(c.second.messages.begin(), c.second.messages.end(), text) != c.second.messages.end();
    });
  };
  CHECK(world.run_until([&] { return got(a, "from b") && got(b, "from a"); }));
}

TEST_CASE("the server name arrives byte for byte", "[quic]") {
  const std::string name =
      GENERATE("_signal", "_Federation-Not", "call-0123", "call-call-abc", "Room.Name.", "192.0.2.1", "");
  Pair pair{server_config(), client_config(), name};
  CHECK(pair.at_server().info->server_name == name);
  CHECK(pair.at_client().info->server_name == name);
}

TEST_CASE("a client that speaks another protocol, or names none, is refused with 0x178", "[quic]") {
  const std::string alpn = GENERATE("h3", "wz", "wzp2", "");
  World world;
  Node server{world, server_config()};
  auto config = client_config();
  config.alpn = alpn;
  Node client{world, config};
  const auto id = client.dial(server.address());
  REQUIRE(world.run_until([&] { return client.closed(id); }));
  const auto& closed = *client.all[id].closed;
  CHECK(closed.kind == CloseKind::HandshakeFailed);
  CHECK(closed.by_peer);
  CHECK(closed.code == 0x178);
  CHECK(server.order.empty());
  CHECK(world.run_until([&] { return server.endpoint->stats().connections == 0; }));
}

TEST_CASE("another certificate than the pinned one ends the handshake", "[quic]") {
  World world;
  Node server{world, server_config()};
  Node client{world, client_config()};
  auto wrong = fingerprint_of(some_credentials().certificate);
  wrong.bytes[31] ^= 1;
  const auto bad = client.dial({.remote = server.address(), .server_name = "_federation-x", .pinned = wrong});
  const auto good = client.dial(
      {.remote = server.address(), .server_name = "_signal", .pinned = fingerprint_of(some_credentials().certificate)});
  REQUIRE(world.run_until([&] { return client.closed(bad) && client.connected(good); }));
  CHECK(client.all[bad].closed->kind == CloseKind::PinMismatch);
  CHECK(client.all[bad].closed->peer_certificate == fingerprint_of(some_credentials().certificate));
  CHECK_FALSE(client.connected(bad));
  CHECK(world.run_until([&] { return server.endpoint->stats().connections == 1; }));
}

TEST_CASE("a client certificate is demanded for the configured names alone", "[quic]") {
  const auto [name, demanded] = GENERATE(table<std::string, bool>({{"_federation", true},
                                                                   {"_FEDERATION", true},
                                                                   {"_federation.", true},
                                                                   {"_signal", false},
                                                                   {"federation", false}}));
  World world;
  Node server{world, server_config()};
  Node client{world, client_config()};
  const auto mine = *fresh_credentials();
  const auto with = client.dial({.remote = server.address(), .server_name = name, .certificate = mine});
  REQUIRE(world.run_until([&] { return client.connected(with) && server.order.size() == 1; }));
  const auto& info = *server.all[server.order.front()].info;
  if (demanded) {
    CHECK(info.peer_certificate == fingerprint_of(mine.certificate));
  } else {
    CHECK_FALSE(info.peer_certificate);
  }

  const auto without = client.dial({.remote = server.address(), .server_name = name});
  if (demanded) {
    REQUIRE(world.run_until([&] { return client.closed(without); }));
    CHECK(client.all[without].closed->kind == CloseKind::CertificateRefused);
    CHECK(client.all[without].closed->code == 0x174);
    CHECK(server.order.size() == 1);
  } else {
    CHECK(world.run_until([&] { return client.connected(without) && server.order.size() == 2; }));
  }
}

TEST_CASE("where a certificate is optional, it is asked for, and who has none comes in", "[quic]") {
  World world;
  auto config = server_config();
  config.certificate_optional = true;
  Node server{world, std::move(config)};
  Node client{world, client_config()};
  const auto mine = *fresh_credentials();
  const auto with = client.dial({.remote = server.address(), .server_name = "_federation", .certificate = mine});
  REQUIRE(world.run_until([&] { return client.connected(with) && server.order.size() == 1; }));
  CHECK(server.all[server.order.front()].info->peer_certificate == fingerprint_of(mine.certificate));
  const auto without = client.dial({.remote = server.address(), .server_name = "_federation"});
  REQUIRE(world.run_until([&] { return client.connected(without) && server.order.size() == 2; }));
  CHECK_FALSE(server.all[server.order.back()].info->peer_certificate);
}

TEST_CASE("both ends read the same exporter values, one per label and connection", "[quic]") {
  Pair pair;
  const auto other = pair.client.dial(pair.server.address());
  REQUIRE(pair.world.run_until([&] { return pair.client.connected(other); }));
  const auto near = pair.client.endpoint->exporter(pair.near, "wzp register");
  const auto far = pair.server.endpoint->exporter(pair.far, "wzp register");
  REQUIRE(near);
  REQUIRE(far);
  CHECK(*near == *far);
  CHECK(*near != *pair.client.endpoint->exporter(pair.near, "wzp room"));
  CHECK(*near != *pair.client.endpoint->exporter(other, "wzp register"));
  CHECK(pair.client.endpoint->exporter(pair.near, "else").error().code == Errc::NotFound);
}

TEST_CASE("an answer that never comes ends the dial in time", "[quic][timeout]") {
  World world;
  Node client{world, client_config()};
  const auto silent = net::UdpSocket::open(loopback());
  REQUIRE(silent);
  const auto id =
      client.dial({.remote = silent->local(), .server_name = "x", .initial_rtt = 50ms, .handshake_timeout = 300ms});
  const auto start = net::now();
  REQUIRE(world.run_until([&] { return client.closed(id); }, 3s));
  CHECK(net::now() - start >= 290ms);
  CHECK(client.all[id].closed->kind == CloseKind::HandshakeTimeout);
  CHECK(client.all[id].closed_count == 1);
  CHECK(client.endpoint->stats().connections == 0);
}

TEST_CASE("an endpoint that does not accept is silent", "[quic]") {
  World world;
  Node server{world, server_config()};
  server.endpoint->accept_inbound(false);
  Node client{world, client_config()};
  const auto id = client.dial({.remote = server.address(), .server_name = "x", .handshake_timeout = 200ms});
  REQUIRE(world.run_until([&] { return client.closed(id); }, 3s));
  CHECK(client.all[id].closed->kind == CloseKind::HandshakeTimeout);
  CHECK(server.endpoint->socket_counters().sent == 0);

  server.endpoint->accept_inbound(true);
  const auto again = client.dial(server.address());
  CHECK(world.run_until([&] { return client.connected(again); }));
}

TEST_CASE("a dual-stack socket shows IPv4 peers with IPv4 addresses [H-22]", "[quic][H-22]") {
  World world;
  auto config = server_config();
  config.bind = {*IpAddress::parse("::"), 0};
  config.socket.v6_only = false;
  Node server{world, config};
  Node four{world, client_config()};
  auto six_config = client_config();
  six_config.bind = {*IpAddress::parse("::1"), 0};
  Node six{world, six_config};
  const auto a = four.dial(loopback(server.address().port));
  const auto b = six.dial(SocketAddress{*IpAddress::parse("::1"), server.address().port});
  REQUIRE(world.run_until([&] { return four.connected(a) && six.connected(b) && server.order.size() == 2; }));
  for (const auto id : server.order) {
    const auto& info = *server.all[id].info;
    CHECK((info.remote == four.address() || info.remote == six.address()));
    CHECK(info.local.ip.is_loopback());
    CHECK(info.local.ip.is_v4() == info.remote.ip.is_v4());
  }
}

TEST_CASE("a dial to the other address family fails at once", "[quic]") {
  World world;
  Node client{world, client_config()};
  const auto dial = [&](const char* remote) {
    const auto result =
        client.endpoint->dial({.remote = *SocketAddress::parse(remote), .server_name = "x"}, net::now());
    return result ? Errc::Internal : result.error().code;
  };
  CHECK(dial("[::1]:4433") == Errc::Unsupported);
  CHECK(dial("127.0.0.1:0") == Errc::Unsupported);
}

TEST_CASE("an endpoint that accepts needs a certificate and its key", "[quic]") {
  struct Quiet : Handler {
    void on_connected(ConnectionId, const ConnectionInfo&) override {}
    void on_closed(ConnectionId, const CloseInfo&) override {}
    void on_stream(ConnectionId, StreamId, ByteView, bool) override {}
  } handler;
  EndpointConfig config;
  config.bind = loopback();
  config.accept_inbound = true;
  CHECK(Endpoint::open(config, handler).error().code == Errc::BadConfig);
  config.credentials = Credentials{some_credentials().certificate, fresh_credentials()->key};
  CHECK(Endpoint::open(config, handler).error().code == Errc::BadKey);
  config.credentials = Credentials{Bytes{1, 2, 3}, some_credentials().key};
  CHECK(Endpoint::open(config, handler).error().code == Errc::BadKey);
}
