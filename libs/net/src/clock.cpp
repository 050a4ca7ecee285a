#include "wzp/net/clock.hpp"

namespace wzp::net {

Instant now() noexcept {
  return Instant{std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch())};
}

}  // namespace wzp::net
