#include "wzp/media/similarity.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <cstdio>
#include <string>

#include "signal.hpp"
#include "speech.hpp"
#include "wzp/media/encoder.hpp"
#include "wzp/media/playout.hpp"
#include "wzp/media/sink.hpp"
#include "wzp/media/source.hpp"

using namespace wzp;
using namespace wzp::media;
using namespace std::chrono_literals;
using Samples = std::vector<std::int16_t>;

namespace {

struct Path {
  CodecId codec = CodecId::Opus24k;
  std::uint32_t loss_percent = 0;
  std::uint32_t jitter_ms = 0;
};

/// What a listener records of `said` over a path, three seconds of silence before and one after it.
Samples over(const Path& path, const Samples& said, std::uint32_t seed = 1) {
  struct Flying {
    Instant arrival;
    proto::MediaHeader header;
    Bytes payload;
  };
  auto source = ClipSource::create({kSampleRate, 1, said});
  auto encoder = Encoder::create({.codec = path.codec});
  auto playout = Playout::create();
  REQUIRE(source);
  REQUIRE(encoder);
  REQUIRE(playout);
  test::Random random{seed};
  Recorder recorder;
  std::vector<Flying> flying;
  Instant now = Instant{} + 1h;
  proto::MediaHeader header;
  header.codec = path.codec;
  for (int i = 0; i < 150; ++i, now += 20ms) recorder.write(playout->next_frame(now));
  for (std::size_t sent = 0; sent < said.size() + kSampleRate; sent += encoder->frame_samples()) {
    Samples pcm;
    while (pcm.size() < encoder->frame_samples()) {
      const Frame f = source->next();
      pcm.insert(pcm.end(), f.begin(), f.end());
    }
    const auto packet = encoder->encode(pcm);
    REQUIRE(packet);
    const bool lost = random(100) < path.loss_percent;
    const Duration delay = 20ms + std::chrono::milliseconds{path.jitter_ms == 0 ? 0 : random(path.jitter_ms)};
    if (!lost) flying.push_back({now + delay, header, {packet->begin(), packet->end()}});
    ++header.seq;
    header.timestamp += static_cast<std::uint32_t>(pcm.size() / 48);
    for (std::size_t i = 0; i < pcm.size(); i += kFrameSamples, now += 20ms) {
      for (auto f = flying.begin(); f != flying.end();) {
        if (f->arrival > now) {
          ++f;
          continue;
        }
        REQUIRE(playout->receive(f->header, f->payload, f->arrival));
        f = flying.erase(f);
      }
      recorder.write(playout->next_frame(now));
    }
  }
  return recorder.clip().samples;
}

Samples noise(std::size_t n, std::uint32_t seed) {
  test::Random random{seed};
  Samples out(n);
  for (auto& s : out) s = static_cast<std::int16_t>(static_cast<int>(random(16'384)) - 8'192);
  return out;
}

Samples scaled(const Samples& in, double gain) {
  Samples out(in.size());
  std::transform(in.begin(), in.end(), out.begin(), [&](int s) { return static_cast<std::int16_t>(s * gain); });
  return out;
}

SpeechSimilarity measured(const std::string& what, const Samples& reference, const Samples& recorded) {
  const auto s = compare(reference, recorded);
  std::printf("  similarity %6.3f  lag %5lld ms  speech %4.1f s  %s\n", s.score, static_cast<long long>(s.lag / 1ms),
              s.speech_seconds, what.c_str());
  return s;
}

}  // namespace

TEST_CASE("speech through the codec and a bad path is recognised", "[media]") {
  const Samples& ada = test::speech_of_ada().samples;
  const Samples& bob = test::speech_of_bob().samples;
  for (const Samples* who : {&ada, &bob}) {
    const auto perfect = measured("the same samples", *who, *who);
    CHECK(perfect.score > 0.999);
    CHECK(perfect.lag == 0ms);
    CHECK(perfect.speech_seconds > 6);
    CHECK(measured("Opus 24k, no loss", *who, over({}, *who)).score > kSameSpeech + 0.2);
    const auto lossy = measured("Opus 24k, 5 % loss", *who, over({.loss_percent = 5}, *who));
    CHECK(lossy.score > kSameSpeech + 0.15);
    CHECK(lossy.lag >= 3s);
    CHECK(lossy.lag <= 3'200ms);
    CHECK(measured("Opus 24k, 5 % loss, 80 ms jitter", *who, over({.loss_percent = 5, .jitter_ms = 80}, *who)).score >
          kSameSpeech + 0.1);
    CHECK(measured("Opus 16k, 10 % loss, 150 ms jitter", *who,
                   over({.codec = CodecId::Opus16k, .loss_percent = 10, .jitter_ms = 150}, *who))
              .score > kSameSpeech);
    CHECK(measured("Opus 6k, no loss", *who, over({.codec = CodecId::Opus6k}, *who)).score > kSameSpeech);
  }
}

TEST_CASE("silence, noise, tones and the other speaker are not taken for the speech", "[media]") {
  const Samples& ada = test::speech_of_ada().samples;
  const Samples& bob = test::speech_of_bob().samples;
  const double low = kSameSpeech - 0.25;
  for (const auto& [name, reference, other] : {std::tuple{"Ada", &ada, &bob}, std::tuple{"Bob", &bob, &ada}}) {
    const std::string said = std::string{" for "} + name;
    CHECK(measured("the other speaker" + said, *reference, *other).score < low);
    CHECK(measured("the other speaker through Opus 24k" + said, *reference, over({}, *other)).score < low);
    CHECK(measured("silence" + said, *reference, Samples(reference->size())).score == 0);
    CHECK(measured("loud noise" + said, *reference, noise(reference->size(), 1)).score < low);
    CHECK(measured("soft noise" + said, *reference, scaled(noise(reference->size(), 2), 0.01)).score < low);
    CHECK(measured("a tone" + said, *reference, test::sine(440, kSampleRate, 12).samples).score < low);
    Samples backwards{reference->rbegin(), reference->rend()};
    CHECK(measured("backwards" + said, *reference, backwards).score < low);
    Samples half = *reference;
    std::fill(half.begin() + static_cast<std::ptrdiff_t>(half.size() / 2), half.end(), std::int16_t{0});
    CHECK(measured("half of it missing" + said, *reference, half).score < kSameSpeech);
  }
  CHECK(compare({}, ada) == SpeechSimilarity{});
  CHECK(compare(ada, {}) == SpeechSimilarity{});
  CHECK(measured("silence was said", Samples(ada.size()), ada).score == 0);
}

TEST_CASE("gain, lag and a few frames more or less do not matter", "[media]") {
  const Samples& ada = test::speech_of_ada().samples;
  CHECK(measured("a tenth as loud", ada, scaled(ada, 0.1)).score > 0.95);
  Samples late(2 * kSampleRate);
  late.insert(late.end(), ada.begin(), ada.end());
  const auto delayed = measured("two seconds late", ada, late);
  CHECK(delayed.lag == 2s);
  CHECK(delayed.score > 0.99);
  const Samples early{ada.begin() + kSampleRate / 2, ada.end()};
  CHECK(measured("half a second early", ada, early).lag == -500ms);

  test::Random random{9};
  Samples edited;
  for (std::size_t i = 0; i + kFrameSamples <= ada.size(); i += kFrameSamples) {
    const auto from = ada.begin() + static_cast<std::ptrdiff_t>(i);
    const auto fate = random(40);
    if (fate != 0) edited.insert(edited.end(), from, from + kFrameSamples);
    if (fate == 1 || fate == 2) edited.insert(edited.end(), from, from + kFrameSamples);
  }
  CHECK(measured("frames repeated and dropped", ada, edited).score > kSameSpeech + 0.1);
}
