#include <catch2/generators/catch_generators.hpp>

#include "support.hpp"

using namespace wzp;
using namespace wzp::quic;
using namespace wzp::quic::test;

TEST_CASE("the peer sees code and reason of a close, and we see our own", "[quic]") {
  const auto code = GENERATE(0UL, 0x10UL, 0x1aUL, 0x3fff'ffffUL);
  Pair pair;
  pair.server.endpoint->close(pair.far, code, "replaced");
  REQUIRE(pair.world.run_until([&] { return pair.client.closed(pair.near) && pair.server.closed(pair.far); }));
  CHECK(pair.at_client().closed->kind == CloseKind::Application);
  CHECK(pair.at_client().closed->by_peer);
  CHECK(pair.at_client().closed->code == code);
  CHECK(pair.at_client().closed->reason == "replaced");
  CHECK(pair.at_server().closed->kind == CloseKind::Local);
  CHECK(pair.at_server().closed->code == code);
  CHECK(pair.at_client().closed_count == 1);
  CHECK(pair.at_server().closed_count == 1);
  CHECK(pair.client.endpoint->stats().connections == 0);
  CHECK(pair.server.endpoint->stats().connections == 0);
  // Afterwards the id means nothing, and nothing breaks.
  pair.server.endpoint->close(pair.far, 1, "");
  CHECK(pair.server.endpoint->send_message(pair.far, bytes_of("x")).error().code == Errc::NotFound);
  CHECK(pair.server.endpoint->max_datagram_size(pair.far) == 0);
  CHECK_FALSE(pair.server.endpoint->stats(pair.far));
}

TEST_CASE("closing when sent waits for the acknowledgement of what was sent", "[quic]") {
  Pair pair;
  const std::string big(150'000, 'b');
  REQUIRE(pair.client.endpoint->send_message(pair.near, bytes_of(big)));
  REQUIRE(pair.client.endpoint->send_message(pair.near, bytes_of("bye")));
  pair.client.endpoint->close_when_sent(pair.near, 0, "done", net::now());
  CHECK(pair.client.endpoint->send_message(pair.near, bytes_of("late")).error().code == Errc::WrongState);
  REQUIRE(pair.world.run_until([&] { return pair.server.closed(pair.far); }));
  const auto& got = pair.at_server().messages;
  REQUIRE(got.size() == 2);
  CHECK((got[0] == "bye" || got[1] == "bye"));
  CHECK(got[0].size() + got[1].size() == big.size() + 3);
  CHECK(pair.at_client().acked.size() == 2);
  CHECK(pair.at_client().closed->reason == "done");
}

TEST_CASE("closing when sent does not wait for ever", "[quic][timeout]") {
  Pair pair;
  pair.server.attachment.reset();  // the server is deaf from now on
  REQUIRE(pair.client.endpoint->send_message(pair.near, bytes_of("lost")));
  const auto start = net::now();
  pair.client.endpoint->close_when_sent(pair.near, 0, "done", start, 200ms);
  REQUIRE(pair.world.run_until([&] { return pair.client.closed(pair.near); }));
  CHECK(net::now() - start >= 200ms);
  CHECK(net::now() - start < 2s);
  CHECK(pair.at_client().closed->kind == CloseKind::Local);
}

TEST_CASE("a server that closes at once is heard by a client that measures", "[quic]") {
  World world;
  Node server{world, server_config()};
  server.when_connected = [&](ConnectionId id, const ConnectionInfo&) { server.endpoint->close(id, 0, ""); };
  Node client{world, client_config()};
  const auto id = client.dial(server.address(), "ping");
  REQUIRE(world.run_until([&] { return client.closed(id); }));
  CHECK(client.connected(id));
  CHECK(client.all[id].closed->kind == CloseKind::Application);
  CHECK(client.all[id].closed->code == 0);
}

TEST_CASE("a refusal in the first moment keeps its code, also towards a client with a certificate", "[quic]") {
  World world;
  Node server{world, server_config()};
  server.when_connected = [&](ConnectionId id, const ConnectionInfo&) {
    server.endpoint->close(id, 0x13, "not trusted");
  };
  Node client{world, client_config()};
  const auto id =
      client.dial({.remote = server.address(), .server_name = "_federation", .certificate = some_credentials()});
  REQUIRE(world.run_until([&] { return client.closed(id); }));
  CHECK(client.all[id].closed->kind == CloseKind::Application);
  CHECK(client.all[id].closed->code == 0x13);
  CHECK(client.all[id].closed->reason == "not trusted");
}

TEST_CASE("a silent peer is given up after the idle timeout", "[quic][timeout]") {
  auto config = client_config();
  config.idle_timeout = 400ms;
  Pair pair{server_config(), config};
  pair.world.run_for(900ms);  // keep-alives hold it
  CHECK_FALSE(pair.client.closed(pair.near));
  pair.server.attachment.reset();
  const auto start = net::now();
  REQUIRE(pair.world.run_until([&] { return pair.client.closed(pair.near); }, 5s));
  CHECK(net::now() - start >= 250ms);
  CHECK(pair.at_client().closed->kind == CloseKind::IdleTimeout);
  CHECK(pair.at_client().closed_count == 1);
}

TEST_CASE("keep-alives suit the shorter idle timeout of both sides", "[quic][timeout]") {
  auto config = server_config();
  config.idle_timeout = 500ms;
  Pair pair{config};
  pair.world.run_for(1200ms);
  CHECK_FALSE(pair.client.closed(pair.near));
  CHECK_FALSE(pair.server.closed(pair.far));
}

TEST_CASE("a peer that missed our close is told again", "[quic]") {
  Pair pair;
  pair.world.run_for(50ms);
  pair.client.attachment.reset();  // the client does not read while the close passes
  pair.server.endpoint->close(pair.far, 0x18, "shutting down");
  REQUIRE(pair.world.run_until([&] { return pair.server.closed(pair.far); }));
  // What waits for the client is lost with its socket: it moves to another one and asks again.
  REQUIRE(pair.client.endpoint->rebind(loopback(), net::now()));
  pair.client.attach();
  REQUIRE(pair.client.endpoint->send_message(pair.near, bytes_of("are you there?")));
  REQUIRE(pair.world.run_until([&] { return pair.client.closed(pair.near); }));
  CHECK(pair.at_client().closed->code == 0x18);
  CHECK(pair.server.endpoint->stats().resets_sent == 0);
}

TEST_CASE("close_all ends every connection and admits no other", "[quic]") {
  World world;
  Node server{world, server_config()};
  Node client{world, client_config()};
  std::vector<ConnectionId> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(client.dial(server.address()));
  REQUIRE(world.run_until([&] { return server.order.size() == 5 && client.order.size() == 5; }));
  server.endpoint->close_all(0x18, "shutting down");
  REQUIRE(
      world.run_until([&] { return std::all_of(ids.begin(), ids.end(), [&](auto id) { return client.closed(id); }); }));
  for (const auto id : ids) CHECK(client.all[id].closed->code == 0x18);
  const auto late = client.dial({.remote = server.address(), .server_name = "x", .handshake_timeout = 200ms});
  REQUIRE(world.run_until([&] { return client.closed(late); }));
  CHECK_FALSE(client.connected(late));
}

TEST_CASE("a client learns by stateless reset that the server has forgotten it", "[quic]") {
  World world;
  auto config = server_config();
  auto server = std::make_unique<Node>(world, config);
  Node client{world, client_config()};
  const auto id = client.dial(server->address());
  REQUIRE(world.run_until([&] { return client.connected(id) && server->order.size() == 1; }));
  world.run_for(50ms);
  config.bind = server->address();
  server = nullptr;
  const bool same_key = GENERATE(true, false);
  if (!same_key) config.reset_key = net::random_secret<32>();
  server = std::make_unique<Node>(world, config);
  REQUIRE(
      client.endpoint->send_message(id, bytes_of("still there? more than forty-three bytes it takes to be answered")));
  if (same_key) {
    REQUIRE(world.run_until([&] { return client.closed(id); }));
    CHECK(client.all[id].closed->kind == CloseKind::Reset);
  } else {
    // A reset that anybody could have made means nothing.
    REQUIRE(world.run_until([&] { return server->endpoint->stats().resets_sent > 0; }));
    world.run_for(50ms);
    CHECK_FALSE(client.closed(id));
  }
}
