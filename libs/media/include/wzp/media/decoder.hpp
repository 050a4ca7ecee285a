#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "wzp/base/bytes.hpp"
#include "wzp/base/result.hpp"
#include "wzp/media/codec.hpp"
#include "wzp/media/pcm.hpp"

struct OpusDecoder;  // libopus, in src/ only

namespace wzp::media {

/// How many samples a packet holds, read from its first bytes. Errors: Unsupported (codec), BadValue (not a packet of
/// its codec, or not a multiple of 20 ms), TooLong (over `kMaxPayloadBytes`).
[[nodiscard]] Result<std::size_t> packet_samples(CodecId codec, ByteView payload);

/// Opus packets of one speaker to speech, and something bearable for packets that are missing. Spans stay valid
/// until the next call.
class Decoder {
 public:
  /// Errors: Internal (libopus refused).
  [[nodiscard]] static Result<Decoder> create();
  Decoder(Decoder&&) noexcept;
  Decoder& operator=(Decoder&&) noexcept;
  ~Decoder();

  /// One packet of any Opus codec id, whatever came before. On an error the history is as after a lost packet
  /// of 20 ms: use `conceal` for it. Errors: those of `packet_samples`.
  [[nodiscard]] Result<PcmView> decode(CodecId codec, ByteView payload);
  /// 20 ms in place of a missing packet: libopus' concealment for 120 ms in a row, then fading to silence over
  /// 80 ms more.
  /// Source: client.md 19.10.
  [[nodiscard]] PcmView conceal();
  /// 20 ms of noise in +-`level`. Source: client.md 12.8.
  [[nodiscard]] PcmView comfort_noise(std::uint8_t level);
  /// Forgets the speaker.
  void reset();

 private:
  struct Destroy {
    void operator()(::OpusDecoder* state) const noexcept;
  };
  using State = std::unique_ptr<::OpusDecoder, Destroy>;
  explicit Decoder(State state);

  State state_;
  std::array<std::int16_t, kMaxPacketSamples> buffer_{};
  std::size_t concealed_in_a_row_ = 0;
  std::uint32_t noise_ = 1;
};

}  // namespace wzp::media
