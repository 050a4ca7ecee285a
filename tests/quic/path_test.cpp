#include <catch2/generators/catch_generators.hpp>

#include "support.hpp"
#include "wzp/net/udp_socket.hpp"

using namespace wzp;
using namespace wzp::quic;
using namespace wzp::quic::test;

namespace {

/// A NAT of one mapping: what a client sends to `inside` leaves towards the server from `outside`, and back.
struct Nat {
  Nat(World& at, const SocketAddress& to) : world{at}, server{to}, inside{open()}, outside{open()} { watch(); }
  ~Nat() { unwatch(); }

  /// A new port towards the server: what a NAT does after a pause or a reboot.
  void rebind() {
    unwatch();
    outside = open();
    watch();
  }
  static net::UdpSocket open() { return std::move(*net::UdpSocket::open(loopback(), {.offload = false})); }
  void watch() {
    REQUIRE(world.loop->watch(inside.fd(), [this](Instant) {
      for (const auto& d : inside.receive()) {
        client = d.remote;
        if (d.bytes.size() <= mtu) forward(outside, server, d.bytes);
      }
    }));
    REQUIRE(world.loop->watch(outside.fd(), [this](Instant) {
      for (const auto& d : outside.receive()) {
        if (d.bytes.size() <= mtu) forward(inside, client, d.bytes);
      }
    }));
  }
  void unwatch() {
    world.loop->unwatch(inside.fd());
    world.loop->unwatch(outside.fd());
  }
  static void forward(net::UdpSocket& from, const SocketAddress& to, ByteView bytes) {
    const net::Train train{.remote = to, .bytes = bytes};
    from.send({&train, 1});
  }

  World& world;
  SocketAddress server;
  SocketAddress client;
  net::UdpSocket inside;
  net::UdpSocket outside;
  std::size_t mtu = 65535;
};

}  // namespace

TEST_CASE("a connection survives a new port of the client's NAT", "[quic][V-52]") {
  World world;
  Node server{world, server_config()};
  Node client{world, client_config()};
  Nat nat{world, server.address()};
  const auto id = client.dial(nat.inside.local());
  REQUIRE(world.run_until([&] { return client.connected(id) && server.order.size() == 1; }));
  world.run_for(50ms);
  const auto far = server.order.front();
  CHECK(server.all[far].info->remote == nat.outside.local());

  nat.rebind();
  REQUIRE(client.endpoint->send_message(id, bytes_of("from the new port")));
  REQUIRE(world.run_until([&] { return !server.all[far].moves.empty(); }));
  CHECK(server.all[far].moves == std::vector{nat.outside.local()});
  CHECK(server.all[far].messages == std::vector<std::string>{"from the new port"});
  REQUIRE(server.endpoint->send_message(far, bytes_of("and back")));
  REQUIRE(server.endpoint->send_datagram(far, bytes_of("voice"), net::now()));
  REQUIRE(world.run_until([&] { return !client.all[id].messages.empty() && !client.all[id].datagrams.empty(); }));
  CHECK(client.all[id].messages == std::vector<std::string>{"and back"});
  CHECK_FALSE(client.closed(id));
}

TEST_CASE("a client moves its connections to a new socket", "[quic]") {
  Pair pair;
  pair.world.run_for(50ms);
  const auto before = pair.client.address();
  REQUIRE(pair.client.endpoint->rebind(loopback(), net::now()));
  CHECK(pair.client.address() != before);
  REQUIRE(pair.client.endpoint->send_datagram(pair.near, bytes_of("moved"), net::now()));
  REQUIRE(pair.world.run_until([&] { return !pair.at_server().moves.empty(); }));
  CHECK(pair.at_server().moves == std::vector{pair.client.address()});
  REQUIRE(pair.server.endpoint->send_message(pair.far, bytes_of("found you")));
  REQUIRE(pair.world.run_until([&] { return !pair.at_client().messages.empty(); }));
  CHECK(pair.at_client().moves.empty());
}

TEST_CASE("rebinding to an address that is taken leaves everything as it was", "[quic]") {
  Pair pair;
  const auto before = pair.client.address();
  CHECK(pair.client.endpoint->rebind(pair.server.address(), net::now()).error().code == Errc::Io);
  CHECK(pair.client.address() == before);
  REQUIRE(pair.client.endpoint->send_message(pair.near, bytes_of("still here")));
  CHECK(pair.world.run_until([&] { return !pair.at_server().messages.empty(); }));
}

TEST_CASE("the path MTU grows to what the path carries", "[quic]") {
  const auto [limit, expected] =
      GENERATE(table<std::size_t, std::size_t>({{65535, 1452}, {1400, 1392}, {1300, 1280}, {1200, 1200}}));
  World world;
  Node server{world, server_config()};
  Node client{world, client_config()};
  Nat nat{world, server.address()};
  nat.mtu = limit;
  const auto id = client.dial(DialOptions{.remote = nat.inside.local(), .server_name = "x", .initial_rtt = 20ms});
  REQUIRE(world.run_until([&] { return client.connected(id); }));
  const auto small = client.endpoint->max_datagram_size(id);
  CHECK(small >= 1162);  // what a reference peer computes at 1200
  const auto mtu = [&] { return client.endpoint->stats(id)->path_mtu; };
  CHECK(world.run_until([&, &expected = expected] { return mtu() == expected; }));
  if (limit <= 1400) world.run_for(100ms);
  CHECK(mtu() == expected);
  CHECK(client.endpoint->max_datagram_size(id) == small + expected - 1200);
}

TEST_CASE("the smoothed round trip is that of the path", "[quic]") {
  Pair pair;
  for (int i = 0; i < 20; ++i) {
    REQUIRE(pair.client.endpoint->send_message(pair.near, bytes_of("ping")));
    REQUIRE(pair.world.run_until([&] { return pair.at_client().acked.size() == static_cast<std::size_t>(i) + 1; }));
  }
  const auto stats = *pair.client.endpoint->stats(pair.near);
  CHECK(stats.smoothed_rtt > 0us);
  CHECK(stats.smoothed_rtt < 150ms);
  CHECK(stats.min_rtt <= stats.smoothed_rtt);
  CHECK(stats.congestion_window >= 12'000);
}
