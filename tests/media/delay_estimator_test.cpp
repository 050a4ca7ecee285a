#include "wzp/media/delay_estimator.hpp"

#include <catch2/catch_test_macros.hpp>

#include "signal.hpp"

using namespace wzp;
using namespace wzp::media;
using namespace std::chrono_literals;
using test::Random;

namespace {

/// Twenty milliseconds of a stream, `n` frames, with the delay of each given by `delay(i)`.
template <class F>
Instant feed(DelayEstimator& delay, Instant start, std::int64_t first, std::int64_t n, F delay_of) {
  Instant now = start;
  for (std::int64_t i = first; i < first + n; ++i) {
    now = start + (i - first) * 20ms;
    delay.add(i * 20, now + delay_of(i));
    delay.tick(now);
  }
  return now + 20ms;
}

}  // namespace

TEST_CASE("the delay of a steady path comes down to its smallest", "[media][D-31]") {
  DelayEstimator delay;
  CHECK(delay.target_ms() == DelayEstimator::kStartTargetMs);
  feed(delay, Instant{} + 1h, 0, 100, [](auto) { return 30ms; });
  CHECK(delay.target_ms() == DelayEstimator::kMinTargetMs);
}

TEST_CASE("the target covers jitter at once and leaves it slowly", "[media][D-31]") {
  DelayEstimator delay;
  Random random{1};
  Instant now = feed(delay, Instant{} + 1h, 0, 100, [](auto) { return 30ms; });
  now = feed(delay, now, 100, 100, [&](auto) { return 30ms + std::chrono::milliseconds{random(81)}; });
  CHECK(delay.target_ms() >= 80);
  CHECK(delay.target_ms() <= 120);
  const std::int64_t before = delay.target_ms();
  now = feed(delay, now, 200, 50, [](auto) { return 30ms; });
  CHECK(delay.target_ms() >= before - 51);
  feed(delay, now, 250, 600, [](auto) { return 30ms; });
  CHECK(delay.target_ms() == DelayEstimator::kMinTargetMs);
}

TEST_CASE("the target stays within its bounds, whatever hurts", "[media]") {
  DelayEstimator delay;
  for (int i = 0; i < 100; ++i) delay.hurt();
  CHECK(delay.target_ms() == DelayEstimator::kMaxTargetMs);
}

TEST_CASE("a path that became slower is the new base, one burst is not", "[media][D-30]") {
  DelayEstimator delay;
  Instant now = feed(delay, Instant{} + 1h, 0, 500, [](auto) { return 30ms; });
  delay.suspect_shift(now);
  CHECK_FALSE(delay.steady());
  SECTION("slower for good") {
    now = feed(delay, now, 500, 100, [](auto) { return 430ms; });
    REQUIRE(delay.steady());
    CHECK(delay.lateness_ms(600 * 20, now + 430ms) == 0);
    CHECK(delay.target_ms() == DelayEstimator::kMinTargetMs);
  }
  SECTION("a burst") {
    now = feed(delay, now, 500, 100, [](std::int64_t i) { return i < 515 ? 430ms - (i - 500) * 27ms : 30ms; });
    REQUIRE(delay.steady());
    CHECK(delay.lateness_ms(600 * 20, now + 30ms) == 0);
    CHECK(delay.target_ms() == DelayEstimator::kMinTargetMs);
  }
}
