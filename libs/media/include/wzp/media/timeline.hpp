#pragma once

#include <cstddef>
#include <cstdint>

namespace wzp::media {

/// Extends the 32-bit timestamps of one sender and finds out their unit.
///
/// Most senders count milliseconds, an older one samples at 48 kHz. A sample counter moves by multiples of 960
/// only, a millisecond counter of 20 ms frames hardly ever does: so the unit is samples exactly as long as all
/// of the first 10 steps are multiples of 960 (and there was one), and is settled after them. Source: client.md
/// 18.5 D-55.
class Timeline {
 public:
  static constexpr std::size_t kLearnedAfter = 10;

  /// The timestamp on a line without wrap, still in the sender's unit ("ticks").
  [[nodiscard]] std::int64_t extend(std::uint32_t timestamp);
  /// Milliseconds on the sender's line, by the unit as far as it is known.
  [[nodiscard]] std::int64_t to_ms(std::int64_t ticks) const { return samples_ ? ticks / 48 : ticks; }
  [[nodiscard]] bool counts_samples() const { return samples_; }
  /// False while a step could still change the unit.
  [[nodiscard]] bool settled() const { return steps_ >= kLearnedAfter; }

 private:
  void learn(std::int64_t step);

  bool any_ = false;
  bool samples_ = false;
  bool milliseconds_seen_ = false;
  std::int64_t newest_ = 0;
  std::int64_t last_ = 0;
  std::size_t steps_ = 0;
};

}  // namespace wzp::media
