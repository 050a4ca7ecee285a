#include "wzp/media/timeline.hpp"

#include <catch2/catch_test_macros.hpp>

using wzp::media::Timeline;

TEST_CASE("timestamps of one sender grow through the wrap of 32 bits", "[media]") {
  Timeline line;
  const std::int64_t first = line.extend(0xffff'fff0U);
  CHECK(line.extend(4) == first + 20);
  CHECK(line.extend(0xffff'fff0U) == first);
  CHECK(line.to_ms(first + 20) == first + 20);
}

TEST_CASE("steps of 20 or 40 are milliseconds, steps of 960 or 1920 samples", "[media][D-55]") {
  for (const std::uint32_t step : {20U, 40U}) {
    Timeline line;
    for (std::uint32_t i = 0; i < 12; ++i) (void)line.extend(i * step);
    CHECK_FALSE(line.counts_samples());
    CHECK(line.settled());
  }
  for (const std::uint32_t step : {960U, 1920U}) {
    Timeline line;
    (void)line.extend(7);
    (void)line.extend(7 + step);
    CHECK(line.counts_samples());
    CHECK(line.to_ms(48'000) == 1000);
  }
}

TEST_CASE("a pause of 960 ms fools the unit only until the next step", "[media][D-55]") {
  Timeline line;
  (void)line.extend(0);
  (void)line.extend(960);
  CHECK(line.counts_samples());
  (void)line.extend(980);
  CHECK_FALSE(line.counts_samples());
  for (std::uint32_t i = 1; i < 20; ++i) (void)line.extend(980 + 960 * i);
  CHECK_FALSE(line.counts_samples());
}

TEST_CASE("after ten steps the unit is settled", "[media][D-55]") {
  Timeline line;
  for (std::uint32_t i = 0; i <= 10; ++i) (void)line.extend(i * 960);
  REQUIRE(line.settled());
  (void)line.extend(10 * 960 + 20);
  CHECK(line.counts_samples());
}
