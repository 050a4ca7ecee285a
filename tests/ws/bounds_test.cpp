#include "support.hpp"

using namespace wzp;
using namespace wzp::ws;
using namespace wzp::ws::test;

TEST_CASE("a burst over the rate loses what is over, a flood loses the connection", "[ws]") {  // [V-30]
  Stage stage{{.patience = 10s, .max_over = 200}};
  auto [client, id] = stage.open();
  Bytes burst;
  for (int i = 0; i < 150; ++i) append(burst, encode({.payload = {static_cast<std::uint8_t>(i)}}));
  client->send(burst);
  REQUIRE(stage.wait([&] { return stage.heard.binaries.size() + stage.server->stats().dropped_frames == 150; }));
  CHECK(stage.heard.binaries.size() >= 100);
  CHECK(stage.heard.binaries.size() <= 120);  // the first hundred, and what the time of this test has refilled
  for (std::size_t i = 0; i < 100; ++i) CHECK(stage.heard.binaries[i] == Bytes{static_cast<std::uint8_t>(i)});
  CHECK(stage.heard.closed.empty());
  client->try_send(burst);
  client->try_send(burst);
  CHECK(stage.close_code(*client) == kClosePolicy);
  REQUIRE(stage.wait([&] { return !stage.heard.closed.empty(); }));
  CHECK(stage.heard.closed.front().second == CloseInfo{false, kClosePolicy, "too many frames"});
}

TEST_CASE("frames without a message count as well", "[ws]") {  // [V-30]
  const auto opcode = GENERATE(std::uint8_t{0}, std::uint8_t{9}, std::uint8_t{10});
  Stage stage{{.max_over = 50}};
  auto [client, id] = stage.open();
  client->send(Frame{.opcode = 2, .payload = {}, .fin = false});
  Bytes flood;
  for (int i = 0; i < 400; ++i) append(flood, encode({.opcode = opcode, .payload = {}, .fin = opcode != 0}));
  client->try_send(flood);
  CHECK(stage.close_code(*client) == kClosePolicy);
}

TEST_CASE("a slow reader loses old binaries, and is told when texts are too many", "[ws]") {
  Stage stage{{.max_outgoing_messages = 20,
               .max_outgoing_bytes = 1 << 20,
               .max_queued_binaries = 8,
               .max_binary_age = 10s,
               .send_buffer = 4096}};
  auto [slow, id] = stage.open();
  auto [quick, quick_id] = stage.open();
  const std::string text(50'000, 't');
  std::size_t taken = 0;
  Result<std::uint64_t> said{0};
  REQUIRE(stage.wait([&, &id = id] {  // fills the buffers of the system first
    while ((said = stage.server->send_text(id, text)) && ++taken % 10 != 0) {
    }
    return !said;
  }));
  CHECK(said.error().code == Errc::LimitReached);
  CHECK(taken >= 20);
  const auto sent = stage.heard.sent.size();
  CHECK(taken - sent <= 21);  // one is being written
  for (std::uint8_t i = 0; i < 30; ++i) REQUIRE(stage.server->send_binary(id, {}, Bytes{i}));
  CHECK(stage.server->stats().dropped_binaries == 22);

  REQUIRE(stage.server->send_text(quick_id, "not held up"));
  CHECK(text_of(stage.frame(*quick).payload) == "not held up");

  for (std::size_t i = 0; i < taken; ++i) CHECK(stage.frame(*slow).payload.size() == text.size());
  for (std::uint8_t i = 22; i < 30; ++i) CHECK(stage.frame(*slow).payload == Bytes{i});
  CHECK(stage.heard.sent.size() == taken + 1);
  CHECK(stage.heard.closed.empty());
}

TEST_CASE("a peer that asks for pongs and never reads is cut off", "[ws]") {
  Stage stage{{.frames_per_second = 1'000'000, .ping_interval = 60s, .send_buffer = 4096}};
  auto [client, id] = stage.open();
  Bytes pings;
  for (int i = 0; i < 500; ++i) append(pings, encode({.opcode = 9, .payload = Bytes(125)}));
  REQUIRE(stage.wait([&, &client = client] {
    client->try_send(pings);
    return !stage.heard.closed.empty();
  }));
  CHECK(stage.heard.closed.front().second == CloseInfo{true, kCloseAbnormal, "reads nothing"});
}

TEST_CASE("there are no more connections than allowed, in all and from one place", "[ws]") {
  const auto config = GENERATE(ServerConfig{.max_connections = 2}, ServerConfig{.max_per_ip = 2});
  Stage stage{config};
  auto [first, first_id] = stage.open();
  Client half{stage.server->local()};  // counts before it is a WebSocket
  REQUIRE(stage.wait([&] { return stage.server->stats().connections == 2; }));
  Client third{stage.server->local()};
  REQUIRE(stage.wait([&] { return third.ended(); }));
  CHECK(third.text().empty());
  CHECK(stage.server->stats().refused == 1);
  half.shut();
  REQUIRE(stage.wait([&] { return stage.server->stats().connections == 1; }));
  auto [fourth, fourth_id] = stage.open();
  CHECK(fourth_id != first_id);
}

TEST_CASE("a proxy on this machine may speak for many", "[ws]") {
  Stage stage{{.max_per_ip = 1, .spare_loopback = true}};
  auto [first, first_id] = stage.open();
  auto [second, second_id] = stage.open();
  CHECK(stage.server->stats().open == 2);
}
