#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "wzp/base/time.hpp"

namespace wzp::media {

/// Learns from arrivals how long a jitter buffer should hold audio back.
///
/// The *relative delay* of a packet is its arrival minus its timestamp, and the smallest one of the last 10 s
/// is the *base*. The target is the 95th percentile of (relative delay - base) over 10 s, a quarter of it and
/// 10 ms more: at once upwards, 1 ms per 20 ms downwards. A packet that came too late raises it by a frame. At
/// most 1,024 packets are remembered; the oldest make room.
///
/// After an outage the path may have become slower for good, or have held packets back once. `suspect_shift`
/// sets the next 500 ms of arrivals aside: if all of them are later than the base by more than a frame, the
/// past is forgotten and they are the new base; otherwise it was a spike, and they are.
class DelayEstimator {
 public:
  /// Source: client.md 19.10.
  static constexpr std::int64_t kMinTargetMs = 20;
  static constexpr std::int64_t kMaxTargetMs = 400;
  /// Until something is known. Source: our choice, typical jitter of Wi-Fi.
  static constexpr std::int64_t kStartTargetMs = 60;

  void add(std::int64_t timestamp_ms, Instant arrival);
  /// A packet missed its time.
  void hurt();
  void suspect_shift(Instant now);
  /// Lets the target come down; call it at every step of playout.
  void tick(Instant now);

  [[nodiscard]] std::int64_t target_ms() const { return target_; }
  /// False while a shift is being looked at: the base means little then.
  [[nodiscard]] bool steady() const { return !watch_until_; }
  /// How much later `now` is than the moment at which a packet with this timestamp would arrive on the fastest path.
  [[nodiscard]] std::int64_t lateness_ms(std::int64_t timestamp_ms, Instant now) const;

 private:
  struct Sample {
    Instant arrival;
    std::int64_t relative_ms = 0;
  };
  void remember(const Sample& sample);
  void end_watch(Instant now);
  void recompute(Instant now);

  std::vector<Sample> samples_;  // a ring once full
  std::size_t next_ = 0;
  std::vector<Sample> watched_;
  std::vector<std::int64_t> scratch_;
  std::int64_t base_ = 0;
  std::int64_t wanted_ = kStartTargetMs;
  std::int64_t target_ = kStartTargetMs;
  std::optional<Instant> watch_until_;
  std::optional<Instant> recomputed_;
  std::optional<Instant> ticked_;
};

}  // namespace wzp::media
