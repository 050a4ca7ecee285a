#include "wzp/media/level.hpp"

#include <algorithm>
#include <cmath>

namespace wzp::media {
namespace {

double to_dbfs(double amplitude) {
  return amplitude <= 0 ? kSilenceDbfs : std::max(kSilenceDbfs, 20 * std::log10(amplitude / 32768.0));
}

}  // namespace

Level level(PcmView samples) {
  if (samples.empty()) return {};
  double sum = 0;
  int peak = 0;
  for (const int s : samples) {
    sum += static_cast<double>(s) * s;
    peak = std::max(peak, std::abs(s));
  }
  return {to_dbfs(std::sqrt(sum / static_cast<double>(samples.size()))), to_dbfs(peak)};
}

}  // namespace wzp::media
