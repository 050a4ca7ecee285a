#include "wzp/client/room_quality.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace wzp;
using namespace wzp::client;
using namespace std::chrono_literals;

namespace {

struct Path {
  RoomQuality quality;
  RoomQuality::Sample counters;
  Instant now = Instant{} + 1h;

  /// 250 ms with 12 packets, some of them lost, and a look at the end.
  void go(std::uint64_t lost) {
    now += 250ms;
    counters.sent += 12;
    counters.lost += lost;
    counters.rtt = 42ms;
    quality.look(counters, now);
  }
};

}  // namespace

TEST_CASE("a report is due once a second", "[client][room]") {
  Path path;
  CHECK_FALSE(path.quality.take({}, path.now));
  path.go(0);
  const auto first = path.quality.take(7ms, path.now);
  REQUIRE(first);
  CHECK(first->loss_pct == 0);
  CHECK(first->rtt_ms() == 40);
  CHECK(first->jitter_ms == 7);
  path.go(0);
  CHECK_FALSE(path.quality.take({}, path.now + 750ms - 1ns));
  CHECK(path.quality.take({}, path.now + 750ms));
}

TEST_CASE("loss is that of the last two seconds and recovers", "[client][room][V-71]") {
  Path path;
  for (int i = 0; i < 400; ++i) path.go(0);  // a long good time would hide what follows
  for (int i = 0; i < 8; ++i) path.go(6);
  CHECK(path.quality.loss_percent() == 50);
  for (int i = 0; i < 8; ++i) path.go(0);
  CHECK(path.quality.loss_percent() == 0);
}

TEST_CASE("a new connection starts from zero", "[client][room]") {
  Path path;
  for (int i = 0; i < 20; ++i) path.go(6);
  path.quality.restart();
  path.counters = {};
  path.go(3);
  CHECK(path.quality.loss_percent() == 25);
}

TEST_CASE("counters that make no sense give a report all the same", "[client][room]") {
  RoomQuality quality;
  const Instant now = Instant{} + 1h;
  quality.look({10, 500, 90min}, now);
  CHECK(quality.loss_percent() == 100);
  quality.look({5, 2, -3ms}, now + 1ms);
  CHECK(quality.loss_percent() == 0);
  for (int i = 0; i < 100; ++i) quality.look({10, 1, 1ms}, now + 2ms);
  const auto report = quality.take(1h, now + 1s);
  REQUIRE(report);
  CHECK(report->jitter_ms == 255);
}
