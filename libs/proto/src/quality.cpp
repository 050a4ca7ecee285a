#include "wzp/proto/quality.hpp"

#include <algorithm>

namespace wzp::proto {

float QualityReport::loss_percent() const noexcept { return static_cast<float>(loss_pct) / 255.0F * 100.0F; }

QualityReport quality_report_from(float loss_percent, std::uint32_t rtt_ms, std::uint32_t jitter_ms) noexcept {
  const float loss = loss_percent / 100.0F * 255.0F;
  QualityReport report;
  // Written so that "no number" takes the first branch.
  report.loss_pct = !(loss > 0.0F) ? std::uint8_t{0} : static_cast<std::uint8_t>(std::min(loss, 255.0F));
  report.rtt_4ms = static_cast<std::uint8_t>(std::min(rtt_ms / 4, 255U));
  report.jitter_ms = static_cast<std::uint8_t>(std::min(jitter_ms, 255U));
  report.bitrate_cap_kbps = QualityReport::kUsualBitrateCap;
  return report;
}

Result<QualityReport> parse_quality_report(ByteView bytes) {
  if (bytes.size() < QualityReport::kSize) return Unexpected{Errc::TooShort, "quality report"};
  if (bytes.size() > QualityReport::kSize) return Unexpected{Errc::TooLong, "quality report"};
  return QualityReport{bytes[0], bytes[1], bytes[2], bytes[3]};
}

void write(const QualityReport& report, std::span<std::uint8_t, QualityReport::kSize> out) noexcept {
  out[0] = report.loss_pct;
  out[1] = report.rtt_4ms;
  out[2] = report.jitter_ms;
  out[3] = report.bitrate_cap_kbps;
}

}  // namespace wzp::proto
