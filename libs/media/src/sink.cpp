#include "wzp/media/sink.hpp"

#include <algorithm>
#include <utility>

namespace wzp::media {

Recorder::Recorder(Duration limit)
    : limit_samples_{static_cast<std::size_t>(std::max<std::int64_t>(0, limit / kFrameDuration)) * kFrameSamples} {}

void Recorder::write(const Frame& frame) {
  if (clip_.samples.size() + kFrameSamples > limit_samples_) {
    ++refused_;
    return;
  }
  clip_.samples.insert(clip_.samples.end(), frame.begin(), frame.end());
}

void WavStream::write(const Frame& frame) {
  if (pending_.size() + 2 * kFrameSamples > kMaxPendingBytes) {
    ++refused_;
    return;
  }
  append_pcm(pending_, frame);
}

Bytes WavStream::take() {
  taken_samples_ += pending_.size() / 2;
  return std::exchange(pending_, {});
}

ByteArray<kWavHeaderBytes> WavStream::header() const {
  return wav_header(taken_samples_ == 0 ? kUnknownLength : taken_samples_);
}

}  // namespace wzp::media
