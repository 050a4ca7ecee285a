#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "wzp/base/bytes.hpp"
#include "wzp/base/result.hpp"
#include "wzp/media/codec.hpp"
#include "wzp/media/pcm.hpp"

struct OpusEncoder;  // libopus, in src/ only

namespace wzp::media {

struct EncoderConfig {
  /// Source: client.md 12.1, profile GOOD.
  CodecId codec = CodecId::Opus24k;
  /// Every packet has the same length, and there is one for every frame, so that neither tells what is said. On
  /// in sealed calls (crypto.md 5, RFC 6562). Off: variable rate, and very short packets in silence, as the
  /// reference sends.
  bool constant_rate = true;
  /// 0..10, more is slower and better. Source: client.md 12.4.
  int complexity = 7;
};

/// Speech to Opus packets, mono at 48 kHz. Created once per call; changing the codec keeps its history.
class Encoder {
 public:
  /// Errors: Unsupported (a codec that is not Opus), BadValue (complexity), Internal (libopus refused).
  [[nodiscard]] static Result<Encoder> create(const EncoderConfig& config);
  Encoder(Encoder&&) noexcept;
  Encoder& operator=(Encoder&&) noexcept;
  ~Encoder();

  /// One packet of exactly `frame_samples()` samples. The bytes stay valid until the next call.
  /// Errors: BadValue (another number of samples), Internal.
  [[nodiscard]] Result<ByteView> encode(PcmView pcm);
  /// Takes effect with the next frame. Errors: as `create`; the old codec then stays.
  [[nodiscard]] Result<void> set_codec(CodecId codec);
  [[nodiscard]] CodecId codec() const { return codec_; }
  /// 960, or 1920 for Opus6k: ask before every frame.
  [[nodiscard]] std::size_t frame_samples() const { return traits(codec_).frame_samples; }

 private:
  struct Destroy {
    void operator()(::OpusEncoder* state) const noexcept;
  };
  using State = std::unique_ptr<::OpusEncoder, Destroy>;
  Encoder(State state, CodecId codec);

  State state_;
  CodecId codec_;
  std::array<std::uint8_t, kMaxPayloadBytes> buffer_{};
};

}  // namespace wzp::media
