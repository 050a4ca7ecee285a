#include "wzp/reflex/path_race.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <vector>

#include "support.hpp"

using namespace wzp;
using namespace wzp::reflex;
using namespace std::chrono_literals;
using test::addr;
using test::at;
using test::conn;

namespace {
const auto kA = addr("10.0.0.7:5000");
const auto kB = addr("9.9.9.9:5000");

PathRace race(bool caller) {
  PathRace::Config config;
  config.caller = caller;
  return PathRace{config};
}

/// Brings `c`, which we dialled, to the point where it is validated.
RaceActions validate(PathRace& r, ConnectionId c, Duration t) {
  REQUIRE(r.handle(HelloChecked{c, true}, at(t)) == RaceActions{SendProbe{c}});
  return r.handle(ProbeAcked{c}, at(t));
}
}  // namespace

TEST_CASE("candidates are dialled 50 ms apart and punched five times", "[reflex][D-17][V-64]") {
  auto r = race(true);
  std::vector<std::pair<Duration, RaceActions>> seen{{0ms, r.start({kA, kB}, at(0ms))}};
  while (r.deadline() && *r.deadline() < at(4s)) {
    const auto now = *r.deadline();
    seen.emplace_back(now - at(0ms), r.tick(now));
  }
  const auto punch_a = RaceActions{Punch{kA}};
  const auto punch_b = RaceActions{Punch{kB}};
  CHECK(seen == std::vector<std::pair<Duration, RaceActions>>{{0ms, {Punch{kA}, Dial{kA}}},
                                                              {50ms, {Punch{kB}, Dial{kB}}},
                                                              {100ms, punch_a},
                                                              {150ms, punch_b},
                                                              {200ms, punch_a},
                                                              {250ms, punch_b},
                                                              {400ms, punch_a},
                                                              {450ms, punch_b},
                                                              {800ms, punch_a},
                                                              {850ms, punch_b}});
}

TEST_CASE("the side that dialled says hello first, the other one only after checking it", "[reflex][D-49]") {
  auto r = race(true);
  REQUIRE(r.start({kA}, at(0ms)).size() == 2);
  CHECK(r.handle(Dialled{kA, conn(1)}, at(10ms)) == RaceActions{SendHello{conn(1)}});
  CHECK(r.handle(Accepted{conn(2)}, at(10ms)).empty());
  CHECK(r.handle(HelloChecked{conn(2), true}, at(20ms)) == RaceActions{SendHello{conn(2)}, SendProbe{conn(2)}});
  CHECK(r.handle(HelloChecked{conn(1), true}, at(20ms)) == RaceActions{SendProbe{conn(1)}});
}

TEST_CASE("a wrong hello closes the connection and nothing else", "[reflex][D-49][V-16]") {
  auto r = race(false);
  REQUIRE(r.start({kA}, at(0ms)).size() == 2);
  REQUIRE(r.handle(Accepted{conn(1)}, at(10ms)).empty());
  CHECK(r.handle(HelloChecked{conn(1), false}, at(20ms)) == RaceActions{ClosePath{conn(1), CloseWhy::BadProof}});
  CHECK(r.handle(ProbeAcked{conn(1)}, at(30ms)).empty());
  CHECK(r.handle(Nominated{conn(1)}, at(30ms)).empty());
  CHECK(r.validated().empty());
}

TEST_CASE("a connection that says nothing for a second is closed", "[reflex][timeout][D-49]") {
  auto r = race(true);
  REQUIRE(r.start({}, at(0ms)).empty());
  REQUIRE(r.handle(Accepted{conn(1)}, at(10ms)).empty());
  CHECK(r.deadline() == at(1010ms));
  CHECK(r.tick(at(1010ms - 1ns)).empty());
  CHECK(r.tick(at(1010ms)) == RaceActions{ClosePath{conn(1), CloseWhy::BadProof}});
}

TEST_CASE("a probe is sent three times and then left", "[reflex][timeout]") {
  auto r = race(true);
  REQUIRE(r.start({}, at(0ms)).empty());
  REQUIRE(r.handle(Accepted{conn(1)}, at(0ms)).empty());
  REQUIRE(r.handle(HelloChecked{conn(1), true}, at(0ms)).size() == 2);
  CHECK(r.tick(at(99ms)).empty());
  CHECK(r.tick(at(100ms)) == RaceActions{SendProbe{conn(1)}});
  CHECK(r.tick(at(200ms)) == RaceActions{SendProbe{conn(1)}});
  CHECK(r.tick(at(300ms)).empty());
  CHECK(r.validated().empty());
  SECTION("a late acknowledgement still counts") {
    CHECK(r.handle(ProbeAcked{conn(1)}, at(900ms)) == RaceActions{SendNominate{conn(1)}});
  }
}

TEST_CASE("an acknowledgement before the hello does not validate", "[reflex][V-16]") {
  auto r = race(true);
  REQUIRE(r.handle(Accepted{conn(1)}, at(0ms)).empty());
  CHECK(r.handle(ProbeAcked{conn(1)}, at(1ms)).empty());
  CHECK(r.validated().empty());
}

TEST_CASE("the caller nominates the first validated connection and closes the rest once it is confirmed",
          "[reflex][V-17]") {
  auto r = race(true);
  REQUIRE(r.start({kA, kB}, at(0ms)).size() == 2);
  REQUIRE(r.handle(Dialled{kA, conn(1)}, at(10ms)).size() == 1);
  REQUIRE(r.handle(Accepted{conn(2)}, at(10ms)).empty());
  REQUIRE(r.tick(at(50ms)).size() == 2);  // kB is being dialled
  CHECK(validate(r, conn(1), 60ms) == RaceActions{SendNominate{conn(1)}});
  CHECK(r.selected() == std::nullopt);
  CHECK(r.handle(Confirmed{conn(1)}, at(70ms)) ==
        RaceActions{CancelDial{kB}, UseDirect{conn(1)}, ClosePath{conn(2), CloseWhy::NotSelected}});
  CHECK(r.selected() == conn(1));
  CHECK(r.deadline() == std::nullopt);
  SECTION("what arrives later is closed") {
    CHECK(r.handle(Accepted{conn(3)}, at(80ms)) == RaceActions{ClosePath{conn(3), CloseWhy::NotSelected}});
  }
  SECTION("a second confirmation changes nothing") { CHECK(r.handle(Confirmed{conn(1)}, at(80ms)).empty()); }
}

TEST_CASE("a nomination without confirmation gives way to the next after a second", "[reflex][timeout][V-17]") {
  auto r = race(true);
  REQUIRE(r.start({kA, kB}, at(0ms)).size() == 2);
  REQUIRE(r.tick(at(50ms)).size() == 2);
  REQUIRE(r.handle(Dialled{kA, conn(1)}, at(60ms)).size() == 1);
  REQUIRE(r.handle(Dialled{kB, conn(2)}, at(60ms)).size() == 1);
  REQUIRE(validate(r, conn(1), 70ms) == RaceActions{SendNominate{conn(1)}});
  REQUIRE(validate(r, conn(2), 80ms).empty());
  for (const auto t : {100ms, 200ms, 400ms, 800ms, 850ms}) (void)r.tick(at(t));
  CHECK(r.tick(at(1070ms)) == RaceActions{SendNominate{conn(2)}});
  SECTION("the second is confirmed") {
    CHECK(r.handle(Confirmed{conn(2)}, at(1100ms)) ==
          RaceActions{UseDirect{conn(2)}, ClosePath{conn(1), CloseWhy::NotSelected}});
  }
  SECTION("the first confirmation was only late, and wins") {
    CHECK(r.handle(Confirmed{conn(1)}, at(1100ms)) ==
          RaceActions{UseDirect{conn(1)}, ClosePath{conn(2), CloseWhy::NotSelected}});
    CHECK(r.handle(Confirmed{conn(2)}, at(1110ms)).empty());
  }
  SECTION("the awaited one is lost, and so is the other: nothing is left to nominate") {
    CHECK(r.handle(Gone{conn(2)}, at(1100ms)).empty());
    CHECK(r.handle(Gone{conn(1)}, at(1100ms)).empty());
    CHECK(r.tick(at(5s)) == RaceActions{UseRelay{}});
  }
}

TEST_CASE("a nominated connection that ends gives way to the next at once", "[reflex]") {
  auto r = race(true);
  REQUIRE(r.start({kA, kB}, at(0ms)).size() == 2);
  REQUIRE(r.handle(Dialled{kA, conn(1)}, at(10ms)).size() == 1);
  REQUIRE(r.handle(Dialled{kB, conn(2)}, at(10ms)).size() == 1);
  REQUIRE(validate(r, conn(1), 20ms).size() == 1);
  REQUIRE(validate(r, conn(2), 20ms).empty());
  CHECK(r.handle(Gone{conn(1)}, at(30ms)) == RaceActions{SendNominate{conn(2)}});
}

TEST_CASE("the callee confirms as soon as the connection is validated there too", "[reflex]") {
  auto r = race(false);
  REQUIRE(r.start({kA}, at(0ms)).size() == 2);
  REQUIRE(r.handle(Dialled{kA, conn(1)}, at(10ms)).size() == 1);
  SECTION("not before the hello") {
    CHECK(r.handle(Nominated{conn(1)}, at(20ms)).empty());
    CHECK(validate(r, conn(1), 30ms).empty());
    CHECK(r.selected() == std::nullopt);
  }
  SECTION("nominated between hello and acknowledgement") {
    REQUIRE(r.handle(HelloChecked{conn(1), true}, at(20ms)).size() == 1);
    CHECK(r.handle(Nominated{conn(1)}, at(20ms)).empty());
    CHECK(r.handle(ProbeAcked{conn(1)}, at(30ms)) == RaceActions{SendConfirm{conn(1)}, UseDirect{conn(1)}});
  }
  SECTION("nominated when validated, twice") {
    REQUIRE(validate(r, conn(1), 20ms).empty());
    CHECK(r.handle(Nominated{conn(1)}, at(30ms)) == RaceActions{SendConfirm{conn(1)}, UseDirect{conn(1)}});
    CHECK(r.handle(Nominated{conn(1)}, at(40ms)).empty());
    CHECK(r.selected() == conn(1));
  }
}

TEST_CASE("the callee never nominates and the caller never confirms", "[reflex]") {
  auto callee = race(false);
  REQUIRE(callee.handle(Dialled{kA, conn(1)}, at(0ms)).size() == 1);
  CHECK(validate(callee, conn(1), 10ms).empty());
  CHECK(callee.handle(Confirmed{conn(1)}, at(20ms)).empty());
  auto caller = race(true);
  REQUIRE(caller.handle(Dialled{kA, conn(1)}, at(0ms)).size() == 1);
  REQUIRE(caller.handle(HelloChecked{conn(1), true}, at(0ms)).size() == 1);
  CHECK(caller.handle(Nominated{conn(1)}, at(20ms)).empty());
  CHECK(caller.handle(Confirmed{conn(1)}, at(20ms)).empty());  // was never nominated
}

TEST_CASE("the callee falls back to what it had confirmed before", "[reflex][V-17]") {
  auto r = race(false);
  REQUIRE(r.start({kA, kB}, at(0ms)).size() == 2);
  REQUIRE(r.handle(Dialled{kA, conn(1)}, at(10ms)).size() == 1);
  REQUIRE(r.handle(Dialled{kB, conn(2)}, at(10ms)).size() == 1);
  REQUIRE(validate(r, conn(1), 20ms).empty());
  REQUIRE(validate(r, conn(2), 20ms).empty());
  REQUIRE(r.handle(Nominated{conn(1)}, at(30ms)).size() == 2);
  CHECK(r.handle(Nominated{conn(2)}, at(1030ms)) == RaceActions{SendConfirm{conn(2)}, UseDirect{conn(2)}});
  CHECK(r.handle(Gone{conn(2)}, at(1040ms)) == RaceActions{UseDirect{conn(1)}});
  CHECK(r.handle(Gone{conn(1)}, at(1050ms)) == RaceActions{UseRelay{}});
}

TEST_CASE("the search ends after five seconds and leaves nothing open", "[reflex][timeout]") {
  auto r = race(true);
  REQUIRE(r.start({kA}, at(0ms)).size() == 2);
  REQUIRE(r.handle(Accepted{conn(1)}, at(4500ms)).empty());
  while (r.deadline() && *r.deadline() < at(5s)) (void)r.tick(*r.deadline());
  CHECK(r.tick(at(5s)) == RaceActions{CancelDial{kA}, ClosePath{conn(1), CloseWhy::NotSelected}, UseRelay{}});
  CHECK(r.deadline() == std::nullopt);
  CHECK(r.handle(Dialled{kA, conn(2)}, at(5100ms)) == RaceActions{ClosePath{conn(2), CloseWhy::NotSelected}});
}

TEST_CASE("the loss of the agreed connection is said once", "[reflex]") {
  auto r = race(true);
  REQUIRE(r.start({kA}, at(0ms)).size() == 2);
  REQUIRE(r.handle(Dialled{kA, conn(1)}, at(10ms)).size() == 1);
  REQUIRE(validate(r, conn(1), 20ms).size() == 1);
  REQUIRE(r.handle(Confirmed{conn(1)}, at(30ms)).size() == 1);
  CHECK(r.handle(Gone{conn(1)}, at(40ms)) == RaceActions{UseRelay{}});
  CHECK(r.handle(Gone{conn(1)}, at(50ms)).empty());
  CHECK(r.handle(Accepted{conn(2)}, at(60ms)) == RaceActions{ClosePath{conn(2), CloseWhy::NotSelected}});
}

TEST_CASE("strangers cannot fill the table", "[reflex][V-16]") {
  auto r = race(false);
  REQUIRE(r.start({kA}, at(0ms)).size() == 2);
  for (std::uint64_t i = 1; i <= PathRace::kMaxUnchecked; ++i) REQUIRE(r.handle(Accepted{conn(i)}, at(1ms)).empty());
  CHECK(r.handle(Accepted{conn(99)}, at(2ms)) == RaceActions{ClosePath{conn(99), CloseWhy::Limit}});
  SECTION("our own dials still count") {
    CHECK(r.handle(Dialled{kA, conn(100)}, at(3ms)) == RaceActions{SendHello{conn(100)}});
  }
  SECTION("a place is free again when one proved itself or went") {
    REQUIRE(r.handle(HelloChecked{conn(1), true}, at(3ms)).size() == 2);
    CHECK(r.handle(Accepted{conn(101)}, at(4ms)).empty());
    REQUIRE(r.handle(Gone{conn(2)}, at(4ms)).empty());
    CHECK(r.handle(Accepted{conn(102)}, at(4ms)).empty());
  }
}

TEST_CASE("events about unknown connections are harmless", "[reflex]") {
  auto r = race(GENERATE(true, false));
  CHECK(r.handle(HelloChecked{conn(7), true}, at(0ms)).empty());
  CHECK(r.handle(ProbeAcked{conn(7)}, at(0ms)).empty());
  CHECK(r.handle(Nominated{conn(7)}, at(0ms)).empty());
  CHECK(r.handle(Confirmed{conn(7)}, at(0ms)).empty());
  CHECK(r.handle(Gone{conn(7)}, at(0ms)).empty());
  CHECK(r.handle(DialFailed{kA}, at(0ms)).empty());
  CHECK(r.tick(at(1h)).empty());
}
