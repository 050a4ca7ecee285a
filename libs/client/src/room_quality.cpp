#include "wzp/client/room_quality.hpp"

#include <algorithm>

namespace wzp::client {
namespace {

std::uint32_t milliseconds(Duration d) {
  const auto count = std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(count, 0, 60'000));
}

}  // namespace

void RoomQuality::restart() { count_ = 0; }

void RoomQuality::look(const Sample& sample, Instant now) {
  // One look may be older than the window: the window starts somewhere between it and the next.
  std::size_t old = 0;
  while (old + 1 < count_ && now - looks_[old + 1].at >= kWindow) ++old;
  if (count_ - old == looks_.size()) ++old;
  std::copy(looks_.begin() + static_cast<std::ptrdiff_t>(old), looks_.begin() + static_cast<std::ptrdiff_t>(count_),
            looks_.begin());
  count_ -= old;
  looks_[count_++] = {sample, now};
}

double RoomQuality::loss_percent() const {
  if (count_ == 0) return 0;
  const auto& last = looks_[count_ - 1].sample;
  const Sample first = count_ > 1 ? looks_[0].sample : Sample{};
  // A packet is counted as lost some time after it was sent, so there can be more losses than packets in a window.
  if (last.sent <= first.sent || last.lost < first.lost) return 0;
  return std::min(100.0,
                  100.0 * static_cast<double>(last.lost - first.lost) / static_cast<double>(last.sent - first.sent));
}

std::optional<proto::QualityReport> RoomQuality::take(Duration jitter, Instant now) {
  if (count_ == 0 || (next_ && now < *next_)) return std::nullopt;
  next_ = now + kEvery;
  return proto::quality_report_from(static_cast<float>(loss_percent()), milliseconds(looks_[count_ - 1].sample.rtt),
                                    milliseconds(jitter));
}

}  // namespace wzp::client
