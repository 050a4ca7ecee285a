#include "wzp/media/mixer.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <cmath>
#include <cstdlib>

#include "signal.hpp"
#include "wzp/media/source.hpp"

using namespace wzp;
using namespace wzp::media;

namespace {

Frame constant(std::int16_t value) {
  Frame frame;
  frame.fill(value);
  return frame;
}

int peak(const Frame& frame) {
  int most = 0;
  for (const int sample : frame) most = std::max(most, std::abs(sample));
  return most;
}

}  // namespace

TEST_CASE("a single speaker below the threshold comes out bit for bit", "[media][mixer]") {
  Mixer mixer;
  ToneSource voice{313, 0.79};
  for (int i = 0; i < 200; ++i) {
    const auto frame = voice.next();
    mixer.add(frame);
    CHECK(mixer.take() == frame);
  }
  CHECK(mixer.gain() == 1.0F);
}

TEST_CASE("speakers are summed", "[media][mixer]") {
  Mixer mixer;
  ToneSource a{300, 0.2}, b{1100, 0.2}, c{2500, 0.2};
  Frame expected{};
  for (auto* source : {&a, &b, &c}) {
    const auto frame = source->next();
    mixer.add(frame);
    for (std::size_t i = 0; i < kFrameSamples; ++i) expected[i] = static_cast<std::int16_t>(expected[i] + frame[i]);
  }
  const auto mixed = mixer.take();
  for (std::size_t i = 0; i < kFrameSamples; ++i) CHECK(std::abs(mixed[i] - expected[i]) <= 1);
  SECTION("and the next frame begins with nothing") { CHECK(mixer.take() == Frame{}); }
}

TEST_CASE("however many shout, no sample reaches full scale", "[media][mixer]") {
  const auto speakers = GENERATE(2, 5, 64);
  Mixer mixer;
  std::vector<ToneSource> voices;
  int loudest = 0;
  for (int i = 0; i < speakers; ++i) voices.emplace_back(200.0 + 37 * i, 1.0);
  for (int f = 0; f < 100; ++f) {
    for (auto& voice : voices) mixer.add(voice.next());
    const auto out = mixer.take();
    CHECK(peak(out) < 32767);
    if (f > 5) loudest = std::max(loudest, peak(out));
  }
  CHECK(loudest > 0.7 * 32767);  // turned down, not off
}

TEST_CASE("the balance of two voices is kept while both are turned down", "[media][mixer]") {
  Mixer mixer;
  ToneSource low{500, 0.9}, high{3000, 0.45};
  std::vector<std::int16_t> out;
  for (int f = 0; f < 100; ++f) {
    mixer.add(low.next());
    mixer.add(high.next());
    const auto frame = mixer.take();
    if (f >= 50) out.insert(out.end(), frame.begin(), frame.end());
  }
  CHECK(mixer.gain() < 0.8F);
  CHECK(std::abs(test::tone_dbfs(out, 500) - test::tone_dbfs(out, 3000) - 6.02) < 0.3);
  // Turned down, not bent: what a limiter that cuts would add at three times the frequency is not there.
  CHECK(test::tone_dbfs(out, 1500) < test::tone_dbfs(out, 500) - 40);
}

TEST_CASE("the gain moves smoothly: down within 5 ms, up with a time constant of 200 ms", "[media][mixer]") {
  Mixer mixer;
  const auto loud = constant(30000);
  mixer.add(loud);
  mixer.add(loud);
  const auto attack = mixer.take();
  const float needed = Mixer::kThreshold / (2 * 30000 / 32767.0F);
  CHECK(std::abs(mixer.gain() - needed) < 0.01F);
  for (std::size_t i = 240; i < kFrameSamples; ++i) CHECK(attack[i] < 0.86 * 32767);  // 5 ms after the beginning
  for (std::size_t i = 1; i < kFrameSamples; ++i) CHECK(std::abs(attack[i] - attack[i - 1]) < 700);

  // Now soft: the gain comes back without a step, to 63 % of the way after 200 ms, and to 1 in the end.
  const auto soft = constant(8000);
  int last = 0;
  const float from = mixer.gain();
  for (int f = 0; f < 150; ++f) {
    mixer.add(soft);
    const auto out = mixer.take();
    for (const int sample : out) {
      if (last != 0) CHECK(sample >= last - 1);
      if (last != 0) CHECK(sample - last < 4);
      last = sample;
    }
    if (f == 9) CHECK(std::abs((mixer.gain() - from) / (1 - from) - 0.632F) < 0.02F);
  }
  CHECK(mixer.gain() == 1.0F);
  mixer.add(soft);
  CHECK(mixer.take() == soft);
}

TEST_CASE("a peak later in the frame is met by a gain that is already down", "[media][mixer]") {
  Mixer mixer;
  Frame frame{};
  for (std::size_t i = 480; i < 490; ++i) frame[i] = 30000;
  mixer.add(frame);
  mixer.add(frame);
  const auto out = mixer.take();
  for (std::size_t i = 480; i < 490; ++i) {
    CHECK(out[i] <= 0.85 * 32767);
    CHECK(out[i] >= 0.7 * 32767);
  }
}
