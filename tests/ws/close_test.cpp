#include "support.hpp"

using namespace wzp;
using namespace wzp::ws;
using namespace wzp::ws::test;

namespace {

Frame close_frame(std::uint16_t code, std::string_view reason) {
  Bytes payload(2);
  store_be16(payload.data(), code);
  append(payload, bytes_of(reason));
  return {.opcode = 8, .payload = payload};
}

}  // namespace

TEST_CASE("a close of the peer is answered and reported", "[ws]") {
  const auto [frame, info] = GENERATE(table<Frame, CloseInfo>({
      {close_frame(4001, "bye"), CloseInfo{true, 4001, "bye"}},
      {Frame{.opcode = 8}, CloseInfo{true, kCloseNoCode, ""}},
  }));
  Stage stage;
  auto [client, id] = stage.open();
  REQUIRE(stage.server->send_binary(id, {}, Bytes{1}));
  CHECK(stage.frame(*client).opcode == 2);
  client->send(frame);
  const auto answer = stage.frame(*client);
  CHECK(answer.opcode == 8);
  REQUIRE(stage.wait([&, &client = client] { return client->ended() && !stage.heard.closed.empty(); }));
  CHECK(stage.heard.closed.front() == std::pair{id, info});
  CHECK(stage.server->send_text(id, "?").error().code == Errc::NotFound);
  REQUIRE(stage.wait([&] { return stage.server->stats().connections == 0; }));
}

TEST_CASE("a close of ours waits for texts, and ends with the peer's answer", "[ws]") {
  Stage stage{{.linger = 10s}};
  auto [client, id] = stage.open();
  REQUIRE(stage.server->send_text(id, "last words"));
  stage.server->close_when_sent(id, 4025, "not admitted");
  CHECK(stage.server->send_text(id, "more").error().code == Errc::WrongState);
  CHECK(stage.server->send_binary(id, {}, Bytes{1}).error().code == Errc::WrongState);
  CHECK(text_of(stage.frame(*client).payload) == "last words");
  const auto close = stage.frame(*client);
  CHECK(close.opcode == 8);
  CHECK(load_be16(close.payload.data()) == 4025);
  CHECK(text_of(ByteView{close.payload}.subspan(2)) == "not admitted");
  CHECK(stage.heard.closed.empty());
  client->send(close_frame(4025, ""));
  REQUIRE(stage.wait([&] { return !stage.heard.closed.empty(); }));
  CHECK(stage.heard.closed.front() == std::pair{id, CloseInfo{false, 4025, "not admitted"}});
}

TEST_CASE("a close of ours that nobody answers ends after the linger time", "[ws][timeout]") {
  Stage stage{{.linger = 30ms}};
  auto [client, id] = stage.open();
  const auto start = net::now();
  stage.server->close(id, 1000, std::string(500, 'x'));  // too long a reason is cut
  REQUIRE(stage.wait([&] { return !stage.heard.closed.empty(); }));
  CHECK(net::now() - start >= 30ms);
  const auto close = stage.frame(*client);
  CHECK(close.payload.size() == 125);
  REQUIRE(stage.wait([&, &client = client] { return client->ended() && stage.server->stats().connections == 0; }));
}

TEST_CASE("a connection that just goes away is reported once", "[ws]") {
  Stage stage;
  auto [client, id] = stage.open();
  SECTION("closed") { client->shut(); }
  SECTION("reset") { client->cut(); }
  SECTION("in the middle of a frame") {
    client->send(Bytes{0x82, 0xfe, 0x10});
    client->shut();
  }
  REQUIRE(stage.wait([&] { return !stage.heard.closed.empty(); }));
  CHECK(stage.heard.closed.front().first == id);
  CHECK(stage.heard.closed.front().second.by_peer);
  CHECK(stage.heard.closed.front().second.code == kCloseAbnormal);
  REQUIRE(stage.wait([&] { return stage.server->stats().connections == 0; }));
  CHECK(stage.heard.closed.size() == 1);
}

TEST_CASE("who answers no ping is given up, who answers stays", "[ws][timeout]") {
  Stage stage{{.ping_interval = 40ms}};
  auto [dead, dead_id] = stage.open();
  auto [alive, alive_id] = stage.open();
  int pings = 0;
  REQUIRE(stage.wait([&, &alive = alive] {
    while (const auto frame = alive->next_frame()) {
      REQUIRE(frame->opcode == 9);
      alive->send(Frame{.opcode = 10, .payload = frame->payload});
      ++pings;
    }
    return pings >= 5;
  }));
  REQUIRE(stage.heard.closed.size() == 1);
  CHECK(stage.heard.closed.front().first == dead_id);
  CHECK(stage.heard.closed.front().second == CloseInfo{true, kCloseAbnormal, "no answer to pings"});
  int unanswered = 0;
  REQUIRE(stage.wait([&, &dead = dead] { return dead->ended(); }));
  while (const auto frame = dead->next_frame()) unanswered += frame->opcode == 9 ? 1 : 0;
  CHECK(unanswered == 2);
}

TEST_CASE("a server that goes cuts everybody, and its port is free again", "[ws]") {
  Stage stage;
  auto [client, id] = stage.open();
  Client half{stage.server->local()};
  half.send("GET /ws");
  stage.loop->turn(1ms);
  const auto address = stage.server->local();
  stage.server.reset();
  REQUIRE(stage.wait([&, &client = client] { return client->ended() && half.ended(); }));
  CHECK(stage.heard.closed.empty());
  CHECK(Server::open({.bind = address}, *stage.loop, stage.heard));
}
