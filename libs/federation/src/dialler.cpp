#include "wzp/federation/dialler.hpp"

#include <algorithm>

namespace wzp::federation {

void Dialler::want(Instant now) {
  if (due_ || gives_up_ || connecting_) return;
  due_ = now + jittered(backoff_);
}

bool Dialler::take_attempt(Instant now) {
  if (gives_up_ && now >= *gives_up_) failed(now, false);
  if (!due_ || now < *due_) return false;
  due_.reset();
  gives_up_ = now + kAttemptTimeout;
  return true;
}

void Dialler::start_anew() noexcept {
  backoff_ = Duration::zero();
  due_.reset();
}

void Dialler::connected() noexcept {
  due_.reset();
  gives_up_.reset();
  connecting_ = true;
}

void Dialler::attempt_failed(Instant now) {
  if (gives_up_) failed(now, false);
}

void Dialler::failed(Instant now, bool refused) {
  gives_up_.reset();
  connecting_ = false;
  backoff_ = refused ? kLongestDelay : std::max(backoff_, kFirstDelay);
  due_ = now + jittered(backoff_);
  backoff_ = std::min(backoff_ * 2, kLongestDelay);
}

void Dialler::link_ended(Instant now, Duration uptime) {
  if (gives_up_ || connecting_) return;  // an attempt is under way already
  if (uptime < kStable) return failed(now, false);
  backoff_ = Duration::zero();
  due_ = now;
}

std::optional<Instant> Dialler::deadline() const noexcept { return earliest(due_, gives_up_); }

Duration Dialler::jittered(Duration delay) {
  // splitmix64: enough to keep relays that lost the same peer from dialling in step.
  random_ += 0x9e3779b97f4a7c15ULL;
  std::uint64_t z = random_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  z ^= z >> 31;
  const auto per_mille = static_cast<Duration::rep>(800 + z % 401);
  return delay / 1000 * per_mille;
}

}  // namespace wzp::federation
