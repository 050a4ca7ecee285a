#pragma once

#include <cstdint>
#include <optional>

#include "wzp/base/time.hpp"

namespace wzp::ws {

/// How many frames a peer may send: so many a second, saved up for a second. Short excesses cost what is over; whoever
/// keeps on is given up: over it for longer than `patience`, or with more than `max_over` frames, without a pause that
/// fills the second up again.
class FrameBudget {
 public:
  enum class Verdict : std::uint8_t { Take, Drop, GiveUp };

  FrameBudget(std::uint32_t per_second, Duration patience, std::uint32_t max_over);
  [[nodiscard]] Verdict take(Instant now);

 private:
  Duration step_;
  Duration patience_;
  std::uint32_t max_over_;
  Instant full_at_ = Instant::min();  ///< when all is saved up again
  std::optional<Instant> over_since_{};
  std::uint32_t over_ = 0;
};

}  // namespace wzp::ws
