#include <catch2/generators/catch_generators.hpp>

#include <random>

#include "support.hpp"
#include "wzp/net/udp_socket.hpp"

using namespace wzp;
using namespace wzp::quic;
using namespace wzp::quic::test;

namespace {

net::UdpSocket plain_socket() { return std::move(*net::UdpSocket::open(loopback(), {.offload = false})); }

void send(net::UdpSocket& from, const SocketAddress& to, ByteView bytes) {
  const net::Train train{.remote = to, .bytes = bytes};
  from.send({&train, 1});
}

/// First packets of real dials, as they leave an endpoint.
std::vector<Bytes> first_packets(World& world, std::size_t count) {
  auto sink = plain_socket();
  std::vector<Bytes> out;
  std::vector<std::unique_ptr<Node>> clients;
  while (out.size() < count) {
    clients.push_back(std::make_unique<Node>(world, client_config()));
    clients.back()->dial(sink.local());
    clients.back()->endpoint->flush(net::now());
    for (const auto& d : sink.receive()) out.emplace_back(d.bytes.begin(), d.bytes.end());
  }
  return out;
}

}  // namespace

TEST_CASE("under load newcomers prove their address by Retry", "[quic]") {
  auto config = server_config();
  config.retry_threshold = 0;
  Pair pair{config};
  CHECK(pair.server.endpoint->stats().retries_sent == 1);
  REQUIRE(pair.client.endpoint->send_message(pair.near, bytes_of("hello")));
  CHECK(pair.world.run_until([&] { return pair.at_server().messages.size() == 1; }));
}

TEST_CASE("a token of another server, or of another time, is no proof", "[quic]") {
  World world;
  auto config = server_config();
  config.retry_threshold = 0;
  auto server = std::make_unique<Node>(world, config);
  config.bind = server->address();
  // The client speaks to the first server until it has its token, and then finds a second one in its place.
  Node client{world, client_config()};
  const auto id = client.dial(server->address());
  client.endpoint->flush(net::now());
  REQUIRE(world.run_until([&] { return server->endpoint->stats().retries_sent == 1; }));
  REQUIRE_FALSE(client.connected(id));  // the Retry waits in its socket
  server = nullptr;
  config.token_key = net::random_secret<32>();
  server = std::make_unique<Node>(world, config);
  REQUIRE(world.run_until([&] { return client.closed(id); }));
  CHECK(client.all[id].closed->kind == CloseKind::Transport);
  CHECK(client.all[id].closed->code == 0x0b);  // INVALID_TOKEN
}

TEST_CASE("half-open handshakes neither delay nor lock out a real client [H-27]", "[quic][H-27]") {
  World world;
  Node server{world, server_config()};
  auto packets = first_packets(world, 50);
  auto attacker = plain_socket();
  for (const auto& packet : packets) send(attacker, server.address(), packet);
  REQUIRE(world.run_until([&] {
    const auto stats = server.endpoint->stats();
    return stats.half_open + stats.retries_sent >= 50;
  }));
  // One address does not get more than half of its share without proof.
  CHECK(server.endpoint->stats().half_open == 32);
  Node client{world, client_config()};
  const auto start = net::now();
  const auto id = client.dial(server.address());
  REQUIRE(world.run_until([&] { return client.connected(id); }));
  CHECK(net::now() - start < 1s);
}

TEST_CASE("half-open handshakes end with the handshake timeout", "[quic][timeout]") {
  World world;
  auto config = server_config();
  config.handshake_timeout = 200ms;
  Node server{world, config};
  auto attacker = plain_socket();
  for (const auto& packet : first_packets(world, 5)) send(attacker, server.address(), packet);
  REQUIRE(world.run_until([&] { return server.endpoint->stats().half_open == 5; }));
  CHECK(world.run_until([&] { return server.endpoint->stats().connections == 0; }));
  CHECK(server.endpoint->stats().half_open == 0);
  CHECK(server.all.empty());  // nobody was told of what never was
}

TEST_CASE("connections are bounded in all and per address", "[quic]") {
  auto config = server_config();
  const bool per_ip = GENERATE(true, false);
  (per_ip ? config.max_per_ip : config.max_connections) = 3;
  World world;
  Node server{world, config};
  Node client{world, client_config()};
  for (std::size_t i = 0; i < 3; ++i) {
    client.dial(server.address());
    REQUIRE(world.run_until([&] { return client.order.size() == i + 1 && server.order.size() == i + 1; }));
  }
  const auto refused = client.dial(server.address());
  REQUIRE(world.run_until([&] { return client.closed(refused); }));
  CHECK(client.all[refused].closed->kind == CloseKind::Transport);
  CHECK(client.all[refused].closed->code == 0x02);  // CONNECTION_REFUSED
  CHECK(server.endpoint->stats().refused == 1);
  // A place that becomes free can be had.
  client.endpoint->close(client.order.front(), 0, "");
  REQUIRE(world.run_until([&] { return server.endpoint->stats().connections == 2; }));
  const auto next = client.dial(server.address());
  CHECK(world.run_until([&] { return client.connected(next); }));
}

TEST_CASE("an unknown version is answered with the one we speak", "[quic]") {
  World world;
  Node server{world, server_config()};
  auto socket = plain_socket();
  Bytes packet(1200, 0);
  packet[0] = 0xc3;
  packet[1] = 0xba;  // version 0xba000001
  packet[4] = 1;
  packet[5] = 8;   // destination id
  packet[14] = 8;  // source id
  for (std::size_t i = 0; i < 8; ++i) packet[15 + i] = static_cast<std::uint8_t>(i + 1);
  send(socket, server.address(), packet);
  Bytes answer;
  REQUIRE(world.run_until([&] {
    for (const auto& d : socket.receive()) answer.assign(d.bytes.begin(), d.bytes.end());
    return !answer.empty();
  }));
  REQUIRE(answer.size() == 1 + 4 + 1 + 8 + 1 + 8 + 4);
  CHECK(Bytes(answer.begin() + 1, answer.begin() + 5) == Bytes{0, 0, 0, 0});
  CHECK(Bytes(answer.begin() + 6, answer.begin() + 14) == Bytes{1, 2, 3, 4, 5, 6, 7, 8});
  CHECK(Bytes(answer.end() - 4, answer.end()) == Bytes{0, 0, 0, 1});
  // A short one gets no answer: it could be used to send more to a third party.
  packet.resize(400);
  send(socket, server.address(), packet);
  world.run_for(20ms);
  CHECK(socket.receive().empty());
}

TEST_CASE("noise of any kind harms nobody", "[quic][hostile]") {
  World world;
  Node server{world, server_config()};
  Node client{world, client_config()};
  const auto id = client.dial(server.address());
  REQUIRE(world.run_until([&] { return client.connected(id) && server.order.size() == 1; }));

  auto attacker = plain_socket();
  std::mt19937 random{20'260'731};
  const auto byte = [&] { return static_cast<std::uint8_t>(random()); };
  const auto initials = first_packets(world, 8);
  for (int round = 0; round < 3000; ++round) {
    Bytes packet;
    if (round % 3 == 0) {
      packet.resize(random() % 1500);
      std::generate(packet.begin(), packet.end(), byte);
    } else {
      packet = initials[random() % initials.size()];
      for (auto flips = random() % 4 + 1; flips > 0; --flips) {
        // Headers are more interesting than ciphertext.
        packet[random() % (round % 2 ? 64 : packet.size())] ^= static_cast<std::uint8_t>(1U << (random() % 8));
      }
      if (round % 5 == 0) packet.resize(random() % packet.size());
    }
    send(attacker, server.address(), packet);
    send(attacker, client.address(), packet);
    if (round % 16 == 0) world.loop->turn(0ms);
  }
  world.run_for(50ms);
  REQUIRE(client.endpoint->send_message(id, bytes_of("calm")));
  REQUIRE(world.run_until([&] { return !server.all[server.order.front()].messages.empty(); }));
  CHECK(server.order.size() == 1);
  CHECK(server.endpoint->stats().half_open <= 32);
}

TEST_CASE("packets of a connection that were changed on the way are ignored", "[quic][hostile]") {
  World world;
  auto config = server_config();
  config.prefer_aes = GENERATE(true, false);
  Node server{world, config};
  Node client{world, client_config()};
  // A man in the middle that damages every third packet.
  auto inside = plain_socket();
  auto outside = plain_socket();
  SocketAddress near;
  int count = 0;
  const auto pass = [&](net::UdpSocket& to, const SocketAddress& where, ByteView bytes) {
    Bytes copy{bytes.begin(), bytes.end()};
    if (++count % 3 == 0) copy[copy.size() / 2] ^= 0x55;
    send(to, where, copy);
  };
  REQUIRE(world.loop->watch(inside.fd(), [&](Instant) {
    for (const auto& d : inside.receive()) {
      near = d.remote;
      pass(outside, server.address(), d.bytes);
    }
  }));
  REQUIRE(world.loop->watch(outside.fd(), [&](Instant) {
    for (const auto& d : outside.receive()) pass(inside, near, d.bytes);
  }));
  const auto id = client.dial(DialOptions{.remote = inside.local(), .server_name = "x", .initial_rtt = 20ms});
  REQUIRE(world.run_until([&] { return client.connected(id); }));
  for (int i = 0; i < 50; ++i) REQUIRE(client.endpoint->send_message(id, bytes_of(std::to_string(i))));
  REQUIRE(world.run_until([&] { return client.all[id].acked.size() == 50; }, 20s));
  CHECK(server.all[server.order.front()].messages.size() == 50);
  world.loop->unwatch(inside.fd());
  world.loop->unwatch(outside.fd());
}
