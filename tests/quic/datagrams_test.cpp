#include <catch2/generators/catch_generators.hpp>

#include "support.hpp"

using namespace wzp;
using namespace wzp::quic;
using namespace wzp::quic::test;

TEST_CASE("datagrams go both ways, prefix and payload as one", "[quic]") {
  Pair pair;
  REQUIRE(pair.client.endpoint->send_datagram(pair.near, bytes_of("room|"), bytes_of("voice"), net::now()));
  REQUIRE(pair.server.endpoint->send_datagram(pair.far, bytes_of("reply"), net::now()));
  REQUIRE(pair.server.endpoint->send_datagram(pair.far, {}, net::now()));
  REQUIRE(pair.world.run_until(
      [&] { return pair.at_client().datagrams.size() == 2 && pair.at_server().datagrams.size() == 1; }));
  CHECK(pair.at_server().datagrams == std::vector<std::string>{"room|voice"});
  CHECK(pair.at_client().datagrams == std::vector<std::string>{"reply", ""});
}

TEST_CASE("what one turn has for a peer shares packets", "[quic]") {
  Pair pair;
  pair.world.run_for(100ms);  // path MTU discovery settles
  const auto before = pair.client.endpoint->stats().packets_sent;
  const std::string voice(160, 'v');
  for (int i = 0; i < 24; ++i) REQUIRE(pair.client.endpoint->send_datagram(pair.near, bytes_of(voice), net::now()));
  pair.client.endpoint->flush(net::now());
  const auto packets = pair.client.endpoint->stats().packets_sent - before;
  CHECK(packets >= 3);
  CHECK(packets <= 5);
  REQUIRE(pair.world.run_until([&] { return pair.at_server().datagrams.size() == 24; }));
}

TEST_CASE("packets of equal size leave as one train", "[quic]") {
  Pair pair;
  pair.world.run_for(100ms);
  const std::string voice(900, 'v');
  const auto packets = pair.client.endpoint->stats().packets_sent;
  const auto trains = pair.client.endpoint->stats().trains_sent;
  for (int i = 0; i < 8; ++i) REQUIRE(pair.client.endpoint->send_datagram(pair.near, bytes_of(voice), net::now()));
  pair.client.endpoint->flush(net::now());
  CHECK(pair.client.endpoint->stats().packets_sent - packets >= 8);
  CHECK(pair.client.endpoint->stats().trains_sent - trains <= 3);
  CHECK(pair.world.run_until([&] { return pair.at_server().datagrams.size() == 8; }));
}

TEST_CASE("a full queue drops its oldest datagram", "[quic]") {
  auto config = client_config();
  config.max_queued_datagrams = 4;
  Pair pair{server_config(), config};
  for (const char* text : {"1", "2", "3", "4", "5", "6"}) {
    REQUIRE(pair.client.endpoint->send_datagram(pair.near, bytes_of(text), net::now()));
  }
  REQUIRE(pair.world.run_until([&] { return pair.at_server().datagrams.size() == 4; }));
  CHECK(pair.at_server().datagrams == std::vector<std::string>{"3", "4", "5", "6"});
  CHECK(pair.client.endpoint->stats(pair.near)->datagrams_dropped == 2);
}

TEST_CASE("messages pass although more datagrams wait than the path takes", "[quic]") {
  auto config = client_config();
  config.max_queued_datagrams = 8;
  Pair pair{server_config(), config};
  const std::string voice(1000, 'v');
  for (std::size_t count = 1; count <= 100; ++count) {
    REQUIRE(pair.client.endpoint->send_message(pair.near, bytes_of("signal")));
    REQUIRE(pair.world.run_until([&] {
      for (int i = 0; i < 8; ++i) (void)pair.client.endpoint->send_datagram(pair.near, bytes_of(voice), net::now());
      pair.at_server().datagrams.clear();
      return pair.at_server().messages.size() == count;
    }));
  }
  CHECK(pair.client.endpoint->stats(pair.near)->datagrams_dropped > 0);
}

TEST_CASE("a datagram that has waited too long is not sent", "[quic][timeout]") {
  Pair pair;
  const auto now = net::now();
  REQUIRE(pair.client.endpoint->send_datagram(pair.near, bytes_of("old"), now - 201ms));
  REQUIRE(pair.client.endpoint->send_datagram(pair.near, bytes_of("new"), now));
  pair.client.endpoint->flush(now);
  REQUIRE(pair.world.run_until([&] { return !pair.at_server().datagrams.empty(); }));
  CHECK(pair.at_server().datagrams == std::vector<std::string>{"new"});
}

TEST_CASE("the largest datagram passes, one byte more does not", "[quic]") {
  Pair pair;
  pair.world.run_for(100ms);
  const auto limit = pair.client.endpoint->max_datagram_size(pair.near);
  REQUIRE(limit > 1100);
  const std::string text(limit, 'x');
  CHECK(pair.client.endpoint->send_datagram(pair.near, bytes_of("y"), bytes_of(text), net::now()).error().code ==
        Errc::TooLong);
  REQUIRE(pair.client.endpoint->send_datagram(pair.near, bytes_of(text), net::now()));
  REQUIRE(pair.world.run_until([&] { return !pair.at_server().datagrams.empty(); }));
  CHECK(pair.at_server().datagrams.front() == text);
}

TEST_CASE("tagged datagrams are reported when they are acknowledged", "[quic]") {
  Pair pair;
  REQUIRE(pair.client.endpoint->send_datagram(pair.near, bytes_of("a"), net::now(), 7));
  REQUIRE(pair.client.endpoint->send_datagram(pair.near, bytes_of("b"), net::now()));
  REQUIRE(pair.client.endpoint->send_datagram(pair.near, bytes_of("c"), net::now(), 9));
  REQUIRE(pair.world.run_until([&] { return pair.at_client().tags_acked.size() == 2; }));
  CHECK(pair.at_client().tags_acked == std::vector<DatagramTag>{7, 9});
  const auto stats = *pair.client.endpoint->stats(pair.near);
  CHECK(stats.datagrams_sent == 3);
  CHECK(stats.datagrams_acked == 3);
  CHECK(stats.datagrams_lost == 0);
}

TEST_CASE("messages and datagrams do not starve each other", "[quic]") {
  Pair pair;
  const std::string big(1U << 20, 'b');
  const std::string voice(160, 'v');
  REQUIRE(pair.client.endpoint->send_message(pair.near, bytes_of(big)));
  int sent = 0;
  auto next = net::now();
  REQUIRE(pair.world.run_until([&] {
    if (net::now() >= next && sent < 50) {
      ++sent;
      next += 2ms;
      CHECK(pair.client.endpoint->send_datagram(pair.near, bytes_of(voice), net::now()));
    }
    return pair.at_server().messages.size() == 1 && sent == 50;
  }));
  pair.world.run_for(50ms);
  CHECK(pair.at_server().datagrams.size() >= 45);
}

TEST_CASE("a thousand datagrams a second all arrive on a good path", "[quic]") {
  Pair pair;
  int sent = 0;
  auto next = net::now();
  REQUIRE(pair.world.run_until([&] {
    while (net::now() >= next && sent < 500) {
      ++sent;
      next += 1ms;
      CHECK(pair.client.endpoint->send_datagram(pair.near, bytes_of("0123456789"), net::now()));
    }
    return pair.at_server().datagrams.size() == 500;
  }));
  CHECK(pair.client.endpoint->stats(pair.near)->datagrams_dropped == 0);
}

TEST_CASE("punch datagrams pass beside QUIC", "[quic]") {
  Pair pair;
  const ByteArray<2> bytes{0xff, 0x01};
  pair.client.endpoint->send_punch(pair.server.address(), bytes);
  REQUIRE(pair.world.run_until([&] { return !pair.server.punches.empty(); }));
  CHECK(pair.server.punches == std::vector<std::string>{"\x3f\x01"});
  CHECK(pair.server.endpoint->stats().punches == 1);
  CHECK(pair.server.endpoint->stats().connections == 1);
}
