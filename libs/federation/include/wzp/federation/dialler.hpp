#pragma once

#include <cstdint>
#include <optional>

#include "wzp/base/time.hpp"

namespace wzp::federation {

/// When to dial one peer: at once, then after 1 s doubling to 300 s with +-20 % jitter. An attempt may take 10 s.
class Dialler {
 public:
  /// Source: relay.md 10.2.
  static constexpr Duration kFirstDelay = std::chrono::seconds{1};
  static constexpr Duration kLongestDelay = std::chrono::seconds{300};
  static constexpr Duration kAttemptTimeout = std::chrono::seconds{10};
  static constexpr Duration kStable = std::chrono::seconds{30};

  explicit Dialler(std::uint64_t seed) : random_{seed} {}

  /// Something to dial for: due at once, or when the back-off says.
  void want(Instant now);
  /// Nothing to dial for: the peer is linked.
  void rest() noexcept { due_.reset(); }
  /// True when an attempt is to begin now; it then runs until `attempt_failed`, `connected` or its own timeout.
  [[nodiscard]] bool take_attempt(Instant now);
  /// Somebody has reason to think that it works now: the next attempt does not wait.
  void start_anew() noexcept;
  /// An attempt gave a connection.
  void connected() noexcept;
  /// The running attempt came to nothing; ignored when none is running.
  void attempt_failed(Instant now);
  /// The connection that it gave came to nothing before a link was up. `refused`: one side does not trust the other.
  void failed(Instant now, bool refused);
  /// That connection is over, and it is no failure.
  void disconnected() noexcept { connecting_ = false; }
  /// A link to the peer has ended after being up for `uptime`.
  void link_ended(Instant now, Duration uptime);

  [[nodiscard]] std::optional<Instant> deadline() const noexcept;

 private:
  [[nodiscard]] Duration jittered(Duration delay);

  std::uint64_t random_;
  Duration backoff_{};               ///< delay before the next attempt; zero: none
  std::optional<Instant> due_;       ///< of the next attempt
  std::optional<Instant> gives_up_;  ///< of the running attempt
  bool connecting_ = false;          ///< a connection is in its handshake
};

}  // namespace wzp::federation
