#pragma once

#include "wzp/media/pcm.hpp"

namespace wzp::media {

/// What digital silence measures. Source: half a step of 16 bits is -96 dB.
inline constexpr double kSilenceDbfs = -96.0;

/// Loudness in dB, where 0 is a sample of full scale; never below `kSilenceDbfs`.
struct Level {
  double rms_dbfs = kSilenceDbfs;
  double peak_dbfs = kSilenceDbfs;

  bool operator==(const Level&) const = default;
};

[[nodiscard]] Level level(PcmView samples);

}  // namespace wzp::media
