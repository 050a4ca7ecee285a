#include "wzp/reflex/reference_race.hpp"

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

ReferenceRace race(std::optional<Role> role) {
  ReferenceRace::Config config;
  config.role = role;
  return ReferenceRace{config};
}
}  // namespace

TEST_CASE("direct is chosen only when both sides reached it", "[reflex][D-03][V-17]") {
  const auto [mine, theirs, direct] = GENERATE(
      table<bool, bool, bool>({{true, true, true}, {true, false, false}, {false, true, false}, {false, false, false}}));
  const bool report_first = GENERATE(true, false);
  auto r = race(Role::Dialer);
  REQUIRE(r.start({kA}, at(0ms)) == RaceActions{Dial{kA}});
  RaceActions all;
  const auto add = [&](RaceActions more) { all.insert(all.end(), more.begin(), more.end()); };
  if (report_first) add(r.handle(PeerReport{theirs}, at(10ms)));
  add(mine ? r.handle(Dialled{kA, conn(1)}, at(20ms)) : r.handle(DialFailed{kA}, at(20ms)));
  if (!report_first) add(r.handle(PeerReport{theirs}, at(30ms)));
  RaceActions expected{SendReport{mine}};
  if (mine && !direct) expected.push_back(ClosePath{conn(1), CloseWhy::NotSelected});
  expected.push_back(direct ? RaceAction{UseDirect{conn(1)}} : RaceAction{UseRelay{}});
  CHECK(all == expected);
  CHECK(r.deadline() == std::nullopt);
  CHECK(r.selected() == (direct ? std::optional{conn(1)} : std::nullopt));
}

TEST_CASE("the dialler dials everything at once and keeps the first", "[reflex]") {
  auto r = race(Role::Dialer);
  REQUIRE(r.start({kA, kB}, at(0ms)) == RaceActions{Dial{kA}, Dial{kB}});
  CHECK(r.handle(Dialled{kB, conn(1)}, at(80ms)) == RaceActions{CancelDial{kA}, SendReport{true}});
  CHECK(r.handle(Dialled{kA, conn(2)}, at(81ms)) == RaceActions{ClosePath{conn(2), CloseWhy::NotSelected}});
}

TEST_CASE("the acceptor punches every 100 ms and takes the first connection", "[reflex][D-17][V-64]") {
  auto r = race(Role::Acceptor);
  CHECK(r.start({kA, kB}, at(0ms)) == RaceActions{Punch{kA}, Punch{kB}});
  CHECK(r.tick(at(99ms)).empty());
  CHECK(r.tick(at(100ms)) == RaceActions{Punch{kA}, Punch{kB}});
  CHECK(r.handle(Accepted{conn(1)}, at(150ms)) == RaceActions{SendReport{true}});
  CHECK(r.tick(at(200ms)).empty());
  CHECK(r.handle(Accepted{conn(2)}, at(210ms)) == RaceActions{ClosePath{conn(2), CloseWhy::NotSelected}});
}

TEST_CASE("a dialler accepts too, for the case that the roles do not fit", "[reflex][D-18]") {
  auto r = race(Role::Dialer);
  REQUIRE(r.start({kA}, at(0ms)).size() == 1);
  CHECK(r.handle(Accepted{conn(1)}, at(10ms)) == RaceActions{CancelDial{kA}, SendReport{true}});
}

TEST_CASE("a direct path that does not come up is reported after two seconds", "[reflex][timeout]") {
  auto r = race(Role::Dialer);
  REQUIRE(r.start({kA}, at(0ms)).size() == 1);
  CHECK(r.deadline() == at(2s));
  CHECK(r.tick(at(2s - 1ns)).empty());
  CHECK(r.tick(at(2s)) == RaceActions{CancelDial{kA}, SendReport{false}, UseRelay{}});
  CHECK(r.handle(Dialled{kA, conn(1)}, at(2100ms)) == RaceActions{ClosePath{conn(1), CloseWhy::NotSelected}});
  CHECK(r.handle(PeerReport{true}, at(2200ms)).empty());
}

TEST_CASE("a report that does not come is a no", "[reflex][timeout][H-18]") {
  auto r = race(Role::Dialer);
  REQUIRE(r.start({kA}, at(0ms)).size() == 1);
  REQUIRE(r.handle(Dialled{kA, conn(1)}, at(100ms)).size() == 1);
  CHECK(r.deadline() == at(3100ms));
  CHECK(r.tick(at(3100ms)) == RaceActions{ClosePath{conn(1), CloseWhy::NotSelected}, UseRelay{}});
  CHECK(r.handle(PeerReport{true}, at(3101ms)).empty());
}

TEST_CASE("a report counts whenever it comes, and the first one only", "[reflex][D-04][H-16]") {
  auto r = race(Role::Acceptor);
  SECTION("before the race") {
    REQUIRE(r.handle(PeerReport{true}, at(-1s)).empty());
    REQUIRE(r.start({kA}, at(0ms)).size() == 1);
    CHECK(r.handle(Accepted{conn(1)}, at(50ms)) == RaceActions{SendReport{true}, UseDirect{conn(1)}});
  }
  SECTION("at the last moment") {
    REQUIRE(r.start({kA}, at(0ms)).size() == 1);
    REQUIRE(r.handle(Accepted{conn(1)}, at(50ms)).size() == 1);
    CHECK(r.handle(PeerReport{true}, at(3050ms - 1ms)) == RaceActions{UseDirect{conn(1)}});
  }
  SECTION("twice") {
    REQUIRE(r.handle(PeerReport{false}, at(-1s)).empty());
    REQUIRE(r.handle(PeerReport{true}, at(-1s)).empty());
    REQUIRE(r.start({kA}, at(0ms)).size() == 1);
    CHECK(r.handle(Accepted{conn(1)}, at(50ms)) ==
          RaceActions{SendReport{true}, ClosePath{conn(1), CloseWhy::NotSelected}, UseRelay{}});
  }
}

TEST_CASE("a race that cannot be is reported at once", "[reflex][D-52]") {
  SECTION("no role") { CHECK(race(std::nullopt).start({kA}, at(0ms)) == RaceActions{SendReport{false}, UseRelay{}}); }
  SECTION("no candidates") {
    CHECK(race(Role::Dialer).start({}, at(0ms)) == RaceActions{SendReport{false}, UseRelay{}});
  }
}

TEST_CASE("a connection accepted before the race wins when the race begins", "[reflex]") {
  auto r = race(Role::Acceptor);
  REQUIRE(r.handle(Accepted{conn(1)}, at(-10ms)).empty());
  CHECK(r.start({kA}, at(0ms)) == RaceActions{Punch{kA}, SendReport{true}});
}

TEST_CASE("losing the direct connection before the decision means the relay, after it nothing", "[reflex]") {
  auto r = race(Role::Dialer);
  REQUIRE(r.start({kA}, at(0ms)).size() == 1);
  REQUIRE(r.handle(Dialled{kA, conn(1)}, at(100ms)).size() == 1);
  SECTION("before") {
    CHECK(r.handle(Gone{conn(1)}, at(200ms)) == RaceActions{UseRelay{}});
    CHECK(r.handle(PeerReport{true}, at(300ms)).empty());
  }
  SECTION("after") {
    REQUIRE(r.handle(PeerReport{true}, at(150ms)).size() == 1);
    CHECK(r.handle(Gone{conn(1)}, at(200ms)).empty());
    CHECK(r.selected() == std::nullopt);
  }
}
