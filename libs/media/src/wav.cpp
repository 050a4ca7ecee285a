#include "wzp/media/wav.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace wzp::media {
namespace {

constexpr std::uint16_t kFormatPcm = 1;
constexpr std::uint16_t kFormatFloat = 3;
constexpr std::uint16_t kFormatExtensible = 0xfffe;
/// Data sizes from here on are what writers put that do not know better (0x7ffff000, 0x7fffffff, 0xffffffff).
constexpr std::uint32_t kOpenEnded = 0x7fff'0000;
constexpr std::uint64_t kMaxSamplesInHeader = (std::uint64_t{1} << 31) - 20;

std::uint16_t load_le16(const std::uint8_t* p) { return static_cast<std::uint16_t>(p[0] | (p[1] << 8)); }
std::uint32_t load_le32(const std::uint8_t* p) { return load_le16(p) | (std::uint32_t{load_le16(p + 2)} << 16); }

void put_le16(Bytes& out, std::uint16_t v) {
  out.push_back(static_cast<std::uint8_t>(v));
  out.push_back(static_cast<std::uint8_t>(v >> 8));
}
void put_le32(Bytes& out, std::uint32_t v) {
  put_le16(out, static_cast<std::uint16_t>(v));
  put_le16(out, static_cast<std::uint16_t>(v >> 16));
}

struct Format {
  std::uint16_t encoding = 0;
  std::uint16_t channels = 0;
  std::uint32_t rate = 0;
  std::uint16_t bits = 0;

  [[nodiscard]] std::size_t sample_bytes() const { return bits / 8U; }
  [[nodiscard]] std::size_t block_bytes() const { return sample_bytes() * channels; }
};

Result<Format> parse_format(ByteView chunk) {
  if (chunk.size() < 16) return Unexpected{Errc::TooShort, "WAV fmt chunk"};
  Format f{load_le16(&chunk[0]), load_le16(&chunk[2]), load_le32(&chunk[4]), load_le16(&chunk[14])};
  const std::uint16_t block = load_le16(&chunk[12]);
  if (f.encoding == kFormatExtensible) {
    if (chunk.size() < 40) return Unexpected{Errc::TooShort, "WAV extensible fmt chunk"};
    f.encoding = load_le16(&chunk[24]);  // the first two bytes of the sub-format's GUID
  }
  const bool pcm = f.encoding == kFormatPcm && (f.bits == 8 || f.bits == 16 || f.bits == 24 || f.bits == 32);
  const bool real = f.encoding == kFormatFloat && f.bits == 32;
  if (!pcm && !real) {
    return Unexpected{Errc::Unsupported,
                      "WAV encoding " + std::to_string(f.encoding) + " with " + std::to_string(f.bits) + " bits"};
  }
  if (f.channels == 0 || f.channels > kMaxClipChannels) return Unexpected{Errc::BadValue, "WAV channels"};
  if (f.rate < kMinClipRate || f.rate > kMaxClipRate) return Unexpected{Errc::BadValue, "WAV sample rate"};
  if (block != f.block_bytes()) return Unexpected{Errc::BadValue, "WAV block size"};
  return f;
}

std::int16_t float_sample(const std::uint8_t* p) {
  const float value = std::bit_cast<float>(load_le32(p));
  if (!(std::fabs(value) <= 1.0F))
    return std::isnan(value) ? std::int16_t{0} : std::int16_t(value > 0 ? 32767 : -32768);
  return static_cast<std::int16_t>(std::clamp(std::lrintf(value * 32768.0F), -32768L, 32767L));
}

/// Wider integers are cut, not rounded: the two most significant bytes are the sample.
std::int16_t one_sample(const Format& f, const std::uint8_t* p) {
  if (f.encoding == kFormatFloat) return float_sample(p);
  if (f.bits == 8) return static_cast<std::int16_t>((p[0] - 128) * 256);
  return static_cast<std::int16_t>(load_le16(p + f.sample_bytes() - 2));
}

PcmClip to_clip(const Format& f, ByteView data) {
  PcmClip clip{f.rate, f.channels, {}};
  clip.samples.resize(data.size() / f.block_bytes() * f.channels);
  for (std::size_t i = 0; i < clip.samples.size(); ++i) clip.samples[i] = one_sample(f, &data[i * f.sample_bytes()]);
  return clip;
}

/// The bytes of the data chunk at the front of `rest`, whose header claims `size`.
Result<ByteView> data_bytes(ByteView rest, std::uint32_t size) {
  if (size >= kOpenEnded && size > rest.size()) return rest;
  if (size > rest.size()) return Unexpected{Errc::TooShort, "WAV data chunk"};
  return rest.first(size);
}

}  // namespace

Result<PcmClip> parse_wav(ByteView file) {
  if (file.size() < 12 || text_of(file.first(4)) != "RIFF" || text_of(file.subspan(8, 4)) != "WAVE") {
    return Unexpected{Errc::BadValue, "not a WAV file"};
  }
  std::optional<Format> format;
  ByteView rest = file.subspan(12);
  while (rest.size() >= 8) {
    const std::string_view id = text_of(rest.first(4));
    const std::uint32_t size = load_le32(&rest[4]);
    rest = rest.subspan(8);
    if (id == "data") {
      if (!format) return Unexpected{Errc::BadValue, "WAV data before its format"};
      const auto data = data_bytes(rest, size);
      if (!data) return data.failure();
      return to_clip(*format, *data);
    }
    if (size > rest.size()) return Unexpected{Errc::TooShort, "WAV chunk"};
    if (id == "fmt ") {
      const auto parsed = parse_format(rest.first(size));
      if (!parsed) return parsed.failure();
      format = *parsed;
    }
    rest = rest.subspan(
        std::min<std::size_t>(rest.size(), std::size_t{size} + size % 2));  // chunks are padded to even sizes
  }
  return Unexpected{Errc::TooShort, "WAV file without a data chunk"};
}

namespace {

Bytes make_header(std::uint32_t rate, std::uint16_t channels, std::uint32_t data_bytes, std::uint32_t riff_bytes) {
  Bytes out;
  append(out, bytes_of("RIFF"));
  put_le32(out, riff_bytes);
  append(out, bytes_of("WAVEfmt "));
  put_le32(out, 16);
  put_le16(out, kFormatPcm);
  put_le16(out, channels);
  put_le32(out, rate);
  put_le32(out, rate * channels * 2);
  put_le16(out, static_cast<std::uint16_t>(channels * 2));
  put_le16(out, 16);
  append(out, bytes_of("data"));
  put_le32(out, data_bytes);
  return out;
}

}  // namespace

Result<Bytes> encode_wav(const PcmClip& clip) {
  if (clip.sample_rate == 0 || clip.sample_rate > kMaxClipRate || clip.channels == 0 ||
      clip.channels > kMaxClipChannels) {
    return Unexpected{Errc::BadValue, "rate or channels"};
  }
  if (clip.samples.size() > kMaxSamplesInHeader) return Unexpected{Errc::TooLong, "WAV file of more than 4 GiB"};
  const auto size = static_cast<std::uint32_t>(clip.samples.size() * 2);
  Bytes out = make_header(clip.sample_rate, clip.channels, size, size + 36);
  append_pcm(out, clip.samples);
  return out;
}

ByteArray<kWavHeaderBytes> wav_header(std::uint64_t samples) {
  constexpr std::uint32_t kUnknown = std::numeric_limits<std::uint32_t>::max();
  const bool fits = samples <= kMaxSamplesInHeader;
  const auto size = static_cast<std::uint32_t>(fits ? samples * 2 : kUnknown);
  const Bytes bytes = make_header(kSampleRate, 1, size, fits ? size + 36 : kUnknown);
  ByteArray<kWavHeaderBytes> out{};
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}

void append_pcm(Bytes& out, PcmView samples) {
  out.reserve(out.size() + samples.size() * 2);
  for (const std::int16_t s : samples) put_le16(out, static_cast<std::uint16_t>(s));
}

}  // namespace wzp::media
