#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "wzp/base/bytes.hpp"
#include "wzp/base/result.hpp"
#include "wzp/base/time.hpp"
#include "wzp/media/decoder.hpp"
#include "wzp/media/jitter_buffer.hpp"
#include "wzp/media/pcm.hpp"
#include "wzp/proto/media_header.hpp"

namespace wzp::media {

/// What became of the packets of one speaker.
struct PlayoutStats {
  JitterStats jitter;
  std::uint64_t bad_packets = 0;   ///< not a packet of their codec, or too large
  std::uint64_t unsupported = 0;   ///< repair packets and codecs that are not built in (Codec2)
  std::uint64_t frames = 0;        ///< frames given out
  std::uint64_t noise_frames = 0;  ///< of them comfort noise

  bool operator==(const PlayoutStats&) const = default;
};

/// The receiving end of one speaker: packets in at any time, a frame out every 20 ms. In a room there is one
/// for each speaker. The codec may change with any packet.
class Playout {
 public:
  /// Errors: Internal (libopus refused).
  [[nodiscard]] static Result<Playout> create();

  /// A packet that has been opened and checked; the quality report is not part of `payload`. Errors (for a log;
  /// the packet is already counted and playout goes on): Unsupported, BadValue, TooLong.
  Result<void> receive(const proto::MediaHeader& header, ByteView payload, Instant arrival);
  /// What is heard now. Call it every 20 ms by the clock, also while nothing arrives; several calls with one
  /// `now` to catch up are fine.
  [[nodiscard]] Frame next_frame(Instant now);
  [[nodiscard]] PlayoutStats stats() const;

 private:
  explicit Playout(Decoder decoder) : decoder_{std::move(decoder)} {}
  void refill(Instant now);
  void decode(const JitterPacket& packet);
  void silence();
  void append(PcmView samples);

  JitterBuffer buffer_;
  Decoder decoder_;
  std::array<std::int16_t, kMaxPacketSamples> pcm_{};  // decoded, not yet given out
  std::size_t pcm_begin_ = 0;
  std::size_t pcm_end_ = 0;
  bool quiet_ = true;
  std::uint8_t noise_level_ = 0;  // of the comfort noise that now stands for silence; 0 is none
  PlayoutStats stats_;
};

}  // namespace wzp::media
