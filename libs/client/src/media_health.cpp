#include "wzp/client/media_health.hpp"

namespace wzp::client {

MediaHealth::Change MediaHealth::packet(Instant now) {
  last_ = now;
  const bool was_degraded = told_ == Change::Degraded;
  told_ = Change::None;
  return was_degraded ? Change::Recovered : Change::None;
}

MediaHealth::Change MediaHealth::tick(Instant now) {
  auto change = Change::None;
  for (auto limit = next_limit(); limit && now - *last_ >= *limit; limit = next_limit()) {
    change = told_ == Change::None ? Change::Quiet : told_ == Change::Quiet ? Change::Degraded : Change::Dead;
    told_ = change;
  }
  return change;
}

std::optional<Instant> MediaHealth::deadline() const {
  const auto limit = next_limit();
  if (!limit) return std::nullopt;
  return *last_ + *limit;
}

std::optional<Duration> MediaHealth::next_limit() const {
  if (!last_) return std::nullopt;
  switch (told_) {
    case Change::None: return config_.quiet;
    case Change::Quiet: return config_.degraded;
    case Change::Degraded: return config_.dead;
    default: return std::nullopt;
  }
}

}  // namespace wzp::client
