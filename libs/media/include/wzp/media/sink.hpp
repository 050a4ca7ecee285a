#pragma once

#include <cstddef>
#include <cstdint>

#include "wzp/base/bytes.hpp"
#include "wzp/media/pcm.hpp"
#include "wzp/media/wav.hpp"

namespace wzp::media {

/// Where the audio of a call goes: memory, a file and later a loudspeaker are interchangeable.
class AudioSink {
 public:
  virtual ~AudioSink() = default;
  virtual void write(const Frame& frame) = 0;
};

/// Forgets everything.
class NullSink final : public AudioSink {
 public:
  void write(const Frame&) override {}
};

/// Keeps a recording in memory. At its bound it keeps the beginning, and counts what it refuses.
class Recorder final : public AudioSink {
 public:
  /// Source of 10 minutes: our choice, 58 MB.
  explicit Recorder(Duration limit = std::chrono::minutes{10});
  void write(const Frame& frame) override;
  [[nodiscard]] const PcmClip& clip() const { return clip_; }
  [[nodiscard]] std::uint64_t refused_frames() const { return refused_; }

 private:
  PcmClip clip_;
  std::size_t limit_samples_;
  std::uint64_t refused_ = 0;
};

/// Turns frames into the bytes of a recording that is written as it happens, and does no I/O itself: write
/// `header()`, then now and then what `take()` gives, and at the end `header()` again over the first 44 bytes.
/// Writing the header again while recording is harmless. If nobody takes, the bytes over `kMaxPendingBytes` are
/// refused and counted, so that a stalled disk costs audio, not memory.
class WavStream final : public AudioSink {
 public:
  /// Source: our choice, 10 s.
  static constexpr std::size_t kMaxPendingBytes = 10 * 2 * kSampleRate;

  void write(const Frame& frame) override;
  /// The bytes since the last call.
  [[nodiscard]] Bytes take();
  /// The header for what has been taken so far; of unknown length before the first `take`.
  [[nodiscard]] ByteArray<kWavHeaderBytes> header() const;
  [[nodiscard]] std::uint64_t refused_frames() const { return refused_; }

 private:
  Bytes pending_;
  std::uint64_t taken_samples_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace wzp::media
