#include "support.hpp"

using namespace wzp;
using namespace wzp::ws;
using namespace wzp::ws::test;

namespace {

std::string request(std::string_view first_line, std::string_view headers, std::string_view more = "") {
  std::string out;
  for (const auto part : {first_line, std::string_view{"\r\nHost: relay\r\n"}, headers, more, std::string_view{"\r\n"}}) out.append(part);
  return out;
}

constexpr std::string_view kGood =
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Version: 13\r\n";

}  // namespace

TEST_CASE("a proper request becomes a WebSocket", "[ws]") {
  Stage stage;
  Client client{stage.server->local()};
  client.send(kUpgrade);
  std::string head;
  REQUIRE(stage.wait([&] { return !(head = client.take_head()).empty(); }));
  CHECK(head.starts_with("HTTP/1.1 101 "));
  CHECK(head.find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n") != std::string::npos);  // RFC 6455 1.3
  CHECK(head.find("Upgrade: websocket\r\n") != std::string::npos);
  REQUIRE(stage.heard.opened.size() == 1);
  const auto& [id, request] = stage.heard.opened.front();
  CHECK(id.is_websocket());
  CHECK(id.worker() == 0);
  CHECK(request.path == "/ws/tea");
  CHECK(request.local == stage.server->local());
  CHECK(request.remote.ip.is_loopback());
  CHECK(request.remote.port != 0);
  CHECK(stage.server->stats().open == 1);
}

TEST_CASE("a request that comes in pieces, with frames right behind it, is one all the same", "[ws]") {
  Stage stage;
  Client client{stage.server->local()};
  for (const char byte : kUpgrade.substr(0, kUpgrade.size() - 1)) {
    client.send(std::string_view{&byte, 1});
    stage.loop->turn(0ms);
  }
  CHECK(stage.heard.opened.empty());
  auto rest = text_bytes(kUpgrade.substr(kUpgrade.size() - 1));
  append(rest, encode(text_frame("early")));
  append(rest, encode(text_frame("bird")));
  client.send(rest);
  REQUIRE(stage.wait([&] { return stage.heard.texts.size() == 2; }));
  CHECK(stage.heard.texts == std::vector<std::string>{"early", "bird"});
}

TEST_CASE("whatever is no proper request is refused with the reason, and closed", "[ws]") {
  const auto [status, text] = GENERATE(table<std::string, std::string>({
      {"404", request("GET /ws/coffee HTTP/1.1", kGood)},
      {"404", request("GET / HTTP/1.1", "")},
      {"405", request("POST /ws/tea HTTP/1.1", kGood, "Content-Length: 0\r\n")},
      {"426", request("GET /ws/tea HTTP/1.1", "")},
      {"426", request("GET /ws/tea HTTP/1.1", "Upgrade: h2c\r\nConnection: Upgrade\r\n")},
      {"426", request("GET /ws/tea HTTP/1.1", "Upgrade: websocket\r\nConnection: close\r\n")},
      {"426", request("GET /ws/tea HTTP/1.1", "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\n")},
      {"400", request("GET /ws/tea HTTP/1.1", "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n")},
      {"400", request("GET /ws/tea HTTP/1.1", "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j\r\n")},
      {"431", request("GET /ws/tea HTTP/1.1", kGood, "X: " + std::string(9'000, 'x') + "\r\n")},
      {"400", "\x16\x03\x01 hello, TLS here\r\n\r\n"},
  }));
  CAPTURE(text.substr(0, 200));
  Stage stage;
  Client client{stage.server->local()};
  client.send(text);
  REQUIRE(stage.wait([&] { return client.ended(); }));
  CHECK(client.text().substr(0, 12) == "HTTP/1.1 " + status);
  CHECK(stage.heard.opened.empty());
  REQUIRE(stage.wait([&] { return stage.server->stats().connections == 0; }));
}

TEST_CASE("a WebSocket takes HTTP/1.1", "[ws]") {
  Stage stage;
  Client client{stage.server->local()};
  client.send(request("GET /ws/tea HTTP/1.0", kGood));
  REQUIRE(stage.wait([&] { return client.ended(); }));
  CHECK(client.text().find(" 101 ") == std::string::npos);
  CHECK(stage.heard.opened.empty());
}

TEST_CASE("a path reaches the handler as it was sent, without the query", "[ws]") {
  Stage stage;
  Client client{stage.server->local()};
  client.send(request("GET /ws/t%65a%00?room=tea HTTP/1.1", kGood));
  REQUIRE(stage.wait([&] { return client.ended(); }));
  CHECK(stage.heard.paths == std::vector<std::string>{"/ws/t%65a%00"});
}

TEST_CASE("a client gets one answer, however much it asks", "[ws]") {
  Stage stage;
  Client client{stage.server->local()};
  const auto one = request("GET /nowhere HTTP/1.1", "");
  client.send(one + one + one);
  REQUIRE(stage.wait([&] { return client.ended(); }));
  CHECK(stage.heard.paths.size() == 1);
}

TEST_CASE("who does not become a WebSocket in time is cut off", "[ws][timeout]") {
  Stage stage{{.head_timeout = 200ms}};
  Client silent{stage.server->local()};
  Client dribbling{stage.server->local()};
  dribbling.send("GET /ws/tea HTTP/1.1\r\n");
  auto [open, id] = stage.open();
  auto last = net::now();
  REQUIRE(stage.wait([&] {
    if (net::now() - last > 5ms && !dribbling.ended()) {  // a byte now and then buys no time
      dribbling.try_send(bytes_of("X"));
      last = net::now();
    }
    return silent.ended() && dribbling.ended();
  }));
  CHECK(stage.server->stats().late == 2);
  REQUIRE(stage.wait([&] { return stage.server->stats().connections == 1; }));
  open->send(text_frame("still here"));
  REQUIRE(stage.wait([&] { return !stage.heard.texts.empty(); }));
}

TEST_CASE("a port that is taken is an error that names it", "[ws]") {
  Stage stage;
  Recorder other;
  const auto second = Server::open({.bind = stage.server->local()}, *stage.loop, other);
  REQUIRE_FALSE(second);
  CHECK(second.error().code == Errc::Io);
  CHECK(second.error().where.find(to_string(stage.server->local())) != std::string::npos);
}
