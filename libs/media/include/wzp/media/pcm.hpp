#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "wzp/base/result.hpp"
#include "wzp/base/time.hpp"

namespace wzp::media {

/// Everything inside a call is mono at this rate. Source: wire.md 3.3.
inline constexpr std::uint32_t kSampleRate = 48'000;
/// One step of sources, sinks and playout. Source: wire.md 3.3, the shortest frame of any codec.
inline constexpr Duration kFrameDuration = std::chrono::milliseconds{20};
inline constexpr std::size_t kFrameSamples = 960;

/// 20 ms of 16-bit mono at 48 kHz.
using Frame = std::array<std::int16_t, kFrameSamples>;
/// Samples that somebody else owns.
using PcmView = std::span<const std::int16_t>;

/// A piece of audio as a file brings it; the samples of one instant stand together, channel by channel.
struct PcmClip {
  std::uint32_t sample_rate = kSampleRate;
  std::uint16_t channels = 1;
  std::vector<std::int16_t> samples;

  bool operator==(const PcmClip&) const = default;
};

/// Sample rates and channel counts that are understood. Source: our choice, all that recorders produce.
inline constexpr std::uint32_t kMinClipRate = 4'000;
inline constexpr std::uint32_t kMaxClipRate = 192'000;
inline constexpr std::uint16_t kMaxClipChannels = 8;
/// Longest clip that is converted: its 48 kHz form takes 346 MB. Source: our choice.
inline constexpr Duration kMaxClipDuration = std::chrono::hours{1};

/// How long the clip plays; zero for a clip without rate or channels.
[[nodiscard]] Duration duration(const PcmClip& clip);

/// The mean of the channels at 48 kHz, through a windowed-sinc resampler. The result starts where the input
/// starts and lasts as long. Errors: BadValue (rate or channels outside the limits, half a sample), TooLong
/// (over `kMaxClipDuration`).
[[nodiscard]] Result<PcmClip> to_mono_48k(const PcmClip& clip);

}  // namespace wzp::media
