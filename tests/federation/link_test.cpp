#include "wzp/federation/link.hpp"

#include <catch2/catch_test_macros.hpp>

#include "relays.hpp"
#include "sim_clock.hpp"

using namespace std::chrono_literals;

namespace wzp::federation {
namespace {

Link::Setup dialled() { return {.conn = ConnectionId{1}, .dialled = true, .certificate = some_relay(2), .label = "B"}; }
Link::Setup inbound() {
  return {.conn = ConnectionId{1}, .dialled = false, .certificate = some_relay(2), .label = "B"};
}

}  // namespace

TEST_CASE("a link that we dialled is up when the acceptor greets back", "[federation]") {
  sim::SimClock clock;
  Link link{dialled(), clock.now()};
  CHECK_FALSE(link.is_up());
  CHECK(link.hear(hello_of(2), clock.now()) == Link::Outcome{.came_up = true, .consumed = true});
  CHECK(link.is_up());
  CHECK(link.is_capable());
  CHECK(proto::has_cap(link.caps(), "call-nack"));
  CHECK_FALSE(link.deadline());
}

TEST_CASE("an acceptor answers the hello and is up", "[federation]") {
  sim::SimClock clock;
  Link link{inbound(), clock.now()};
  CHECK(link.hear(hello_of(2), clock.now()) == Link::Outcome{.answer_hello = true, .came_up = true, .consumed = true});
  CHECK(link.hear(hello_of(2), clock.now()) == Link::Outcome{.consumed = true});
}

TEST_CASE("a hello that names another certificate is refused", "[federation][V-01]") {
  sim::SimClock clock;
  for (const auto& setup : {dialled(), inbound()}) {
    Link link{setup, clock.now()};
    const auto outcome = link.hear(hello_of(3), clock.now());
    REQUIRE(outcome.refused);
    CHECK(outcome.refused->code == kCloseNotTrusted);
    CHECK_FALSE(link.is_up());
  }
  Link link{inbound(), clock.now()};
  CHECK(link.hear(proto::FederationHello{.tls_fingerprint = "nonsense"}, clock.now()).refused);
}

TEST_CASE("a pinned acceptor that is silent for 2 s is a reference relay", "[federation][timeout]") {
  sim::SimClock clock;
  Link link{dialled(), clock.now()};
  CHECK(link.deadline() == clock.now() + 2s);
  CHECK(link.tick(clock.advance(2s - 1ns)) == Link::Outcome{});
  CHECK(link.tick(clock.advance(1ns)) == Link::Outcome{.came_up = true});
  CHECK(link.is_up());
  CHECK_FALSE(link.is_capable());
  SECTION("it gets a ping every 10 s, lest it sweeps our presence") {
    CHECK_FALSE(link.take_ping(clock.now()));
    CHECK(link.deadline() == clock.now() + 10s);
    CHECK(link.take_ping(clock.advance(10s)));
    CHECK_FALSE(link.take_ping(clock.now()));
    CHECK(link.take_ping(clock.advance(10s)));
  }
  SECTION("a late hello shows that it is one of ours") {
    CHECK(link.hear(hello_of(2), clock.now()) == Link::Outcome{.became_capable = true, .consumed = true});
    CHECK(link.is_capable());
    CHECK_FALSE(link.deadline());
  }
}

TEST_CASE("a dialled relay that speaks without greeting is a reference relay", "[federation]") {
  sim::SimClock clock;
  Link link{dialled(), clock.now()};
  const auto outcome = link.hear(proto::GlobalRoomActive{"general", {}}, clock.now());
  CHECK(outcome == Link::Outcome{.came_up = true});
  CHECK_FALSE(link.is_capable());
}

TEST_CASE("a dialler that does not greet is closed after 5 s, and nothing it says before counts",
          "[federation][timeout]") {
  sim::SimClock clock;
  Link link{inbound(), clock.now()};
  CHECK(link.hear(proto::Ping{1}, clock.now()) == Link::Outcome{.consumed = true});
  CHECK_FALSE(link.is_up());
  CHECK(link.tick(clock.advance(5s - 1ns)) == Link::Outcome{});
  const auto outcome = link.tick(clock.advance(1ns));
  REQUIRE(outcome.refused);
  CHECK(outcome.refused->code == kCloseTimeout);
}

TEST_CASE("a link without a certificate has no identity, whatever it claims", "[federation][V-01]") {
  sim::SimClock clock;
  Link link{{.conn = ConnectionId{1}, .dialled = false, .certificate = {}, .label = "unverified"}, clock.now()};
  CHECK(link.hear(hello_of(2), clock.now()).came_up);
  CHECK_FALSE(link.relay());
  CHECK_FALSE(link.is_capable());
  CHECK(link.caps().empty());
  CHECK(link.label().starts_with("unverified"));
}

}  // namespace wzp::federation
