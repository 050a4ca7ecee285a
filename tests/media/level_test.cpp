#include "wzp/media/level.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include "signal.hpp"

using namespace wzp::media;
using Catch::Matchers::WithinAbs;

TEST_CASE("a sine of half scale peaks at -6 dB and measures -9 dB", "[media]") {
  const Level l = level(test::sine(1000, kSampleRate, 1).samples);
  CHECK_THAT(l.peak_dbfs, WithinAbs(-6.02, 0.01));
  CHECK_THAT(l.rms_dbfs, WithinAbs(-9.03, 0.01));
}

TEST_CASE("the loudest sample is 0 dB and nothing is below silence", "[media]") {
  const std::array<std::int16_t, 2> loudest{-32768, -32768};
  CHECK_THAT(level(loudest).rms_dbfs, WithinAbs(0.0, 1e-9));
  CHECK(level(Frame{}) == Level{});
  CHECK(level({}) == Level{kSilenceDbfs, kSilenceDbfs});
}
