#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "wzp/base/bytes.hpp"
#include "wzp/media/pcm.hpp"

namespace wzp::media {

/// Where the audio of a call comes from: a tone, a file, a pipe and later a microphone are interchangeable.
class AudioSource {
 public:
  virtual ~AudioSource() = default;
  /// The next 20 ms. Always whole: what the source does not have is silence.
  [[nodiscard]] virtual Frame next() = 0;
  /// True once only silence will follow; false for ever for an endless source.
  [[nodiscard]] virtual bool done() const = 0;
};

/// Endless silence.
class SilenceSource final : public AudioSource {
 public:
  Frame next() override { return Frame{}; }
  [[nodiscard]] bool done() const override { return false; }
};

/// An endless sine without clicks between frames.
class ToneSource final : public AudioSource {
 public:
  /// `hz` is brought into 1 .. 23 999, `amplitude` (1 is full scale) into 0 .. 1. Source of 0.25: our choice,
  /// -12 dBFS.
  explicit ToneSource(double hz, double amplitude = 0.25);
  Frame next() override;
  [[nodiscard]] bool done() const override { return false; }

 private:
  double step_;
  double amplitude_;
  double phase_ = 0;
};

/// Plays a clip once, then silence; or over and over without a gap.
class ClipSource final : public AudioSource {
 public:
  enum class Repeat : std::uint8_t { No, Yes };
  /// Errors: those of `to_mono_48k`.
  [[nodiscard]] static Result<ClipSource> create(const PcmClip& clip, Repeat repeat = Repeat::No);
  Frame next() override;
  [[nodiscard]] bool done() const override { return repeat_ == Repeat::No && position_ == samples_.size(); }

 private:
  ClipSource(std::vector<std::int16_t> samples, Repeat repeat) : samples_{std::move(samples)}, repeat_{repeat} {}

  std::vector<std::int16_t> samples_;
  Repeat repeat_;
  std::size_t position_ = 0;
};

/// Raw 16-bit little-endian mono PCM at 48 kHz that arrives in pieces of any size, from a pipe for example.
/// Every sample is played exactly once; a piece that is not yet a whole frame waits for the rest.
class RawPcmSource final : public AudioSource {
 public:
  /// Room for pieces. Source: our choice; enough for a pipe, short enough to stay fresh.
  static constexpr std::size_t kMaxBufferedBytes = 2 * kSampleRate;

  /// Takes what there is room for (one second) and says how many bytes that was; offer the rest again after `next`.
  [[nodiscard]] std::size_t feed(ByteView pcm);
  /// No more is coming: the last piece is filled up with silence; half a sample is dropped.
  void finish() { finished_ = true; }
  Frame next() override;
  [[nodiscard]] bool done() const override { return finished_ && buffer_.size() < 2; }
  /// How often `next` had to give silence although more was to come.
  [[nodiscard]] std::uint64_t underruns() const { return underruns_; }

 private:
  Bytes buffer_;
  bool finished_ = false;
  std::uint64_t underruns_ = 0;
};

}  // namespace wzp::media
