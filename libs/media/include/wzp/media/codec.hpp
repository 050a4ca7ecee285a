#pragma once

#include <cstddef>
#include <cstdint>

#include "wzp/media/pcm.hpp"
#include "wzp/proto/codec_id.hpp"

namespace wzp::media {

using proto::CodecId;

/// What a codec id of the media header promises. Source: wire.md 3.3.
struct CodecTraits {
  std::uint32_t bitrate = 0;
  std::size_t frame_samples = kFrameSamples;
  bool is_opus = false;

  bool operator==(const CodecTraits&) const = default;
};

/// Traits of any id; a number that is none gives the traits of comfort noise (no bits, not Opus).
[[nodiscard]] CodecTraits traits(CodecId codec);

/// Largest payload that is taken from the network or produced. Source: wire.md 3.4 (about 500) and client.md
/// 12.4 (512).
inline constexpr std::size_t kMaxPayloadBytes = 512;
/// Longest packet of Opus. Source: RFC 6716 2.1.4.
inline constexpr std::size_t kMaxPacketSamples = 6 * kFrameSamples;

}  // namespace wzp::media
