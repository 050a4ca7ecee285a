#include "wzp/federation/manager.hpp"

#include <catch2/catch_test_macros.hpp>

#include "relays.hpp"
#include "sim_clock.hpp"

using namespace std::chrono_literals;

namespace wzp::federation {
namespace {

const SocketAddress kSomewhere{IpAddress::v4(203, 0, 113, 9), 4433};

/// One manager, named 5, with peers 3 and 7 and the trusted dialler 8.
struct Bench {
  explicit Bench(FederationManager::Config config = {}) : manager{complete(std::move(config))} {}

  static FederationManager::Config complete(FederationManager::Config config) {
    config.own = some_relay(5);
    config.build = "test";
    if (config.peers.empty()) config.peers = {{some_relay(3), "three", true}, {some_relay(7), "seven", false}};
    config.trusted = {{some_relay(8), "eight"}};
    return config;
  }
  Actions opened(std::uint64_t conn, std::optional<std::size_t> peer, std::optional<RelayFingerprint> certificate) {
    return manager.handle(Opened{ConnectionId{conn}, !peer, peer, certificate, kSomewhere}, clock.now());
  }
  Actions hears(std::uint64_t conn, const proto::SignalMessage& message) {
    return manager.handle(Received{ConnectionId{conn}, message}, clock.now());
  }
  Actions loses(std::uint64_t conn, std::optional<std::uint64_t> code = {}) {
    return manager.handle(Lost{ConnectionId{conn}, code}, clock.now());
  }
  Actions dialled_link(std::uint64_t conn, std::size_t peer, std::uint8_t name, bool ours = true) {
    (void)opened(conn, peer, some_relay(name));
    return ours ? hears(conn, hello_of(name)) : hears(conn, proto::GlobalRoomInactive{"x"});
  }
  Actions inbound_link(std::uint64_t conn, std::uint8_t name) {
    (void)opened(conn, {}, some_relay(name));
    return hears(conn, hello_of(name));
  }

  sim::SimClock clock;
  FederationManager manager;
};

}  // namespace

TEST_CASE("every peer is dialled at the start, but not the relay itself", "[federation]") {
  Bench bench{{.peers = {{some_relay(3), "three"}, {some_relay(5), "me"}, {some_relay(7), "seven"}}}};
  CHECK(only<Dial>(bench.manager.start(bench.clock.now())) == std::vector{Dial{0}, Dial{2}});
  CHECK(bench.manager.local_tls_fp() == some_relay(5));
}

TEST_CASE("a dialled peer is greeted, and the link is up with its hello", "[federation]") {
  Bench bench;
  (void)bench.manager.start(bench.clock.now());
  const auto sends = only<Send>(bench.opened(1, 0, some_relay(3)));
  REQUIRE(sends.size() == 1);
  const auto& hello = std::get<proto::FederationHello>(sends[0].message);
  CHECK(hello.tls_fingerprint == to_string(some_relay(5)));
  CHECK(hello.version == 1);
  CHECK(hello.relay_build == "test");
  CHECK(hello.caps == proto::Caps{"call-nack"});
  CHECK_FALSE(bench.manager.has_link(some_relay(3)));
  CHECK(only<LinkUp>(bench.hears(1, hello_of(3))) == std::vector{LinkUp{some_relay(3)}});
  CHECK(bench.manager.has_cap(some_relay(3), "call-nack"));
  CHECK(bench.manager.is_capable(some_relay(3)));
}

TEST_CASE("a peer with another certificate than configured gets no link, and the log says why",
          "[federation][V-01][V-60]") {
  Bench bench;
  (void)bench.manager.start(bench.clock.now());
  const auto actions = bench.opened(1, 0, some_relay(4));
  CHECK(only<Close>(actions) == std::vector{Close{ConnectionId{1}, kCloseNotTrusted, "not trusted"}});
  const auto lines = only<LogLine>(actions);
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].text.find(to_string(some_relay(3))) != std::string::npos);
  CHECK(lines[0].text.find(to_string(some_relay(4))) != std::string::npos);
  CHECK(only<Send>(actions).empty());
  CHECK(only<Close>(bench.opened(2, 0, {})).size() == 1);
  CHECK(bench.manager.links().empty());
  CHECK(bench.manager.broadcast_signal(proto::Ping{1}).reach() == 0);
}

TEST_CASE("who dials us is known by certificate alone", "[federation][V-01]") {
  Bench bench;
  SECTION("a trusted one is answered") {
    const auto actions = bench.inbound_link(1, 8);
    CHECK(only<Send>(actions).size() == 1);
    CHECK(only<LinkUp>(actions) == std::vector{LinkUp{some_relay(8)}});
  }
  SECTION("a peer may dial us too") { CHECK(only<LinkUp>(bench.inbound_link(1, 7)).size() == 1); }
  SECTION("an unknown certificate is refused, with the line that would accept it") {
    const auto actions = bench.opened(1, {}, some_relay(9));
    CHECK(only<Close>(actions).size() == 1);
    REQUIRE(only<LogLine>(actions).size() == 1);
    CHECK(only<LogLine>(actions)[0].text.find("[[trusted]]") != std::string::npos);
    CHECK(only<Dropped>(bench.hears(1, hello_of(8))).size() == 1);
    CHECK(bench.manager.links().empty());
  }
  SECTION("no certificate is refused, whatever would be claimed") {
    CHECK(only<Close>(bench.opened(1, {}, {})).size() == 1);
    CHECK(bench.manager.links().empty());
  }
  SECTION("our own certificate is refused") { CHECK(only<Close>(bench.opened(1, {}, some_relay(5))).size() == 1); }
  SECTION("a true certificate with a false claim is refused") {
    (void)bench.opened(1, {}, some_relay(8));
    CHECK(only<Close>(bench.hears(1, hello_of(7)))[0].code == kCloseNotTrusted);
    CHECK_FALSE(bench.manager.has_link(some_relay(7)));
    CHECK_FALSE(bench.manager.has_link(some_relay(8)));
  }
}

TEST_CASE("strangers fill the log with one line per second", "[federation]") {
  Bench bench;
  CHECK(only<LogLine>(bench.opened(1, {}, some_relay(9))).size() == 1);
  CHECK(only<LogLine>(bench.opened(2, {}, some_relay(9))).empty());
  bench.clock.advance(1s);
  CHECK(only<LogLine>(bench.opened(3, {}, some_relay(9))).size() == 1);
}

TEST_CASE("an unverified link carries rooms, no call, and touches no verified one", "[federation][V-01]") {
  Bench bench{{.allow_unauthenticated = true}};
  (void)bench.dialled_link(1, 0, 3);
  (void)bench.opened(2, {}, {});
  const auto up = bench.hears(2, hello_of(3));
  REQUIRE(only<LinkUp>(up).size() == 1);
  const auto key = only<LinkUp>(up)[0].relay;
  CHECK(key != some_relay(3));
  CHECK(only<Close>(up).empty());
  CHECK(bench.manager.relays() == std::vector{some_relay(3)});
  CHECK(bench.manager.neighbours().size() == 2);
  CHECK_FALSE(bench.manager.has_link(key));
  CHECK(bench.manager.connection_of(key) == ConnectionId{2});
  const proto::SignalMessage room = proto::GlobalRoomActive{"tea", {}};
  CHECK(only<FromRelay>(bench.hears(2, room)) == std::vector{FromRelay{key, room}});
  CHECK(bench.manager.links().size() == 2);
  CHECK(bench.manager.broadcast_signal(proto::Ping{1}).reach() == 1);
  CHECK(bench.manager.send_signal_to_peer(some_relay(3), proto::Ping{1})->conn == ConnectionId{1});
  const auto heard = bench.hears(2, forward_of(3, proto::CallRinging{"x"}));
  CHECK(only<Forwarded>(heard).empty());
  CHECK(only<Dropped>(heard) == std::vector{Dropped{"forward-unverified"}});
  CHECK(only<LinkDown>(bench.loses(2)) == std::vector{LinkDown{key}});
  CHECK(bench.manager.has_link(some_relay(3)));
}

TEST_CASE("strangers without a certificate leave room for relays with one", "[federation][V-27]") {
  Bench bench{{.allow_unauthenticated = true}};
  for (std::uint64_t i = 0; i < FederationManager::kMaxUnverified; ++i) {
    CHECK(only<Close>(bench.opened(10 + i, {}, {})).empty());
  }
  CHECK(only<Close>(bench.opened(500, {}, {})) == std::vector{Close{ConnectionId{500}, kCloseLimit, "limit"}});
  CHECK(only<Close>(bench.opened(501, {}, some_relay(8))).empty());
}

TEST_CASE("a broadcast reaches every linked relay once", "[federation]") {
  Bench bench;
  CHECK(bench.manager.broadcast_signal(proto::Ping{1}).reach() == 0);
  (void)bench.dialled_link(1, 0, 3);
  (void)bench.inbound_link(2, 8);
  (void)bench.opened(3, 1, some_relay(7));  // still greeting: not reached (V-70)
  const auto broadcast = bench.manager.broadcast_signal(proto::Ping{1});
  REQUIRE(broadcast.reach() == 2);
  CHECK(broadcast.sends[0].relay == some_relay(3));
  CHECK(broadcast.sends[0].send == Send{ConnectionId{1}, proto::Ping{1}});
  CHECK(broadcast.sends[1].send.conn == ConnectionId{2});
}

TEST_CASE("a peer that refuses us was never reached", "[federation][V-70]") {
  Bench bench;
  (void)bench.manager.start(bench.clock.now());
  (void)bench.opened(1, 0, some_relay(3));
  CHECK(bench.manager.broadcast_signal(proto::Ping{1}).reach() == 0);
  const auto lost = bench.loses(1, kCloseNotTrusted);
  CHECK(only<LinkDown>(lost).empty());
  // It is dialled again at the longest interval.
  bench.clock.advance(200s);
  const auto later = only<Dial>(bench.manager.tick(bench.clock.now()));
  CHECK(std::find(later.begin(), later.end(), Dial{0}) == later.end());
}

TEST_CASE("a signal to a relay without a link says which one", "[federation]") {
  Bench bench;
  const auto sent = bench.manager.send_signal_to_peer(some_relay(3), proto::Ping{1});
  REQUIRE_FALSE(sent);
  CHECK(sent.error().code == Errc::NotFound);
  CHECK(sent.error().where == "no active federation link for " + to_string(some_relay(3)));
}

TEST_CASE("a forwarded signal counts only with the origin of its link", "[federation][V-13]") {
  Bench bench;
  (void)bench.dialled_link(1, 0, 3);
  const proto::SignalMessage inner = proto::CallRinging{"x"};
  CHECK(only<Forwarded>(bench.hears(1, forward_of(3, inner))) == std::vector{Forwarded{some_relay(3), inner}});
  CHECK(only<Dropped>(bench.hears(1, forward_of(7, inner))) == std::vector{Dropped{"forward-wrong-origin"}});
  CHECK(only<Dropped>(bench.hears(1, forward_of(5, inner))) == std::vector{Dropped{"forward-own-origin"}});
  CHECK(only<Dropped>(bench.hears(1, forward_of(3, forward_of(3, inner)))) == std::vector{Dropped{"forward-nested"}});
  SECTION("in any spelling") {
    auto upper = to_string(some_relay(5));
    std::erase(upper, ':');
    const proto::FederatedSignalForward own{Box<proto::SignalMessage>{inner}, upper};
    CHECK(only<Dropped>(bench.hears(1, own)) == std::vector{Dropped{"forward-own-origin"}});
    const proto::FederatedSignalForward nobody{Box<proto::SignalMessage>{inner}, "nobody"};
    CHECK(only<Dropped>(bench.hears(1, nobody)) == std::vector{Dropped{"forward-wrong-origin"}});
  }
}

TEST_CASE("the envelope carries this relay as its origin", "[federation]") {
  Bench bench;
  const auto message = bench.manager.envelope(proto::CallRinging{"x"});
  const auto& forward = std::get<proto::FederatedSignalForward>(message);
  CHECK(forward.origin_relay_fp == to_string(some_relay(5)));
  CHECK(*forward.inner == proto::SignalMessage{proto::CallRinging{"x"}});
}

TEST_CASE("pings are answered, and a reference link gets one every 10 s", "[federation]") {
  Bench bench;
  (void)bench.dialled_link(1, 0, 3, false);
  CHECK(only<Send>(bench.hears(1, proto::Ping{77})) == std::vector{Send{ConnectionId{1}, proto::Pong{77}}});
  CHECK(only<Send>(bench.manager.tick(bench.clock.advance(10s))).size() == 1);
  CHECK(only<Send>(bench.manager.tick(bench.clock.now())).empty());
  CHECK(only<Send>(bench.manager.tick(bench.clock.advance(10s))).size() == 1);
}

TEST_CASE("of two links between our relays the one dialled by the smaller fingerprint stays", "[federation][V-11]") {
  Bench bench;
  SECTION("we are the smaller side: ours stays, theirs is closed, in either order") {
    SECTION("theirs first") {
      (void)bench.inbound_link(1, 7);
      const auto actions = bench.dialled_link(2, 1, 7);
      CHECK(only<Close>(actions) == std::vector{Close{ConnectionId{1}, kCloseDuplicateLink, "duplicate link"}});
      CHECK(only<LinkDown>(actions).empty());
    }
    SECTION("ours first") {
      (void)bench.dialled_link(2, 1, 7);
      const auto actions = bench.inbound_link(1, 7);
      CHECK(only<Close>(actions) == std::vector{Close{ConnectionId{1}, kCloseDuplicateLink, "duplicate link"}});
      CHECK(only<LinkDown>(actions).empty());
    }
    CHECK(bench.manager.send_signal_to_peer(some_relay(7), proto::Ping{1})->conn == ConnectionId{2});
    CHECK(only<LinkDown>(bench.loses(1)).empty());
  }
  SECTION("we are the larger side: we close nothing and lose nothing when they do") {
    (void)bench.dialled_link(1, 0, 3);
    CHECK(only<Close>(bench.inbound_link(2, 3)).empty());
    const auto lost = bench.loses(1, kCloseDuplicateLink);
    CHECK(only<LinkDown>(lost).empty());
    CHECK(bench.manager.has_link(some_relay(3)));
    bench.clock.advance(1h);
    const auto dials = only<Dial>(bench.manager.tick(bench.clock.now()));
    CHECK(std::find(dials.begin(), dials.end(), Dial{0}) == dials.end());
  }
}

TEST_CASE("a relay that dials again has lost its first link and what it knew", "[federation][V-11]") {
  Bench bench;
  (void)bench.inbound_link(1, 8);
  const auto actions = bench.inbound_link(2, 8);
  CHECK(only<Close>(actions) == std::vector{Close{ConnectionId{1}, kCloseDuplicateLink, "duplicate link"}});
  CHECK(only<LinkDown>(actions).size() == 1);
  CHECK(only<LinkUp>(actions).size() == 1);
  CHECK(bench.manager.send_signal_to_peer(some_relay(8), proto::Ping{1})->conn == ConnectionId{2});
}

TEST_CASE("toward a reference relay several links stay, and the newest is used", "[federation][V-11]") {
  Bench bench;
  const auto inbound = [&](std::uint64_t conn) {
    (void)bench.opened(conn, {}, some_relay(3));
    return bench.hears(conn, hello_of(3, false));
  };
  (void)bench.dialled_link(1, 0, 3, false);
  CHECK(only<Close>(inbound(2)).empty());
  CHECK(bench.manager.send_signal_to_peer(some_relay(3), proto::Ping{1})->conn == ConnectionId{2});
  const proto::SignalMessage inner = proto::CallRinging{"x"};
  CHECK(only<Forwarded>(bench.hears(1, forward_of(3, inner))).size() == 1);
  CHECK(only<Forwarded>(bench.hears(2, forward_of(3, inner))).size() == 1);
  CHECK(only<LinkDown>(bench.loses(2)).empty());
  CHECK(bench.manager.send_signal_to_peer(some_relay(3), proto::Ping{1})->conn == ConnectionId{1});
  SECTION("but no more than four") {
    for (std::uint64_t conn = 3; conn <= 5; ++conn) CHECK(only<Close>(inbound(conn)).empty());
    CHECK(only<Close>(inbound(6)) == std::vector{Close{ConnectionId{1}, kCloseDuplicateLink, "duplicate link"}});
  }
  SECTION("the last one to go takes the link with it") {
    CHECK(only<LinkDown>(bench.loses(1)) == std::vector{LinkDown{some_relay(3)}});
  }
}

TEST_CASE("a lost link is dialled again, and not while it is there", "[federation]") {
  Bench bench;
  (void)bench.manager.start(bench.clock.now());
  (void)bench.dialled_link(1, 0, 3);
  (void)bench.dialled_link(2, 1, 7);
  CHECK_FALSE(bench.manager.deadline());
  bench.clock.advance(31s);
  CHECK(only<Dial>(bench.loses(1)) == std::vector{Dial{0}});
  SECTION("also when it was the peer that had dialled") {
    (void)bench.manager.handle(DialFailed{0, "no"}, bench.clock.now());
    (void)bench.inbound_link(3, 3);
    CHECK(only<Dial>(bench.manager.tick(bench.clock.advance(1h))).empty());
    CHECK(only<Dial>(bench.loses(3)) == std::vector{Dial{0}});
  }
}

TEST_CASE("connections in all are bounded", "[federation][V-27]") {
  Bench bench;
  std::uint64_t conn = 0;
  const auto open = [&] { return only<Close>(bench.opened(++conn, {}, some_relay(8))); };
  while (conn < FederationManager::kMaxConnections) CHECK(open().empty());
  const auto refused = open();
  CHECK(refused == std::vector{Close{ConnectionId{conn}, kCloseLimit, "limit"}});
  // Those that do not greet make room again.
  CHECK(only<Close>(bench.manager.tick(bench.clock.advance(5s))).size() == FederationManager::kMaxConnections);
  CHECK(open().empty());
}

TEST_CASE("only the configured peer shares addresses", "[federation]") {
  Bench bench;
  CHECK(bench.manager.shares_addrs(some_relay(3)));
  CHECK_FALSE(bench.manager.shares_addrs(some_relay(7)));
  CHECK_FALSE(bench.manager.shares_addrs(some_relay(8)));
}

}  // namespace wzp::federation
