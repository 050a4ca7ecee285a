#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "wzp/base/time.hpp"
#include "wzp/proto/quality.hpp"

// How well one member of a room does, from the reports that come with its packets (relay.md 11.6, 19.9).

namespace wzp::relay {

/// Worst to best. The numbers are those of `RoomState::tier`.
enum class Tier : std::uint8_t { Catastrophic, Degraded, Good, Studio32k, Studio48k, Studio64k };

[[nodiscard]] std::string_view name(Tier tier) noexcept;
/// How to send to somebody of this tier.
[[nodiscard]] proto::QualityProfile profile(Tier tier) noexcept;

/// The tier of one member. Starts at Good. Three reports in a row below it lower it to what the last of them shows; five
/// above it raise it by one, ten from Good upward; a report that fits clears both counts. No probing: a relay sends
/// nothing of its own.
class QualityTier {
 public:
  void hear(const proto::QualityReport& report, Instant now);
  /// Empty when the last report is older than 10 s: who does not report does not count (V-47).
  [[nodiscard]] std::optional<Tier> tier(Instant now) const;

 private:
  Tier tier_ = Tier::Good;
  int worse_ = 0;
  int better_ = 0;
  std::optional<Instant> heard_;
};

}  // namespace wzp::relay
