#include "wzp/media/mixer.hpp"

#include <algorithm>
#include <cmath>

namespace wzp::media {
namespace {

constexpr float kFullScale = 32767.0F;
/// Blocks of 1 ms whose peaks the gain prepares for.
constexpr std::size_t kLookAhead = 5;
/// Part of the way to a lower gain that is left after one block.
constexpr float kAttackLeft = 0.5F;
/// A gain so near to 1 is 1: the step is at -80 dB.
constexpr float kNearlyOne = 0.9999F;

/// Straight up to the threshold, then bent: same slope there, and always below full scale.
float bend(float x) noexcept {
  const float over = std::abs(x) - Mixer::kThreshold;
  if (over <= 0) return x;
  constexpr float room = 1 - Mixer::kThreshold;
  return std::copysign(Mixer::kThreshold + room * over / (room + over), x);
}

}  // namespace

void Mixer::add(const Frame& frame) noexcept {
  for (std::size_t i = 0; i < kFrameSamples; ++i) sum_[i] += static_cast<float>(frame[i]) / kFullScale;
}

Frame Mixer::take() noexcept {
  std::array<float, kBlocks> allowed{};  // the gain at which the loudest sample of a block is at the threshold
  for (std::size_t b = 0; b < kBlocks; ++b) {
    float peak = 0;
    for (std::size_t i = b * kBlock; i < (b + 1) * kBlock; ++i) peak = std::max(peak, std::abs(sum_[i]));
    allowed[b] = peak > kThreshold ? kThreshold / peak : 1.0F;
  }
  Frame out;
  for (std::size_t b = 0; b < kBlocks; ++b) {
    const float end = next_gain(b, allowed);
    const float step = (end - gain_) / kBlock;
    for (std::size_t i = 0; i < kBlock; ++i) {
      const std::size_t at = b * kBlock + i;
      const float gain = gain_ + step * static_cast<float>(i + 1);
      out[at] = static_cast<std::int16_t>(std::lrint(kFullScale * bend(gain * sum_[at])));
    }
    gain_ = end;
  }
  sum_.fill(0);
  return out;
}

float Mixer::next_gain(std::size_t block, const std::array<float, kBlocks>& allowed) const noexcept {
  static const auto kReleaseLeft = static_cast<float>(std::exp(-0.001 / kReleaseSeconds));
  const std::size_t last = std::min(block + kLookAhead, kBlocks - 1);
  const auto from = allowed.begin() + static_cast<std::ptrdiff_t>(block);
  const float target = *std::min_element(from, allowed.begin() + static_cast<std::ptrdiff_t>(last + 1));
  if (target < gain_) return target + (gain_ - target) * kAttackLeft;
  const float released = 1 - (1 - gain_) * kReleaseLeft;
  return released > kNearlyOne && target >= 1 ? 1.0F : std::min(released, target);
}

}  // namespace wzp::media
