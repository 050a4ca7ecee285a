#include "wzp/media/pcm.hpp"

#include <speex/speex_resampler.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>

namespace wzp::media {
namespace {

struct DestroyResampler {
  void operator()(SpeexResamplerState* state) const noexcept { speex_resampler_destroy(state); }
};
using Resampler = std::unique_ptr<SpeexResamplerState, DestroyResampler>;

std::vector<float> mix_down(const PcmClip& clip) {
  std::vector<float> mono(clip.samples.size() / clip.channels);
  for (std::size_t i = 0; i < mono.size(); ++i) {
    float sum = 0;
    for (std::size_t c = 0; c < clip.channels; ++c) sum += clip.samples[i * clip.channels + c];
    mono[i] = sum / static_cast<float>(clip.channels);
  }
  return mono;
}

/// Feeds everything, then silence until `out` is full: the filter's delay is skipped at the start and flushed
/// at the end.
bool run(SpeexResamplerState* state, const std::vector<float>& in, std::vector<float>& out) {
  constexpr std::size_t kChunk = 1 << 20;
  const std::vector<float> silence(4096);
  if (speex_resampler_skip_zeros(state) != RESAMPLER_ERR_SUCCESS) return false;
  std::size_t read = 0;
  std::size_t written = 0;
  while (written < out.size()) {
    const bool at_end = read == in.size();
    const float* from = at_end ? silence.data() : in.data() + read;
    auto in_count = static_cast<spx_uint32_t>(at_end ? silence.size() : std::min(kChunk, in.size() - read));
    auto out_count = static_cast<spx_uint32_t>(std::min(kChunk, out.size() - written));
    const int error = speex_resampler_process_float(state, 0, from, &in_count, out.data() + written, &out_count);
    if (error != RESAMPLER_ERR_SUCCESS || (in_count == 0 && out_count == 0)) return false;
    if (!at_end) read += in_count;
    written += out_count;
  }
  return true;
}

Result<std::vector<float>> resample(std::vector<float> mono, std::uint32_t rate) {
  if (rate == kSampleRate || mono.empty()) return mono;
  int error = 0;
  const Resampler state{speex_resampler_init(1, rate, kSampleRate, SPEEX_RESAMPLER_QUALITY_MAX, &error)};
  if (!state) return Unexpected{Errc::Internal, "speex_resampler_init"};
  std::vector<float> out((std::uint64_t{mono.size()} * kSampleRate + rate - 1) / rate);
  if (!run(state.get(), mono, out)) return Unexpected{Errc::Internal, "speex_resampler_process"};
  return out;
}

std::int16_t to_sample(float value) {
  return static_cast<std::int16_t>(std::lrintf(std::clamp(value, -32768.0F, 32767.0F)));
}

}  // namespace

Duration duration(const PcmClip& clip) {
  if (clip.sample_rate == 0 || clip.channels == 0) return {};
  const auto frames = static_cast<std::int64_t>(clip.samples.size() / clip.channels);
  const std::int64_t rate = clip.sample_rate;
  return std::chrono::seconds{frames / rate} + std::chrono::nanoseconds{frames % rate * 1'000'000'000 / rate};
}

Result<PcmClip> to_mono_48k(const PcmClip& clip) {
  if (clip.sample_rate < kMinClipRate || clip.sample_rate > kMaxClipRate) {
    return Unexpected{Errc::BadValue, "sample rate " + std::to_string(clip.sample_rate)};
  }
  if (clip.channels == 0 || clip.channels > kMaxClipChannels || clip.samples.size() % clip.channels != 0) {
    return Unexpected{Errc::BadValue, "channels"};
  }
  if (duration(clip) > kMaxClipDuration) return Unexpected{Errc::TooLong, "audio of more than an hour"};
  if (clip.sample_rate == kSampleRate && clip.channels == 1) return clip;

  const auto resampled = resample(mix_down(clip), clip.sample_rate);
  if (!resampled) return resampled.failure();
  PcmClip out;
  out.samples.resize(resampled->size());
  std::transform(resampled->begin(), resampled->end(), out.samples.begin(), to_sample);
  return out;
}

}  // namespace wzp::media
