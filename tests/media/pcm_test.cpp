#include "wzp/media/pcm.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include "signal.hpp"
#include "wzp/media/level.hpp"

using namespace wzp;
using namespace wzp::media;
using Catch::Matchers::WithinAbs;

TEST_CASE("a tone keeps its strength through resampling and brings no image", "[media]") {
  const std::uint32_t rate = GENERATE(8'000U, 11'025U, 16'000U, 22'050U, 24'000U, 32'000U, 44'100U, 96'000U);
  const double hz = GENERATE(300.0, 1'000.0, 3'000.0);
  CAPTURE(rate, hz);
  const auto out = to_mono_48k(test::sine(hz, rate, 1));
  REQUIRE(out);
  CHECK(out->sample_rate == kSampleRate);
  CHECK(out->samples.size() == 48'000);
  const auto samples = test::middle(out->samples);
  const double strength = test::tone_dbfs(samples, hz);
  CHECK_THAT(strength, WithinAbs(-6.02, 0.5));
  if (rate < kSampleRate) CHECK(test::tone_dbfs(samples, rate - hz) < strength - 60);
}

TEST_CASE("what 48 kHz cannot hold is removed, not folded back", "[media]") {
  const auto out = to_mono_48k(test::sine(30'000, 96'000, 1));
  REQUIRE(out);
  CHECK(level(test::middle(out->samples)).rms_dbfs < -70);
}

TEST_CASE("resampling does not move the sound", "[media]") {
  PcmClip clip{16'000, 1, std::vector<std::int16_t>(16'000)};
  clip.samples[8'000] = 20'000;
  const auto out = to_mono_48k(clip);
  REQUIRE(out);
  const auto peak = std::max_element(out->samples.begin(), out->samples.end()) - out->samples.begin();
  CHECK(peak == 24'000);
}

TEST_CASE("channels become their mean", "[media]") {
  const auto out = to_mono_48k(PcmClip{kSampleRate, 2, {100, 300, -32768, -32768, 32767, -32767}});
  REQUIRE(out);
  CHECK(out->samples == std::vector<std::int16_t>{200, -32768, 0});
}

TEST_CASE("a clip that is already right is not touched", "[media]") {
  const PcmClip clip = test::sine(440, kSampleRate, 0.1);
  CHECK(to_mono_48k(clip) == Result<PcmClip>{clip});
  CHECK(to_mono_48k(PcmClip{})->samples.empty());
  CHECK(to_mono_48k(PcmClip{8'000, 1, {}})->samples.empty());
}

TEST_CASE("impossible clips are refused", "[media]") {
  const auto code = [](const PcmClip& clip) { return to_mono_48k(clip).error().code; };
  CHECK(code({0, 1, {1}}) == Errc::BadValue);
  CHECK(code({1'000'000, 1, {1}}) == Errc::BadValue);
  CHECK(code({kSampleRate, 0, {1}}) == Errc::BadValue);
  CHECK(code({kSampleRate, 9, std::vector<std::int16_t>(9)}) == Errc::BadValue);
  CHECK(code({kSampleRate, 2, {1, 2, 3}}) == Errc::BadValue);
  CHECK(code({4'000, 1, std::vector<std::int16_t>(4'000 * 3'601)}) == Errc::TooLong);
}

TEST_CASE("the duration of a clip counts instants, not samples", "[media]") {
  using namespace std::chrono_literals;
  CHECK(duration({8'000, 2, std::vector<std::int16_t>(24'000)}) == 1500ms);
  CHECK(duration({0, 1, {1}}) == 0s);
  CHECK(duration({8'000, 0, {1}}) == 0s);
}
