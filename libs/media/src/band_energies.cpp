#include "band_energies.hpp"

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>

namespace wzp::media {
namespace {

constexpr std::size_t kFft = 2048;
constexpr std::size_t kWindow = 1200;
constexpr std::size_t kHop = 480;
constexpr double kLowHz = 150;
constexpr double kHighHz = 6'000;
/// Nothing softer than this is sound, in the unit of `energies`. Source: a tone of -80 dBFS measures 50, one
/// bit of noise 25.
constexpr float kSilence = 45.0F;

using Complex = std::complex<float>;
using Spectrum = std::array<Complex, kFft>;

double mel(double hz) { return 2595 * std::log10(1 + hz / 700); }
double hz(double mels) { return 700 * (std::pow(10, mels / 2595) - 1); }

/// Constants of the transform, made once per call of `band_energies`.
struct Plan {
  std::array<float, kWindow> window{};
  std::array<Complex, kFft / 2> twiddle{};
  std::array<std::size_t, kBands + 1> edges{};

  Plan() {
    for (std::size_t i = 0; i < kWindow; ++i) {
      window[i] =
          static_cast<float>(0.5 - 0.5 * std::cos(2 * std::numbers::pi * static_cast<double>(i) / (kWindow - 1)));
    }
    for (std::size_t i = 0; i < kFft / 2; ++i) {
      twiddle[i] = std::polar(1.0F, static_cast<float>(-2 * std::numbers::pi * static_cast<double>(i) / kFft));
    }
    for (std::size_t b = 0; b <= kBands; ++b) {
      const double at = mel(kLowHz) + (mel(kHighHz) - mel(kLowHz)) * static_cast<double>(b) / kBands;
      edges[b] = static_cast<std::size_t>(std::lrint(hz(at) * kFft / kSampleRate));
    }
  }
};

/// A product without the care that operator* takes of infinities, which would cost most of the time here.
Complex times(Complex a, Complex b) {
  return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}

/// In place, radix 2.
void transform(Spectrum& x, const Plan& plan) {
  for (std::size_t i = 1, j = 0; i < kFft; ++i) {
    std::size_t bit = kFft / 2;
    for (; j & bit; bit /= 2) j ^= bit;
    j ^= bit;
    if (i < j) std::swap(x[i], x[j]);
  }
  for (std::size_t half = 1; half < kFft; half *= 2) {
    for (std::size_t start = 0; start < kFft; start += 2 * half) {
      for (std::size_t k = 0; k < half; ++k) {
        const Complex odd = times(x[start + k + half], plan.twiddle[k * (kFft / 2 / half)]);
        x[start + k + half] = x[start + k] - odd;
        x[start + k] += odd;
      }
    }
  }
}

BandRow energies(PcmView window, const Plan& plan) {
  Spectrum x{};
  for (std::size_t i = 0; i < kWindow; ++i) x[i] = static_cast<float>(window[i]) * plan.window[i];
  transform(x, plan);
  BandRow row{};
  for (std::size_t b = 0; b < kBands; ++b) {
    float sum = 1.0F;
    for (std::size_t k = plan.edges[b]; k < plan.edges[b + 1]; ++k) sum += std::norm(x[k]);
    row[b] = 10 * std::log10(sum / static_cast<float>(plan.edges[b + 1] - plan.edges[b]));
  }
  return row;
}

/// The loud parts: the strongest band of each row, at the 95th percentile.
float loudness(const std::vector<BandRow>& rows) {
  std::vector<float> strongest;
  strongest.reserve(rows.size());
  for (const BandRow& row : rows) strongest.push_back(*std::max_element(row.begin(), row.end()));
  const auto at = strongest.begin() + static_cast<std::ptrdiff_t>(strongest.size() * 95 / 100);
  std::nth_element(strongest.begin(), at, strongest.end());
  return *at;
}

}  // namespace

std::vector<BandRow> band_energies(PcmView samples) {
  std::vector<BandRow> rows;
  if (samples.size() < kWindow) return rows;
  const Plan plan;
  rows.reserve(samples.size() / kHop);
  for (std::size_t i = 0; i + kWindow <= samples.size(); i += kHop)
    rows.push_back(energies(samples.subspan(i, kWindow), plan));
  const float floor = std::max(kSilence, loudness(rows) - kRangeDb);
  for (BandRow& row : rows) {
    for (float& value : row) value = std::max(0.0F, value - floor);
  }
  return rows;
}

}  // namespace wzp::media
