#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <vector>

#include "wzp/media/pcm.hpp"

namespace wzp::media::test {

/// A sine as a clip of any rate.
inline PcmClip sine(double hz, std::uint32_t rate, double seconds, double amplitude = 0.5) {
  PcmClip clip{rate, 1, {}};
  clip.samples.resize(static_cast<std::size_t>(seconds * rate));
  for (std::size_t i = 0; i < clip.samples.size(); ++i) {
    const double phase = 2 * std::numbers::pi * hz * static_cast<double>(i) / rate;
    clip.samples[i] = static_cast<std::int16_t>(std::lrint(32767 * amplitude * std::sin(phase)));
  }
  return clip;
}

/// A copy of the middle half: no beginning and end of filters.
inline std::vector<std::int16_t> middle(const std::vector<std::int16_t>& samples) {
  const auto quarter = static_cast<std::ptrdiff_t>(samples.size() / 4);
  return {samples.begin() + quarter, samples.end() - quarter};
}

/// Strength of one frequency in dB of full scale: a Hann-windowed Fourier sum.
inline double tone_dbfs(PcmView samples, double hz) {
  double re = 0, im = 0;
  const auto n = static_cast<double>(samples.size());
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const double at = 2 * std::numbers::pi * static_cast<double>(i);
    const double x = samples[i] * (0.5 - 0.5 * std::cos(at / n));
    re += x * std::cos(at * hz / kSampleRate);
    im += x * std::sin(at * hz / kSampleRate);
  }
  return 20 * std::log10(std::max(1e-9, 4 * std::hypot(re, im) / n / 32768));
}

/// Repeatable pseudo-random numbers.
class Random {
 public:
  explicit Random(std::uint32_t seed) : state_{seed * 2'654'435'761U + 1} {}
  /// 0 .. below - 1.
  std::uint32_t operator()(std::uint32_t below) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 17;
    state_ ^= state_ << 5;
    return state_ % below;
  }

 private:
  std::uint32_t state_;
};

}  // namespace wzp::media::test
