#include "wzp/federation/dialler.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <vector>

#include "sim_clock.hpp"

using namespace std::chrono_literals;

namespace wzp::federation {
namespace {

/// Lets the next attempt come and fail; gives how long it took to come.
Duration next_delay(Dialler& dialler, sim::SimClock& clock) {
  const auto before = clock.now();
  REQUIRE(dialler.deadline());
  clock.advance_to(*dialler.deadline());
  REQUIRE(dialler.take_attempt(clock.now()));
  const auto delay = clock.now() - before;
  dialler.attempt_failed(clock.now());
  return delay;
}

}  // namespace

TEST_CASE("a peer is dialled at once, then with doubling delays up to 300 s", "[federation][timeout]") {
  const auto seed = GENERATE(range(0U, 20U));
  INFO("seed " << seed);
  sim::SimClock clock;
  Dialler dialler{seed};
  dialler.want(clock.now());
  CHECK(next_delay(dialler, clock) == 0s);
  for (Duration expected = 1s; expected < 300s; expected *= 2) {
    const auto delay = next_delay(dialler, clock);
    CHECK(delay >= expected * 8 / 10);
    CHECK(delay <= expected * 12 / 10);
  }
  for (int i = 0; i < 3; ++i) {
    const auto delay = next_delay(dialler, clock);
    CHECK(delay >= 240s);
    CHECK(delay <= 360s);
  }
}

TEST_CASE("two relays that lost the same peer do not dial in step", "[federation]") {
  sim::SimClock clock;
  Dialler one{1};
  Dialler two{2};
  one.failed(clock.now(), false);
  two.failed(clock.now(), false);
  CHECK(one.deadline() != two.deadline());
}

TEST_CASE("an attempt that nobody answers fails after 10 s", "[federation][timeout]") {
  sim::SimClock clock;
  Dialler dialler{1};
  dialler.want(clock.now());
  REQUIRE(dialler.take_attempt(clock.now()));
  CHECK(dialler.deadline() == clock.now() + 10s);
  dialler.want(clock.now());  // one attempt at a time
  CHECK_FALSE(dialler.take_attempt(clock.advance(10s - 1ns)));
  CHECK_FALSE(dialler.take_attempt(clock.advance(1ns)));
  CHECK(*dialler.deadline() >= clock.now() + 800ms);
  const auto due = dialler.deadline();
  dialler.attempt_failed(clock.now());  // the late word of the one that gave up
  CHECK(dialler.deadline() == due);
}

TEST_CASE("a link that was up for 30 s is dialled again at once, a shorter one backs off", "[federation]") {
  sim::SimClock clock;
  Dialler dialler{1};
  for (int i = 0; i < 5; ++i) dialler.failed(clock.now(), false);
  dialler.connected();
  CHECK_FALSE(dialler.deadline());
  dialler.disconnected();
  SECTION("long") {
    dialler.link_ended(clock.now(), 30s);
    CHECK(dialler.take_attempt(clock.now()));
    dialler.attempt_failed(clock.now());
    CHECK(*dialler.deadline() <= clock.now() + 1200ms);
  }
  SECTION("short") {
    dialler.link_ended(clock.now(), 30s - 1ns);
    CHECK(*dialler.deadline() >= clock.now() + 25s);
  }
}

TEST_CASE("a refusal waits longest", "[federation]") {
  sim::SimClock clock;
  Dialler dialler{1};
  dialler.want(clock.now());
  REQUIRE(dialler.take_attempt(clock.now()));
  dialler.connected();
  dialler.failed(clock.now(), true);
  CHECK(*dialler.deadline() >= clock.now() + 240s);
}

TEST_CASE("a linked peer is not dialled", "[federation]") {
  sim::SimClock clock;
  Dialler dialler{1};
  dialler.want(clock.now());
  dialler.rest();
  CHECK_FALSE(dialler.deadline());
  CHECK_FALSE(dialler.take_attempt(clock.now()));
}

}  // namespace wzp::federation
