#include "wzp/media/similarity.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "band_energies.hpp"

namespace wzp::media {
namespace {

constexpr std::ptrdiff_t kRowMs = 10;
constexpr std::ptrdiff_t kPieceRows = 150;
/// How far the lag of a piece may be from that of the piece before. Source: our choice, ten frames inserted or
/// dropped in a second.
constexpr std::ptrdiff_t kLocalRows = 20;
/// A row holds speech if its strongest band is this far above the floor.
constexpr float kSpeechDb = 15.0F;
/// Less speech than this in a piece says little.
constexpr std::ptrdiff_t kMinSpeechRows = 30;
/// Variance per value below which there is nothing to correlate, dB^2: noise that is steady has about 30 within
/// one row.
constexpr double kMinVariance = 1.0;

using Rows = std::vector<BandRow>;

std::ptrdiff_t ssize(const Rows& rows) { return static_cast<std::ptrdiff_t>(rows.size()); }
const BandRow& at(const Rows& rows, std::ptrdiff_t i) { return rows[static_cast<std::size_t>(i)]; }

bool is_speech(const BandRow& row) { return *std::max_element(row.begin(), row.end()) > kSpeechDb; }

/// Pearson's correlation of rows [from, to) of `a` with the same rows of `b` moved by `lag`, where each band
/// counts from its own mean. Rows that `b` does not have are silence there. Only every `stride`-th row is
/// looked at.
double correlation(const Rows& a, const Rows& b, std::ptrdiff_t from, std::ptrdiff_t to, std::ptrdiff_t lag,
                   std::ptrdiff_t stride = 1) {
  static constexpr BandRow kNothing{};
  double xy = 0, xx = 0, yy = 0;
  const auto n = static_cast<double>((to - from + stride - 1) / stride);
  std::array<double, kBands> sx{}, sy{};
  for (std::ptrdiff_t i = from; i < to; i += stride) {
    const BandRow& x = at(a, i);
    const BandRow& y = i + lag >= 0 && i + lag < ssize(b) ? at(b, i + lag) : kNothing;
    for (std::size_t k = 0; k < kBands; ++k) {
      sx[k] += x[k];
      sy[k] += y[k];
      xy += static_cast<double>(x[k]) * y[k];
      xx += static_cast<double>(x[k]) * x[k];
      yy += static_cast<double>(y[k]) * y[k];
    }
  }
  for (std::size_t k = 0; k < kBands; ++k) {
    xy -= sx[k] * sy[k] / n;
    xx -= sx[k] * sx[k] / n;
    yy -= sy[k] * sy[k] / n;
  }
  const double enough = kMinVariance * n * kBands;
  return xx < enough || yy < enough ? 0.0 : xy / std::sqrt(xx * yy);
}

struct Match {
  double correlation = 0;
  std::ptrdiff_t lag = 0;
};

Match best_match(const Rows& a, const Rows& b, std::ptrdiff_t from, std::ptrdiff_t to, std::ptrdiff_t lag,
                 std::ptrdiff_t around, std::ptrdiff_t stride = 1) {
  Match best{correlation(a, b, from, to, lag, stride), lag};  // of equals the middle
  for (std::ptrdiff_t l = lag - around; l <= lag + around; l += stride) {
    const double c = correlation(a, b, from, to, l, stride);
    if (c > best.correlation) best = {c, l};
  }
  return best;
}

}  // namespace

SpeechSimilarity compare(PcmView reference, PcmView recorded, Duration max_lag) {
  const Rows sent = band_energies(reference);
  const Rows heard = band_energies(recorded);
  if (sent.empty() || heard.empty()) return {};
  const auto max_rows = static_cast<std::ptrdiff_t>(max_lag / std::chrono::milliseconds{kRowMs});
  const Match coarse = best_match(sent, heard, 0, ssize(sent), 0, max_rows, 2);
  const Match whole = best_match(sent, heard, 0, ssize(sent), coarse.lag, 2);

  double weighted = 0;
  double weight = 0;
  std::ptrdiff_t lag = whole.lag;
  for (std::ptrdiff_t from = 0; from < ssize(sent); from += kPieceRows) {
    const std::ptrdiff_t to = std::min(from + kPieceRows, ssize(sent));
    const auto speech = std::count_if(sent.begin() + from, sent.begin() + to, is_speech);
    if (speech < kMinSpeechRows) continue;
    const Match piece = best_match(sent, heard, from, to, lag, kLocalRows);
    if (piece.correlation >= kSameSpeech) lag = piece.lag;
    weighted += piece.correlation * static_cast<double>(speech);
    weight += static_cast<double>(speech);
  }
  if (weight == 0) return {};
  return {weighted / weight, std::chrono::milliseconds{whole.lag * kRowMs}, weight * kRowMs / 1000.0};
}

}  // namespace wzp::media
