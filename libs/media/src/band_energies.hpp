#pragma once

#include <array>
#include <vector>

#include "wzp/media/pcm.hpp"

namespace wzp::media {

inline constexpr std::size_t kBands = 20;
/// Log energy in dB of each band of 10 ms.
using BandRow = std::array<float, kBands>;

/// One row for every 10 ms, from windows of 25 ms, in bands that are equally wide on the mel scale between 150
/// Hz and 6 kHz. Everything more than 45 dB below the loud parts of the whole, or near digital silence, is 0,
/// so that silence is flat.
[[nodiscard]] std::vector<BandRow> band_energies(PcmView samples);

/// From the loud parts of the whole down to 0. Source: our choice, about what speech spans.
inline constexpr float kRangeDb = 45.0F;

}  // namespace wzp::media
