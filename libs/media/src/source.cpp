#include "wzp/media/source.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace wzp::media {

ToneSource::ToneSource(double hz, double amplitude)
    : step_{2 * std::numbers::pi * std::clamp(hz, 1.0, kSampleRate / 2.0 - 1) / kSampleRate},
      amplitude_{32767 * std::clamp(amplitude, 0.0, 1.0)} {}

Frame ToneSource::next() {
  Frame frame;
  for (auto& sample : frame) {
    sample = static_cast<std::int16_t>(std::lrint(amplitude_ * std::sin(phase_)));
    phase_ = std::fmod(phase_ + step_, 2 * std::numbers::pi);
  }
  return frame;
}

Result<ClipSource> ClipSource::create(const PcmClip& clip, Repeat repeat) {
  auto mono = to_mono_48k(clip);
  if (!mono) return mono.failure();
  return ClipSource{std::move(mono->samples), repeat};
}

Frame ClipSource::next() {
  Frame frame{};
  for (auto& sample : frame) {
    if (position_ == samples_.size()) {
      if (repeat_ == Repeat::No || samples_.empty()) break;
      position_ = 0;
    }
    sample = samples_[position_++];
  }
  return frame;
}

std::size_t RawPcmSource::feed(ByteView pcm) {
  if (finished_) return 0;
  const std::size_t taken = std::min(pcm.size(), kMaxBufferedBytes - buffer_.size());
  append(buffer_, pcm.first(taken));
  return taken;
}

Frame RawPcmSource::next() {
  Frame frame{};
  const std::size_t wanted = finished_ ? std::min(kFrameSamples, buffer_.size() / 2) : kFrameSamples;
  if (buffer_.size() < wanted * 2) {
    ++underruns_;
    return frame;
  }
  for (std::size_t i = 0; i < wanted; ++i) {
    frame[i] = static_cast<std::int16_t>(static_cast<std::uint16_t>(buffer_[2 * i] | (buffer_[2 * i + 1] << 8)));
  }
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(wanted * 2));
  return frame;
}

}  // namespace wzp::media
