#include <catch2/catch_test_macros.hpp>

#include "relay_bench.hpp"

using namespace std::chrono_literals;

namespace wzp::test {

TEST_CASE("ping is closed at once, version says the build and closes after 100 ms", "[relay]") {
  RelayBench bench;
  const auto relay = bench.add_relay(1);
  auto& ping = bench.open(relay, "ping");
  REQUIRE(ping.closed);
  CHECK(ping.closed->code == 0);
  auto& version = bench.open(relay, "version");
  CHECK(version.version == "bench");
  bench.run_for(100ms - 1ns);
  CHECK_FALSE(version.closed);
  bench.run_for(1ns);
  REQUIRE(version.closed);
  CHECK(version.closed->code == 0);
}

TEST_CASE("a probe gets pongs and learns about nobody", "[relay][V-25]") {
  RelayBench bench;
  const auto relay = bench.add_relay(1);
  Phone bob{bench, relay, 20};
  auto& probe = bench.open(relay, "_probe");
  bench.send(probe, proto::Ping{42});
  bench.send(probe, proto::PresenceUpdate{{bob.text()}, "203.0.113.9:1"});
  bench.send(probe, proto::RouteQuery{bob.text(), 1});
  REQUIRE(probe.inbox.size() == 1);
  CHECK(std::get<proto::Pong>(probe.inbox[0]).timestamp_ms == 42);
  CHECK(bench.core(relay).counters().drops("probe-unexpected") == 2);
  CHECK_FALSE(probe.closed);
}

TEST_CASE("unknown and malformed messages end no connection of any class", "[relay][H-01][V-14]") {
  RelayBench bench;
  const auto relay = bench.add_relay(1, [](auto& c) { c.peers = {RelayBench::peer(2)}; });
  Phone bob{bench, relay, 20};
  auto& probe = bench.open(relay, "_probe");
  auto& link = bench.open(relay, "_federation", {.certificate = RelayBench::fingerprint(2)});
  bench.send(link, proto::FederationHello{to_string(RelayBench::fingerprint(2)), {}, {}, {}});
  link.inbox.clear();
  for (auto* end : {&bob.end(), &probe, &link}) {
    for (const auto code : {Errc::UnknownSignal, Errc::BadJson, Errc::BadField, Errc::BadFrame, Errc::TooLong}) {
      bench.send_bad(*end, code);
    }
    bench.send(*end, proto::Ping{7});
    REQUIRE(end->inbox.size() == 1);
    CHECK(std::get<proto::Pong>(end->inbox.back()).timestamp_ms == 7);
    CHECK_FALSE(end->closed);
  }
  CHECK(bench.core(relay).counters().drops("unknown-signal") == 3);
  CHECK(bench.core(relay).counters().drops("bad-message") == 12);
}

TEST_CASE("a hundred malformed messages in a row close, unknown variants never do", "[relay][V-14]") {
  RelayBench bench;
  const auto relay = bench.add_relay(1);
  Phone bob{bench, relay, 20};
  for (int i = 0; i < 1000; ++i) bench.send_bad(bob.end(), Errc::UnknownSignal);
  for (int i = 0; i < 99; ++i) bench.send_bad(bob.end(), Errc::BadJson);
  bob.send(proto::Ping{1});
  for (int i = 0; i < 99; ++i) bench.send_bad(bob.end(), Errc::BadJson);
  CHECK_FALSE(bob.end().closed);
  bench.send_bad(bob.end(), Errc::BadJson);
  REQUIRE(bob.end().closed);
  CHECK(bob.end().closed->code == 0x17);
  CHECK(bench.core(relay).clients().empty());
}

TEST_CASE("bad messages fill the log with one line per ten seconds", "[relay]") {
  RelayBench bench;
  const auto relay = bench.add_relay(1);
  Phone bob{bench, relay, 20};
  bench.log.clear();
  for (int i = 0; i < 50; ++i) bench.send_bad(bob.end(), Errc::BadJson);
  CHECK(bench.log.size() == 1);
  bench.run_for(10s);
  bench.send_bad(bob.end(), Errc::BadJson);
  CHECK(bench.log.size() == 2);
}

TEST_CASE("a client that floods is let go, the others notice nothing", "[relay][V-61]") {
  RelayBench bench;
  const auto relay = bench.add_relay(1, [](auto& c) { c.signals_per_second = 100; });
  Phone flood{bench, relay, 20};
  Phone bob{bench, relay, 21};
  for (int i = 0; i < 199; ++i) flood.send(proto::Ping{1});  // the registration was the first of 200
  CHECK_FALSE(flood.end().closed);
  flood.send(proto::Ping{1});
  REQUIRE(flood.end().closed);
  CHECK(flood.end().closed->code == 0x16);
  bob.send(proto::Ping{1});
  CHECK(bob.take<proto::Pong>());
}

TEST_CASE("a shutdown closes everything, says so, and hears nothing more", "[relay]") {
  RelayBench bench;
  const auto relay = bench.add_relay(1);
  Phone bob{bench, relay, 20};
  auto& probe = bench.open(relay, "_probe");
  const auto actions = bench.core(relay).handle(relay::Shutdown{}, bench.now());
  REQUIRE(actions.size() == 2);
  for (const auto& action : actions) CHECK(std::get<relay::Close>(action).code == 0x18);
  CHECK_FALSE(bench.core(relay).deadline());
  CHECK(bench.core(relay).tick(bench.now() + 1h).empty());
  CHECK(bench.core(relay).handle(relay::Received{probe.conn, proto::Ping{1}}, bench.now()).empty());
  CHECK(bench.core(relay).handle(relay::Lost{bob.end().conn, {}}, bench.now()).empty());
}

TEST_CASE("words of a connection that does not exist are counted and nothing else", "[relay]") {
  RelayBench bench;
  const auto relay = bench.add_relay(1);
  auto& core = bench.core(relay);
  CHECK(core.handle(relay::Received{ConnectionId{99}, proto::Ping{1}}, bench.now()).empty());
  CHECK(core.handle(relay::Lost{ConnectionId{99}, {}}, bench.now()).empty());
  CHECK(core.handle(relay::Moved{ConnectionId{99}, {}}, bench.now()).empty());
  CHECK(core.counters().drops("connection-unknown") == 2);
}

}  // namespace wzp::test
