#include "wzp/media/timeline.hpp"

namespace wzp::media {

std::int64_t Timeline::extend(std::uint32_t timestamp) {
  if (!any_) {
    any_ = true;
    newest_ = last_ = timestamp;
    return newest_;
  }
  const auto ahead = static_cast<std::int32_t>(timestamp - static_cast<std::uint32_t>(newest_));
  const std::int64_t ticks = newest_ + ahead;
  if (!settled() && ticks != last_) learn(ticks - last_);
  last_ = ticks;
  if (ticks > newest_) newest_ = ticks;
  return ticks;
}

void Timeline::learn(std::int64_t step) {
  ++steps_;
  if (step % 960 != 0) milliseconds_seen_ = true;
  samples_ = !milliseconds_seen_;
}

}  // namespace wzp::media
