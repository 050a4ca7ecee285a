#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "wzp/base/time.hpp"
#include "wzp/proto/quality.hpp"

namespace wzp::client {

/// Says once a second how well our own path to the relay does, for the trailer of one media packet (relay.md 11.6,
/// 19.9). Loss is that of the last 2 s, not since the beginning ([V-71]); the counters are those of the connection.
class RoomQuality {
 public:
  static constexpr Duration kWindow = std::chrono::seconds{2};
  static constexpr Duration kEvery = std::chrono::seconds{1};

  struct Sample {
    std::uint64_t sent = 0;  ///< datagrams, since the connection began
    std::uint64_t lost = 0;  ///< of them
    Duration rtt{};
  };
  /// A new connection: its counters begin at zero.
  void restart();
  /// Looks at the path; call it about every 250 ms. More than 16 looks within the window: the oldest is forgotten.
  void look(const Sample& sample, Instant now);
  /// The report when one is due; then none for a second. Nothing before the first look.
  [[nodiscard]] std::optional<proto::QualityReport> take(Duration jitter, Instant now);
  /// Percent of what was sent within the window.
  [[nodiscard]] double loss_percent() const;

 private:
  struct Look {
    Sample sample;
    Instant at;
  };
  std::array<Look, 16> looks_{};  // oldest first
  std::size_t count_ = 0;
  std::optional<Instant> next_;
};

}  // namespace wzp::client
