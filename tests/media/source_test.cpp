#include "wzp/media/source.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include "signal.hpp"
#include "wzp/media/wav.hpp"

using namespace wzp;
using namespace wzp::media;
using Catch::Matchers::WithinAbs;

namespace {

std::vector<std::int16_t> frames(AudioSource& source, std::size_t count) {
  std::vector<std::int16_t> out;
  for (std::size_t i = 0; i < count; ++i) {
    const Frame f = source.next();
    out.insert(out.end(), f.begin(), f.end());
  }
  return out;
}

std::vector<std::int16_t> counting(std::size_t n) {
  std::vector<std::int16_t> out(n);
  for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<std::int16_t>(i % 30'000 + 1);
  return out;
}

}  // namespace

TEST_CASE("a tone is one sine across frames", "[media]") {
  ToneSource tone{440};
  const auto samples = frames(tone, 50);
  CHECK_THAT(test::tone_dbfs(samples, 440), WithinAbs(-12.04, 0.05));
  int steepest = 0;
  for (std::size_t i = 1; i < samples.size(); ++i) steepest = std::max(steepest, std::abs(samples[i] - samples[i - 1]));
  CHECK(steepest <= 2 * std::numbers::pi * 440 / kSampleRate * 0.25 * 32767 + 2);
  CHECK_FALSE(tone.done());
}

TEST_CASE("tones out of range stay within 16 bits", "[media]") {
  const double hz = GENERATE(-5.0, 0.0, 1e9);
  ToneSource tone{hz, 17.0};
  for (const int s : frames(tone, 3)) CHECK(std::abs(s) <= 32767);
}

TEST_CASE("a clip plays once, is filled up with silence, and silence follows", "[media]") {
  auto clip = ClipSource::create({kSampleRate, 1, counting(1'000)});
  REQUIRE(clip);
  CHECK_FALSE(clip->done());
  auto expected = counting(1'000);
  expected.resize(3 * kFrameSamples);
  CHECK(frames(*clip, 3) == expected);
  CHECK(clip->done());
}

TEST_CASE("a repeated clip has no gap and never ends", "[media]") {
  auto clip = ClipSource::create({kSampleRate, 1, {1, 2, 3, 4, 5}}, ClipSource::Repeat::Yes);
  REQUIRE(clip);
  const auto samples = frames(*clip, 2);
  for (std::size_t i = 0; i < samples.size(); ++i) REQUIRE(samples[i] == static_cast<int>(i % 5 + 1));
  CHECK_FALSE(clip->done());
  auto empty = ClipSource::create({}, ClipSource::Repeat::Yes);
  REQUIRE(empty);
  CHECK(empty->next() == Frame{});
}

TEST_CASE("raw PCM in bursts of any size loses and repeats no sample", "[media][D-35]") {
  const std::size_t burst = GENERATE(1U, 255U, 256U, 882U, 2'048U);  // bytes; odd sizes cut samples in two
  RawPcmSource source;
  const auto samples = counting(5 * kFrameSamples);
  Bytes bytes;
  append_pcm(bytes, samples);
  std::vector<std::int16_t> heard;
  std::size_t fed = 0;
  while (heard.size() < samples.size()) {
    for (std::size_t i = 0; i < 2 * kFrameSamples; i += burst) {
      const std::size_t n = std::min(burst, bytes.size() - fed);
      fed += source.feed(ByteView{bytes}.subspan(fed, n));
    }
    const auto before = source.underruns();
    const Frame frame = source.next();
    if (source.underruns() == before) heard.insert(heard.end(), frame.begin(), frame.end());
  }
  CHECK(heard == samples);
  CHECK_FALSE(source.done());
  source.finish();
  CHECK(source.done());
}

TEST_CASE("raw PCM takes one second ahead, and its last piece is filled up", "[media]") {
  RawPcmSource source;
  CHECK(source.feed(Bytes(2 * kSampleRate + 5)) == 2 * kSampleRate);
  CHECK(source.feed(Bytes(1)) == 0);
  RawPcmSource last;
  CHECK(last.feed(Bytes{1, 0, 2}) == 3);
  CHECK(last.next() == Frame{});
  CHECK(last.underruns() == 1);
  last.finish();
  CHECK_FALSE(last.done());
  Frame expected{};
  expected[0] = 1;
  CHECK(last.next() == expected);
  CHECK(last.done());
  CHECK(last.next() == Frame{});
  CHECK(last.underruns() == 1);
  CHECK(last.feed(Bytes(4)) == 0);
}
