#include "wzp/media/wav.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "signal.hpp"
#include "wzp/media/sink.hpp"

using namespace wzp;
using namespace wzp::media;

namespace {

void le(Bytes& out, std::uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

struct Wav {
  std::uint32_t encoding = 1, channels = 1, rate = 48'000, bits = 16;
  Bytes data{};
  std::optional<std::uint32_t> data_size{};
  bool extensible = false;
  bool list_chunk = false;

  [[nodiscard]] Bytes bytes() const {
    Bytes out;
    append(out, bytes_of("RIFF"));
    le(out, 0, 4);
    append(out, bytes_of("WAVEfmt "));
    le(out, extensible ? 40 : 16, 4);
    le(out, extensible ? 0xfffe : encoding, 2);
    le(out, channels, 2);
    le(out, rate, 4);
    le(out, rate * channels * bits / 8, 4);
    le(out, channels * bits / 8, 2);
    le(out, bits, 2);
    if (extensible) {
      le(out, 22, 2);
      le(out, bits, 2);
      le(out, 4, 4);
      le(out, encoding, 4);
      append(out, Bytes(12));
    }
    if (list_chunk) {
      append(out, bytes_of("LIST"));
      le(out, 3, 4);
      append(out, bytes_of("abc"));
      out.push_back(0);  // the pad of an odd size
    }
    append(out, bytes_of("data"));
    le(out, data_size.value_or(static_cast<std::uint32_t>(data.size())), 4);
    append(out, data);
    return out;
  }
};

Errc code(const Result<PcmClip>& result) { return result ? Errc::Internal : result.error().code; }

}  // namespace

TEST_CASE("a clip survives its WAV file", "[media]") {
  const PcmClip clip{22'050, 2, {1, -1, 32767, -32768, 0, 12'345}};
  const auto file = encode_wav(clip);
  REQUIRE(file);
  CHECK(file->size() == kWavHeaderBytes + 12);
  CHECK(parse_wav(*file) == Result<PcmClip>{clip});
}

TEST_CASE("every width of sample becomes 16 bits", "[media]") {
  CHECK(parse_wav(Wav{.bits = 8, .data = {0, 128, 255}}.bytes())->samples ==
        std::vector<std::int16_t>{-32768, 0, 32512});
  CHECK(parse_wav(Wav{.data = {0xff, 0x7f, 0, 0x80}}.bytes())->samples == std::vector<std::int16_t>{32767, -32768});
  CHECK(parse_wav(Wav{.bits = 24, .data = {9, 0xff, 0x7f, 9, 0, 0x80}}.bytes())->samples ==
        std::vector<std::int16_t>{32767, -32768});
  CHECK(parse_wav(Wav{.bits = 32, .data = {9, 9, 0xff, 0x7f}}.bytes())->samples == std::vector<std::int16_t>{32767});
}

TEST_CASE("floating-point samples are clamped and never undefined", "[media]") {
  Bytes data;
  for (const std::uint32_t f : {0x3f00'0000U, 0xbf80'0000U, 0x3f80'0000U, 0x7f80'0000U, 0xff80'0000U, 0x7fc0'0000U})
    le(data, f, 4);
  const auto clip = parse_wav(Wav{.encoding = 3, .bits = 32, .data = data}.bytes());
  REQUIRE(clip);
  CHECK(clip->samples == std::vector<std::int16_t>{16384, -32768, 32767, 32767, -32768, 0});
}

TEST_CASE("the extensible form and chunks nobody needs are understood", "[media]") {
  const Wav wav{.channels = 2, .data = {1, 0, 2, 0}, .extensible = true, .list_chunk = true};
  CHECK(parse_wav(wav.bytes()) == Result<PcmClip>{PcmClip{48'000, 2, {1, 2}}});
}

TEST_CASE("a recording whose end was never written plays to its end", "[media]") {
  const std::uint32_t size = GENERATE(0x7fff'f000U, 0x7fff'ffffU, 0xffff'ffffU);
  const Wav wav{.data = {1, 0, 2, 0, 3}, .data_size = size};
  CHECK(parse_wav(wav.bytes())->samples == std::vector<std::int16_t>{1, 2});
}

TEST_CASE("files that are no audio are refused with the reason", "[media]") {
  CHECK(code(parse_wav({})) == Errc::BadValue);
  CHECK(code(parse_wav(bytes_of("RIFF....WAVX"))) == Errc::BadValue);
  CHECK(code(parse_wav(bytes_of("RIFF....WAVE"))) == Errc::TooShort);
  CHECK(code(parse_wav(bytes_of("RIFF....WAVEdata\1\0\0\0"))) == Errc::TooShort);
  CHECK(code(parse_wav(Wav{.data = {1, 0}, .data_size = 4}.bytes())) == Errc::TooShort);
  CHECK(code(parse_wav(Wav{.encoding = 85}.bytes())) == Errc::Unsupported);
  CHECK(code(parse_wav(Wav{.bits = 12}.bytes())) == Errc::Unsupported);
  CHECK(code(parse_wav(Wav{.channels = 0}.bytes())) == Errc::BadValue);
  CHECK(code(parse_wav(Wav{.channels = 9}.bytes())) == Errc::BadValue);
  CHECK(code(parse_wav(Wav{.rate = 0}.bytes())) == Errc::BadValue);
  Bytes block = Wav{.data = {1, 0}}.bytes();
  block[32] = 3;
  CHECK(code(parse_wav(block)) == Errc::BadValue);
}

TEST_CASE("no cut and no changed byte of a file breaks the parser", "[media]") {
  const Bytes good = Wav{.channels = 2, .data = Bytes(40), .extensible = true, .list_chunk = true}.bytes();
  REQUIRE(parse_wav(good));
  for (std::size_t n = 0; n < good.size(); ++n) CHECK_FALSE(parse_wav(ByteView{good}.first(n)));
  std::size_t parsed = 0;
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (const std::uint8_t value : Bytes{0x00, 0x01, 0x7f, 0x80, 0xff}) {
      Bytes bad = good;
      bad[i] = value;
      const auto clip = parse_wav(bad);
      if (clip && clip->samples.size() > 2 * good.size()) FAIL("a clip of more samples than the file has room for");
      parsed += clip.has_value();
    }
  }
  CHECK(parsed > 0);
}

TEST_CASE("a recording in progress plays at every moment", "[media]") {
  WavStream stream;
  Bytes file;
  const auto put_header = [&] {
    const auto header = stream.header();
    if (file.size() < header.size()) file.resize(header.size());
    std::copy(header.begin(), header.end(), file.begin());
  };
  put_header();
  CHECK(parse_wav(file)->samples.empty());
  Frame frame;
  frame.fill(77);
  stream.write(frame);
  stream.write(frame);
  append(file, stream.take());
  CHECK(parse_wav(file)->samples == std::vector<std::int16_t>(2 * kFrameSamples, 77));
  put_header();
  CHECK(parse_wav(file)->samples == std::vector<std::int16_t>(2 * kFrameSamples, 77));
  const auto whole = encode_wav(PcmClip{kSampleRate, 1, std::vector<std::int16_t>(2 * kFrameSamples, 77)});
  CHECK(file == *whole);
}

TEST_CASE("a recording that nobody takes stops growing and says so", "[media]") {
  WavStream stream;
  for (int i = 0; i < 510; ++i) stream.write(Frame{});
  CHECK(stream.refused_frames() == 10);
  CHECK(stream.take().size() == WavStream::kMaxPendingBytes);
  CHECK(stream.take().empty());
  Recorder recorder{std::chrono::milliseconds{50}};
  for (int i = 0; i < 5; ++i) recorder.write(Frame{});
  CHECK(recorder.clip().samples.size() == 2 * kFrameSamples);
  CHECK(recorder.refused_frames() == 3);
}
