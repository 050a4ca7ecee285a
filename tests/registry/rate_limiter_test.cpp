#include "wzp/registry/rate_limiter.hpp"

#include <catch2/catch_test_macros.hpp>

#include "sim_clock.hpp"

using namespace std::chrono_literals;

namespace wzp::registry {

TEST_CASE("a token bucket gives its burst, then its rate", "[registry][V-61]") {
  sim::SimClock clock;
  TokenBucket bucket{{30, 1min, 5}};
  for (int i = 0; i < 5; ++i) CHECK(bucket.take(clock.now()));
  CHECK_FALSE(bucket.take(clock.now()));
  CHECK_FALSE(bucket.take(clock.advance(2s - 1ns)));
  CHECK(bucket.take(clock.advance(1ns)));
  CHECK_FALSE(bucket.take(clock.now()));
  SECTION("and saves no more than its burst") {
    clock.advance(1h);
    CHECK(bucket.is_full(clock.now()));
    for (int i = 0; i < 5; ++i) CHECK(bucket.take(clock.now()));
    CHECK_FALSE(bucket.take(clock.now()));
  }
}

TEST_CASE("a rate of zero is no limit", "[registry]") {
  sim::SimClock clock;
  RateLimiter<int> limiter{{0, 1min, 0}, 4};
  for (int i = 0; i < 1000; ++i) CHECK(limiter.take(1, clock.now()));
  CHECK(limiter.size() == 0);
}

TEST_CASE("keys are limited apart, and forgotten when they are full again", "[registry][V-27]") {
  sim::SimClock clock;
  RateLimiter<int> limiter{{1, 1min, 1}, 100};
  CHECK(limiter.take(1, clock.now()));
  CHECK_FALSE(limiter.take(1, clock.now()));
  CHECK(limiter.take(2, clock.now()));
  CHECK(limiter.size() == 2);
  clock.advance(1min);
  CHECK(limiter.take(3, clock.now()));
  CHECK(limiter.size() == 1);
}

TEST_CASE("a flood of keys is bounded: the one used longest ago goes", "[registry][V-27]") {
  sim::SimClock clock;
  RateLimiter<int> limiter{{1, 1h, 1}, 10};
  CHECK(limiter.take(-1, clock.now()));
  for (int key = 0; key < 1000; ++key) {
    CHECK(limiter.take(key, clock.now()));
    CHECK(limiter.size() <= 10);
  }
  CHECK_FALSE(limiter.take(999, clock.now()));
  CHECK(limiter.take(-1, clock.now()));
}

}  // namespace wzp::registry
