#pragma once

#include <array>
#include <cstddef>

#include "wzp/media/pcm.hpp"

namespace wzp::media {

/// Several speakers in one frame, without clipping and without adding a delay.
///
/// The sum is turned down by one gain for all, so that the voices keep their balance. Up to `kThreshold` of full scale
/// the gain is 1 and nothing is changed: a single speaker below it comes out bit for bit.
///
/// - Attack: the gain goes half of the way to what the next 5 ms need in every millisecond, in a straight line within
///   each (3 % of the way are left after 5 ms). It looks ahead inside the frame only: a frame is what there is.
/// - Release: a time constant of 200 ms back to 1.
/// - What still reaches over the threshold, at the beginning of a sudden frame, is bent by a curve that is smooth there
///   and never reaches full scale: no sample is cut off.
///
/// Source of all figures: our choice, the usual ones of limiters for speech.
class Mixer {
 public:
  static constexpr float kThreshold = 0.8F;
  static constexpr double kReleaseSeconds = 0.2;

  /// One more speaker for the frame being made. Any number of them.
  void add(const Frame& frame) noexcept;
  /// The frame of what was added, and a new one begins. Silence if nothing was added; the gain recovers all the same.
  [[nodiscard]] Frame take() noexcept;
  /// What the end of the last frame was multiplied by, 0 .. 1.
  [[nodiscard]] float gain() const noexcept { return gain_; }

 private:
  static constexpr std::size_t kBlock = kSampleRate / 1000;
  static constexpr std::size_t kBlocks = kFrameSamples / kBlock;

  [[nodiscard]] float next_gain(std::size_t block, const std::array<float, kBlocks>& allowed) const noexcept;

  std::array<float, kFrameSamples> sum_{};  // 1 is full scale
  float gain_ = 1;
};

}  // namespace wzp::media
