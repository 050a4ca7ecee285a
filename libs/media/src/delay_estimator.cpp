#include "wzp/media/delay_estimator.hpp"

#include <algorithm>
#include <utility>

namespace wzp::media {
namespace {

/// How far back arrivals count. Source: client.md 19.10.
constexpr Duration kWindow = std::chrono::seconds{10};
/// How often the percentile is taken. Source: our choice, ten packets.
constexpr Duration kRecomputeEvery = std::chrono::milliseconds{200};
constexpr std::size_t kMaxSamples = 1024;
/// Fewer arrivals say nothing about a percentile. Source: our choice.
constexpr std::size_t kMinSamples = 10;
constexpr std::int64_t kMarginMs = 10;
constexpr std::int64_t kAttackMs = 20;
/// The target falls by 1 ms in this time. Source: client.md 19.10.
constexpr Duration kDecayEvery = std::chrono::milliseconds{20};
/// Source: our choice; a held-back burst is over by then.
constexpr Duration kShiftWatch = std::chrono::milliseconds{500};
constexpr std::int64_t kShiftMs = 20;

std::int64_t to_ms(Instant at) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(at.time_since_epoch()).count();
}

}  // namespace

void DelayEstimator::add(std::int64_t timestamp_ms, Instant arrival) {
  const Sample sample{arrival, to_ms(arrival) - timestamp_ms};
  if (watch_until_) {
    watched_.push_back(sample);
    if (arrival >= *watch_until_ || watched_.size() == kMaxSamples) end_watch(arrival);
    return;
  }
  remember(sample);
  if (!recomputed_ || arrival - *recomputed_ >= kRecomputeEvery) recompute(arrival);
}

void DelayEstimator::remember(const Sample& sample) {
  base_ = samples_.empty() ? sample.relative_ms : std::min(base_, sample.relative_ms);
  if (samples_.size() < kMaxSamples) {
    samples_.push_back(sample);
  } else {
    samples_[next_] = sample;
    next_ = (next_ + 1) % kMaxSamples;
  }
}

void DelayEstimator::suspect_shift(Instant now) {
  if (!watch_until_) watch_until_ = now + kShiftWatch;
}

void DelayEstimator::end_watch(Instant now) {
  watch_until_.reset();
  const std::vector<Sample> watched = std::exchange(watched_, {});
  const bool shifted =
      std::all_of(watched.begin(), watched.end(), [&](const Sample& s) { return s.relative_ms > base_ + kShiftMs; });
  if (!shifted) return;
  samples_.clear();
  next_ = 0;
  for (const Sample& s : watched) remember(s);
  recompute(now);
}

void DelayEstimator::recompute(Instant now) {
  recomputed_ = now;
  std::vector<std::int64_t>& recent = scratch_;
  recent.clear();
  for (const Sample& s : samples_) {
    if (now - s.arrival < kWindow) recent.push_back(s.relative_ms);
  }
  if (recent.empty()) return;
  base_ = *std::min_element(recent.begin(), recent.end());
  if (recent.size() < kMinSamples) return;
  const auto at = recent.begin() + static_cast<std::ptrdiff_t>(recent.size() * 95 / 100);
  std::nth_element(recent.begin(), at, recent.end());
  const std::int64_t spread = *at - base_;
  wanted_ = std::clamp(spread + spread / 4 + kMarginMs, kMinTargetMs, kMaxTargetMs);
  target_ = std::max(target_, wanted_);
}

void DelayEstimator::hurt() { target_ = std::min(kMaxTargetMs, target_ + kAttackMs); }

void DelayEstimator::tick(Instant now) {
  if (!ticked_) ticked_ = now;
  const std::int64_t steps = (now - *ticked_) / kDecayEvery;
  if (steps <= 0) return;
  *ticked_ += steps * kDecayEvery;
  target_ = std::max(wanted_, target_ - steps);
}

std::int64_t DelayEstimator::lateness_ms(std::int64_t timestamp_ms, Instant now) const {
  return to_ms(now) - timestamp_ms - base_;
}

}  // namespace wzp::media
