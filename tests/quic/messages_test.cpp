#include <catch2/generators/catch_generators.hpp>

#include "support.hpp"

using namespace wzp;
using namespace wzp::quic;
using namespace wzp::quic::test;

TEST_CASE("500 messages arrive in order both ways: stream credit is given back", "[quic]") {
  Pair pair;
  constexpr std::size_t kCount = 500;
  std::size_t sent_near = 0;
  std::size_t sent_far = 0;
  const auto text = [](const char* who, std::size_t i) { return std::string{who} + std::to_string(i); };
  // More than the queue holds: what is refused is sent again later.
  const auto feed = [&] {
    while (sent_near < kCount && pair.client.endpoint->send_message(pair.near, bytes_of(text("c", sent_near))))
      ++sent_near;
    while (sent_far < kCount && pair.server.endpoint->send_message(pair.far, bytes_of(text("s", sent_far)))) ++sent_far;
  };
  REQUIRE(pair.world.run_until([&] {
    feed();
    return pair.at_server().acked.size() == kCount && pair.at_client().acked.size() == kCount;
  }));
  const auto check = [&](Node::Seen& seen, const char* who) {
    REQUIRE(seen.messages.size() == kCount);
    // Streams are numbered in the order of sending; a receiver that sorts by stream has the order.
    std::vector<std::pair<StreamId, std::string>> sorted;
    for (std::size_t i = 0; i < kCount; ++i) sorted.emplace_back(seen.streams[i], seen.messages[i]);
    std::sort(sorted.begin(), sorted.end());
    for (std::size_t i = 0; i < kCount; ++i) CHECK(sorted[i].second == text(who, i));
  };
  check(pair.at_server(), "c");
  check(pair.at_client(), "s");
  CHECK(pair.at_client().resets.empty());
  CHECK(pair.at_client().refused.empty());
}

TEST_CASE("messages of every size arrive whole", "[quic]") {
  Pair pair;
  for (const std::size_t size : {1UL, 63UL, 64UL, 1100UL, 1200UL, 65'535UL, 65'536UL, 65'537UL, 200'000UL}) {
    std::string text(size, 'x');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i % 23);
    const auto before = pair.at_server().messages.size();
    REQUIRE(pair.client.endpoint->send_message(pair.near, bytes_of(text)));
    REQUIRE(pair.world.run_until([&] { return pair.at_client().acked.size() > before; }));
    REQUIRE(pair.at_server().messages.size() == before + 1);
    CHECK((pair.at_server().messages.back() == text));
  }
}

TEST_CASE("a message of 1 MiB passes alone, one byte more and nothing at all do not", "[quic]") {
  Pair pair;
  const std::string text((1U << 20) + 4, 'm');
  auto& endpoint = *pair.client.endpoint;
  CHECK(endpoint.send_message(pair.near, bytes_of(text + "!")).error().code == Errc::TooLong);
  CHECK(endpoint.send_message(pair.near, {}).error().code == Errc::TooShort);
  REQUIRE(endpoint.send_message(pair.near, bytes_of(text)));
  CHECK(endpoint.send_message(pair.near, bytes_of("next")).error().code == Errc::LimitReached);
  REQUIRE(pair.world.run_until([&] { return pair.at_client().acked.size() == 1; }));
  REQUIRE(pair.at_server().messages.size() == 1);
  CHECK((pair.at_server().messages.front() == text));
}

TEST_CASE("the queue of messages is bounded by number and bytes", "[quic]") {
  auto config = client_config();
  config.max_outgoing_messages = 3;
  config.max_outgoing_bytes = 100;
  Pair pair{server_config(), config};
  auto& endpoint = *pair.client.endpoint;
  SECTION("by number") {
    for (int i = 0; i < 3; ++i) CHECK(endpoint.send_message(pair.near, bytes_of("x")));
    CHECK(endpoint.send_message(pair.near, bytes_of("x")).error().code == Errc::LimitReached);
  }
  SECTION("by bytes") {
    CHECK(endpoint.send_message(pair.near, bytes_of(std::string(60, 'x'))));
    CHECK(endpoint.send_message(pair.near, bytes_of(std::string(60, 'x'))).error().code == Errc::LimitReached);
  }
  // Acknowledgements make room again.
  REQUIRE(pair.world.run_until([&] { return !pair.at_client().acked.empty(); }));
  CHECK(endpoint.send_message(pair.near, bytes_of("y")));
}

TEST_CASE("messages given before the handshake is complete are sent after it", "[quic]") {
  World world;
  Node server{world, server_config()};
  Node client{world, client_config()};
  const auto id = client.dial(server.address());
  REQUIRE(client.endpoint->send_message(id, bytes_of("early")));
  CHECK(client.endpoint->send_datagram(id, bytes_of("x"), net::now()).error().code == Errc::WrongState);
  REQUIRE(world.run_until([&] { return !client.all[id].acked.empty(); }));
  CHECK(server.all[server.order.front()].messages == std::vector<std::string>{"early"});
}

TEST_CASE("a stream that is stopped delivers nothing more and harms no other", "[quic]") {
  const std::string big(300'000, 'b');
  StreamId stopped = 0;
  std::size_t got = 0;
  struct Stopper : Node {
    using Node::Node;
    std::function<void(StreamId, std::size_t)> on_bytes;
    void on_stream(ConnectionId id, StreamId stream, ByteView data, bool fin) override {
      on_bytes(stream, data.size());
      Node::on_stream(id, stream, data, fin);
    }
  };
  World world;
  Stopper server{world, server_config()};
  Node client{world, client_config()};
  server.on_bytes = [&](StreamId stream, std::size_t size) {
    if (stream != stopped) return;
    got += size;
    server.endpoint->stop_stream(server.order.front(), stream);
  };
  const auto id = client.dial(server.address());
  REQUIRE(world.run_until([&] { return client.connected(id) && server.order.size() == 1; }));
  const auto first = client.endpoint->send_message(id, bytes_of(big));
  REQUIRE(first);
  stopped = *first;
  REQUIRE(world.run_until([&] { return !client.all[id].refused.empty(); }));
  CHECK(client.all[id].refused == std::vector{*first});
  CHECK(got > 0);
  CHECK(got < big.size());

  for (int i = 0; i < 150; ++i) REQUIRE(client.endpoint->send_message(id, bytes_of("small")));
  REQUIRE(world.run_until([&] { return client.all[id].acked.size() == 150; }));
  CHECK(server.all[server.order.front()].messages.size() == 150);
}

TEST_CASE("a unidirectional stream carries the version", "[quic]") {
  World world;
  Node server{world, server_config()};
  Node client{world, client_config()};
  server.when_connected = [&](ConnectionId id, const ConnectionInfo&) {
    CHECK(server.endpoint->send_uni(id, bytes_of("9377a90")));
    server.endpoint->close_when_sent(id, 0, "", net::now());
  };
  const auto id = client.dial(server.address(), "version");
  REQUIRE(world.run_until([&] { return client.closed(id); }));
  CHECK(client.all[id].messages == std::vector<std::string>{"9377a90"});
  CHECK(client.all[id].streams == std::vector<StreamId>{3});
  CHECK(*client.all[id].closed == CloseInfo{.kind = CloseKind::Application,
                                            .by_peer = true,
                                            .code = 0,
                                            .peer_certificate = fingerprint_of(some_credentials().certificate)});
}
