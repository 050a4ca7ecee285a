#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <set>

#include "signal.hpp"
#include "speech.hpp"
#include "wzp/media/decoder.hpp"
#include "wzp/media/encoder.hpp"
#include "wzp/media/level.hpp"
#include "wzp/media/source.hpp"

using namespace wzp;
using namespace wzp::media;

namespace {

constexpr std::array kOpusIds{CodecId::Opus6k,  CodecId::Opus16k, CodecId::Opus24k,
                              CodecId::Opus32k, CodecId::Opus48k, CodecId::Opus64k};

/// Sizes of all packets of `samples`.
std::vector<std::size_t> packet_sizes(Encoder& encoder, PcmView samples) {
  std::vector<std::size_t> sizes;
  const std::size_t n = encoder.frame_samples();
  for (std::size_t i = 0; i + n <= samples.size(); i += n) {
    const auto packet = encoder.encode(samples.subspan(i, n));
    REQUIRE(packet);
    sizes.push_back(packet->size());
  }
  return sizes;
}

std::vector<std::int16_t> round_trip(CodecId codec, PcmView samples) {
  auto encoder = Encoder::create({.codec = codec});
  auto decoder = Decoder::create();
  REQUIRE(encoder);
  REQUIRE(decoder);
  std::vector<std::int16_t> out;
  const std::size_t n = encoder->frame_samples();
  for (std::size_t i = 0; i + n <= samples.size(); i += n) {
    const auto packet = encoder->encode(samples.subspan(i, n));
    REQUIRE(packet);
    const auto pcm = decoder->decode(codec, *packet);
    REQUIRE(pcm);
    REQUIRE(pcm->size() == n);
    out.insert(out.end(), pcm->begin(), pcm->end());
  }
  return out;
}

}  // namespace

TEST_CASE("in a sealed call the size of a packet says nothing about what is said", "[media]") {
  const CodecId codec = GENERATE(Catch::Generators::from_range(kOpusIds));
  auto encoder = Encoder::create({.codec = codec});
  REQUIRE(encoder);
  std::vector<std::int16_t> mixed = test::speech_of_ada().samples;
  mixed.resize(mixed.size() + kSampleRate);  // a second of silence
  for (std::uint32_t i = 0; i < kSampleRate; ++i)
    mixed.push_back(static_cast<std::int16_t>(test::Random{i}(65'536) - 32'768));
  mixed.insert(mixed.end(), kSampleRate, 32'767);
  const auto sizes = packet_sizes(*encoder, mixed);
  REQUIRE(sizes.size() > 200);
  const CodecTraits t = traits(codec);
  CHECK(std::set<std::size_t>(sizes.begin(), sizes.end()) ==
        std::set<std::size_t>{t.bitrate * t.frame_samples / kSampleRate / 8});
}

TEST_CASE("an unsealed call saves bits in silence", "[media]") {
  auto encoder = Encoder::create({.constant_rate = false});
  REQUIRE(encoder);
  const auto sizes = packet_sizes(*encoder, std::vector<std::int16_t>(3 * kSampleRate));
  CHECK(*std::min_element(sizes.begin(), sizes.end()) <= 2);
}

TEST_CASE("a tone comes through every Opus id", "[media]") {
  const CodecId codec = GENERATE(Catch::Generators::from_range(kOpusIds));
  const auto out = round_trip(codec, test::sine(440, kSampleRate, 1).samples);
  CHECK_THAT(test::tone_dbfs(test::middle(out), 440), Catch::Matchers::WithinAbs(-6.0, 2.5));
}

TEST_CASE("one decoder follows any sequence of codecs", "[media][D-58]") {
  auto encoder = Encoder::create({});
  auto decoder = Decoder::create();
  REQUIRE(encoder);
  REQUIRE(decoder);
  ToneSource tone{600};
  for (const CodecId first : kOpusIds) {
    for (const CodecId second : kOpusIds) {
      for (const CodecId codec : {first, second}) {
        REQUIRE(encoder->set_codec(codec));
        std::vector<std::int16_t> pcm;
        while (pcm.size() < encoder->frame_samples()) {
          const Frame f = tone.next();
          pcm.insert(pcm.end(), f.begin(), f.end());
        }
        const auto packet = encoder->encode(pcm);
        REQUIRE(packet);
        CHECK(packet_samples(codec, *packet) == Result<std::size_t>{pcm.size()});
        const auto heard = decoder->decode(codec, *packet);
        REQUIRE(heard);
        CHECK(heard->size() == pcm.size());
      }
    }
  }
}

TEST_CASE("the frame length belongs to the codec of the moment", "[media][D-33]") {
  auto encoder = Encoder::create({});
  REQUIRE(encoder);
  const std::vector<std::int16_t> pcm(2 * kFrameSamples);
  CHECK(encoder->encode(pcm).error().code == Errc::BadValue);
  REQUIRE(encoder->set_codec(CodecId::Opus6k));
  CHECK(encoder->frame_samples() == 2 * kFrameSamples);
  CHECK(encoder->encode(pcm));
  CHECK(encoder->encode(PcmView{pcm}.first(kFrameSamples)).error().code == Errc::BadValue);
  CHECK(encoder->set_codec(CodecId::Codec2_1200).error().code == Errc::Unsupported);
  CHECK(encoder->codec() == CodecId::Opus6k);
}

TEST_CASE("what cannot be encoded is refused at the start", "[media]") {
  CHECK(Encoder::create({.codec = CodecId::Codec2_3200}).error().code == Errc::Unsupported);
  CHECK(Encoder::create({.codec = CodecId::ComfortNoise}).error().code == Errc::Unsupported);
  CHECK(Encoder::create({.complexity = 11}).error().code == Errc::BadValue);
}

TEST_CASE("a packet that is none is an error, and the next one still plays", "[media]") {
  auto encoder = Encoder::create({});
  auto decoder = Decoder::create();
  REQUIRE(encoder);
  REQUIRE(decoder);
  CHECK(decoder->decode(CodecId::Opus24k, {}).error().code == Errc::BadValue);
  CHECK(decoder->decode(CodecId::Opus24k, Bytes(513)).error().code == Errc::TooLong);
  CHECK(decoder->decode(CodecId::Codec2_3200, Bytes(8)).error().code == Errc::Unsupported);
  CHECK(decoder->decode(CodecId::Opus24k, Bytes{0x83}).error().code == Errc::BadValue);        // frame count missing
  CHECK(decoder->decode(CodecId::Opus24k, Bytes{0xe0, 1, 2}).error().code == Errc::BadValue);  // 2.5 ms
  ToneSource tone{440};
  CHECK(decoder->decode(CodecId::Opus24k, *encoder->encode(tone.next())));
}

TEST_CASE("random bytes never break the decoder", "[media]") {
  auto decoder = Decoder::create();
  REQUIRE(decoder);
  test::Random random{42};
  std::size_t decoded = 0;
  for (int i = 0; i < 3'000; ++i) {
    Bytes packet(1 + random(200));
    for (auto& b : packet) b = static_cast<std::uint8_t>(random(256));
    const auto pcm = decoder->decode(CodecId::Opus24k, packet);
    if (pcm) {
      ++decoded;
      CHECK(pcm->size() % kFrameSamples == 0);
      CHECK(pcm->size() <= kMaxPacketSamples);
    } else {
      (void)decoder->conceal();
    }
  }
  CHECK(decoded > 100);
}

TEST_CASE("a missing packet is bridged by sound that fades if more are missing", "[media]") {
  auto encoder = Encoder::create({});
  auto decoder = Decoder::create();
  REQUIRE(encoder);
  REQUIRE(decoder);
  ToneSource tone{300};
  for (int i = 0; i < 50; ++i) REQUIRE(decoder->decode(CodecId::Opus24k, *encoder->encode(tone.next())));
  std::vector<double> loudness;
  for (int i = 0; i < 12; ++i) loudness.push_back(level(decoder->conceal()).rms_dbfs);
  CHECK(loudness[0] > -30);
  CHECK(loudness[9] < loudness[0] - 10);
  CHECK(loudness[10] == kSilenceDbfs);
  CHECK(loudness[11] == kSilenceDbfs);
  PcmView heard;
  for (int i = 0; i < 10; ++i) heard = *decoder->decode(CodecId::Opus24k, *encoder->encode(tone.next()));
  CHECK(level(heard).rms_dbfs > -17);
}

TEST_CASE("concealment before any speech is silence", "[media]") {
  auto decoder = Decoder::create();
  REQUIRE(decoder);
  CHECK(level(decoder->conceal()).peak_dbfs == kSilenceDbfs);
}

TEST_CASE("comfort noise stays within its level and is no tone", "[media]") {
  auto decoder = Decoder::create();
  REQUIRE(decoder);
  const PcmView noise = decoder->comfort_noise(50);
  REQUIRE(noise.size() == kFrameSamples);
  CHECK(std::all_of(noise.begin(), noise.end(), [](int s) { return std::abs(s) <= 50; }));
  CHECK(std::set<std::int16_t>(noise.begin(), noise.end()).size() > 80);
  CHECK(level(decoder->comfort_noise(0)).peak_dbfs == kSilenceDbfs);
}
