#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "wzp/base/time.hpp"

namespace wzp::client {

/// Notices that the media of a call has stopped and that it is back (client.md 11.5, 19.6; [H-13]). Begins with the
/// first packet; silence before that is the affair of the call set-up.
class MediaHealth {
 public:
  struct Config {
    Duration quiet = std::chrono::milliseconds{600};
    Duration degraded = std::chrono::seconds{6};
    Duration dead = std::chrono::seconds{30};
  };
  enum class Change : std::uint8_t {
    None,
    Quiet,      ///< nothing for `quiet`: time to look at the paths, not yet to tell anybody
    Degraded,   ///< nothing for `degraded`: the person should know
    Dead,       ///< nothing for `dead`: the call is over
    Recovered,  ///< a packet after `Degraded`
  };

  explicit MediaHealth(Config config) : config_{config} {}

  [[nodiscard]] Change packet(Instant now);
  /// Each stage is told once. When several are due, the last.
  [[nodiscard]] Change tick(Instant now);
  [[nodiscard]] std::optional<Instant> deadline() const;
  /// Whether a packet came within `quiet`.
  [[nodiscard]] bool flowing(Instant now) const { return last_ && now - *last_ < config_.quiet; }
  [[nodiscard]] std::optional<Instant> last_packet() const { return last_; }

 private:
  [[nodiscard]] std::optional<Duration> next_limit() const;

  Config config_;
  std::optional<Instant> last_;
  Change told_ = Change::None;
};

}  // namespace wzp::client
