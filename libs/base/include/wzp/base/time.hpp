#pragma once

#include <chrono>
#include <optional>

namespace wzp {

using Duration = std::chrono::nanoseconds;

/// The clock of every `Instant`. It has no now(): only wzp::net makes instants, so a core cannot read a clock.
struct MonoClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<MonoClock>;
  static constexpr bool is_steady = true;
};

/// A point on the monotonic clock of this process.
using Instant = MonoClock::time_point;

/// The earlier of two deadlines, where "none" is later than everything.
[[nodiscard]] constexpr std::optional<Instant> earliest(std::optional<Instant> a, std::optional<Instant> b) {
  if (!a) return b;
  if (!b) return a;
  return *a < *b ? a : b;
}

}  // namespace wzp
