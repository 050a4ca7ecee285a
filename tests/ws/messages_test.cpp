#include "support.hpp"

using namespace wzp;
using namespace wzp::ws;
using namespace wzp::ws::test;

TEST_CASE("messages pass in both directions, each as what it is", "[ws]") {
  Stage stage;
  auto [client, id] = stage.open();
  client->send(text_frame("grüße"));
  client->send(Frame{.payload = {1, 2, 3}});
  client->send(Frame{.payload = {}});
  client->send(Frame{.payload = Bytes(8 * 1024, 7)});  // the longest
  REQUIRE(stage.wait([&] { return stage.heard.binaries.size() == 3; }));
  CHECK(stage.heard.texts == std::vector<std::string>{"grüße"});
  CHECK(stage.heard.binaries == std::vector<Bytes>{{1, 2, 3}, {}, Bytes(8 * 1024, 7)});

  REQUIRE(stage.server->send_binary(id, Bytes{1, 2}, Bytes{3}));
  CHECK(stage.server->send_text(id, "one").value() == 0);
  CHECK(stage.server->send_text(id, std::string(100'000, 'x')).value() == 1);
  const auto first = stage.frame(*client);  // texts first
  CHECK(first.opcode == 1);
  CHECK_FALSE(first.masked);
  CHECK(text_of(first.payload) == "one");
  CHECK(stage.frame(*client).payload.size() == 100'000);
  const auto last = stage.frame(*client);
  CHECK(last.opcode == 2);
  CHECK(last.payload == Bytes{1, 2, 3});
  CHECK(stage.heard.sent == std::vector<std::uint64_t>{0, 1});
}

TEST_CASE("a message in several frames is one, with pings in between", "[ws]") {
  Stage stage;
  auto [client, id] = stage.open();
  client->send(Frame{.opcode = 1, .payload = text_bytes("gr\xc3"), .fin = false});
  client->send(Frame{.opcode = 9, .payload = {42}});
  client->send(Frame{.opcode = 0, .payload = {}, .fin = false});
  client->send(Frame{.opcode = 0, .payload = text_bytes("\xbc\xc3\x9f")});
  const auto pong = stage.frame(*client);
  CHECK(pong.opcode == 10);
  CHECK(pong.payload == Bytes{42});
  REQUIRE(stage.wait([&] { return !stage.heard.texts.empty(); }));
  CHECK(stage.heard.texts == std::vector<std::string>{"grüß"});
}

TEST_CASE("what the protocol forbids closes the connection with the code for it", "[ws]") {
  const auto [code, bytes] = GENERATE(table<std::uint16_t, Bytes>({
      {kCloseProtocol, encode({.opcode = 1, .payload = {65}, .masked = false})},
      {kCloseProtocol, encode({.opcode = 2, .payload = {65}, .rsv = 4})},
      {kCloseProtocol, encode({.opcode = 3, .payload = {65}})},
      {kCloseProtocol, encode({.opcode = 0, .payload = {65}})},  // goes on with nothing
      {1007, encode({.opcode = 1, .payload = {0xff}})},
      {1007, encode({.opcode = 1, .payload = {0xc3}})},
      {kCloseTooBig, encode({.opcode = 2, .payload = Bytes(8 * 1024 + 1)})},      // [V-30]
      {kCloseTooBig, encode({.opcode = 1, .payload = Bytes(1 << 20, 'x')})},  // [V-30]
      {0, encode({.opcode = 9, .payload = Bytes(126)})},
      {0, encode({.opcode = 9, .payload = {}, .fin = false})},
  }));
  CAPTURE(code, bytes[0]);
  Stage stage{{.linger = 20ms}};
  auto [client, id] = stage.open();
  auto [witness, witness_id] = stage.open();
  client->try_send(bytes);
  CHECK(stage.close_code(*client) == code);
  REQUIRE(stage.wait([&] { return !stage.heard.closed.empty(); }));
  CHECK(stage.heard.closed.front().first == id);
  CHECK_FALSE(stage.heard.closed.front().second.by_peer);
  CHECK(stage.heard.texts.empty());
  CHECK(stage.heard.binaries.empty());
  witness->send(text_frame("I am fine"));
  REQUIRE(stage.wait([&] { return !stage.heard.texts.empty(); }));
}

TEST_CASE("a message in pieces is bounded as a whole", "[ws]") {  // [V-30]
  Stage stage;
  auto [client, id] = stage.open();
  client->send(Frame{.opcode = 2, .payload = Bytes(5'000), .fin = false});
  client->send(Frame{.opcode = 0, .payload = Bytes(5'000), .fin = false});
  CHECK(stage.close_code(*client) == kCloseTooBig);
  CHECK(stage.heard.binaries.empty());
}

TEST_CASE("a handler may answer, and close, while it is told something", "[ws]") {
  Stage stage;
  auto [client, id] = stage.open();
  stage.heard.on_said = [&](ConnectionId who) {
    CHECK(stage.server->send_text(who, "go away"));
    stage.server->close_when_sent(who, 4025, "not admitted");
    stage.server->close(who, 4026, "asked twice");  // at once, after all
    CHECK_FALSE(stage.server->send_text(who, "too late"));
  };
  auto both = encode(text_frame("hello"));
  append(both, encode(text_frame("hello?")));
  client->send(both);
  CHECK(stage.close_code(*client) == 4026);
  CHECK(stage.heard.texts == std::vector<std::string>{"hello"});  // nothing is heard after a close
}
