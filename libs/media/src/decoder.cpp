#include "wzp/media/decoder.hpp"

#include <opus/opus.h>

#include <algorithm>
#include <utility>

namespace wzp::media {
namespace {

/// Frames of full concealment, then frames of fading. Source: client.md 19.10 (120 ms) and our choice.
constexpr std::size_t kConcealFrames = 6;
constexpr std::size_t kFadeFrames = 4;

/// Fades linearly from `from` to `to` of full strength.
void fade(std::span<std::int16_t> samples, double from, double to) {
  const double step = (to - from) / static_cast<double>(samples.size());
  for (auto& sample : samples) {
    sample = static_cast<std::int16_t>(sample * from);
    from += step;
  }
}

}  // namespace

Result<std::size_t> packet_samples(CodecId codec, ByteView payload) {
  if (!traits(codec).is_opus) return Unexpected{Errc::Unsupported, "a codec that is not Opus"};
  if (payload.size() > kMaxPayloadBytes) return Unexpected{Errc::TooLong, "Opus packet"};
  if (payload.empty()) return Unexpected{Errc::BadValue, "empty Opus packet"};
  const int samples = opus_packet_get_nb_samples(payload.data(), static_cast<opus_int32>(payload.size()),
                                                 static_cast<opus_int32>(kSampleRate));
  if (samples <= 0 || static_cast<std::size_t>(samples) % kFrameSamples != 0) {
    return Unexpected{Errc::BadValue, "Opus packet of an odd length"};
  }
  return static_cast<std::size_t>(samples);
}

void Decoder::Destroy::operator()(::OpusDecoder* state) const noexcept { opus_decoder_destroy(state); }

Decoder::Decoder(State state) : state_{std::move(state)} {}
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;
Decoder::~Decoder() = default;

Result<Decoder> Decoder::create() {
  int error = OPUS_OK;
  State state{opus_decoder_create(static_cast<opus_int32>(kSampleRate), 1, &error)};
  if (!state || error != OPUS_OK) return Unexpected{Errc::Internal, opus_strerror(error)};
  return Decoder{std::move(state)};
}

Result<PcmView> Decoder::decode(CodecId codec, ByteView payload) {
  const auto expected = packet_samples(codec, payload);
  if (!expected) return expected.failure();
  const int samples = opus_decode(state_.get(), payload.data(), static_cast<opus_int32>(payload.size()), buffer_.data(),
                                  static_cast<int>(buffer_.size()), 0);
  if (samples < 0 || static_cast<std::size_t>(samples) != *expected) {
    return Unexpected{Errc::BadValue, "Opus packet that does not decode"};
  }
  const PcmView pcm = PcmView{buffer_}.first(*expected);
  if (concealed_in_a_row_ > kConcealFrames) fade(std::span{buffer_}.first(kFrameSamples / 4), 0.0, 1.0);
  concealed_in_a_row_ = 0;
  return pcm;
}

PcmView Decoder::conceal() {
  const std::span<std::int16_t> out = std::span{buffer_}.first(kFrameSamples);
  const std::size_t n = concealed_in_a_row_;
  if (n >= kConcealFrames + kFadeFrames) {
    std::fill(out.begin(), out.end(), std::int16_t{0});
    return out;
  }
  ++concealed_in_a_row_;
  const int samples = opus_decode(state_.get(), nullptr, 0, out.data(), static_cast<int>(kFrameSamples), 0);
  if (samples != static_cast<int>(kFrameSamples)) std::fill(out.begin(), out.end(), std::int16_t{0});
  if (n >= kConcealFrames) {
    const auto left = static_cast<double>(kConcealFrames + kFadeFrames - n) / kFadeFrames;
    fade(out, left, left - 1.0 / kFadeFrames);
  }
  return out;
}

PcmView Decoder::comfort_noise(std::uint8_t level) {
  const std::span<std::int16_t> out = std::span{buffer_}.first(kFrameSamples);
  for (auto& sample : out) {
    noise_ = noise_ * 1'664'525U + 1'013'904'223U;  // Numerical Recipes' generator: noise, no secret
    sample = static_cast<std::int16_t>(static_cast<int>((noise_ >> 16) % (2U * level + 1U)) - level);
  }
  return out;
}

void Decoder::reset() {
  opus_decoder_ctl(state_.get(), OPUS_RESET_STATE);
  concealed_in_a_row_ = 0;
}

}  // namespace wzp::media
