#include "load.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "wzp/net/clock.hpp"

namespace wzp::bench {

double seconds_of(Duration d) { return std::chrono::duration<double>{d}.count(); }

Outcome run_load(const Load& load, const Child& relay, std::uint64_t& received, const std::function<void(std::size_t)>& send,
                 const std::function<void(Duration)>& turn) {
  const double per_second = static_cast<double>(load.speakers) * load.packets_per_second;
  Outcome outcome;
  received = 0;
  const auto began = net::now();
  const auto cpu_before = relay.cpu_time();
  const auto length = std::chrono::duration_cast<Duration>(std::chrono::duration<double>{load.seconds});
  for (auto now = began; now - began < length; now = net::now()) {
    const auto due = static_cast<std::uint64_t>(seconds_of(now - began) * per_second);
    // After a delay the backlog is sent at once, but never more than 20 ms of it: speakers do not store up frames.
    const auto most = outcome.sent + static_cast<std::uint64_t>(per_second / 50) + 1;
    for (; outcome.sent < std::min(due, most); ++outcome.sent) send(static_cast<std::size_t>(outcome.sent % load.speakers));
    turn(std::chrono::milliseconds{1});
  }
  for (const auto end = net::now() + std::chrono::milliseconds{300}; net::now() < end;) turn(std::chrono::milliseconds{10});
  const double cpu = seconds_of(relay.cpu_time() - cpu_before);
  const double wall = seconds_of(net::now() - began);
  outcome.received = received;
  outcome.cpu_us_per_packet = received == 0 ? 0 : cpu * 1e6 / static_cast<double>(received);
  outcome.packets_per_second = static_cast<double>(received) / load.seconds;
  outcome.cpu_share = cpu / wall;
  return outcome;
}

void print(const char* name, const Outcome& o, std::size_t copies) {
  const auto expected = static_cast<double>(o.sent) * static_cast<double>(copies);
  fmt::print("{:<10} sent {:>8}  arrived {:>8} ({:.2f} % lost)  {:>9.0f} packets/s  {:6.2f} us of processor per packet  ({:.0f} % of one)\n", name, o.sent,
             o.received, o.sent == 0 ? 0.0 : 100.0 * (1.0 - static_cast<double>(o.received) / expected), o.packets_per_second,
             o.cpu_us_per_packet, 100 * o.cpu_share);
}

double quantile_us(const std::vector<Duration>& sorted, double q) {
  if (sorted.empty()) return 0;
  const auto at = static_cast<std::size_t>(q * static_cast<double>(sorted.size() - 1));
  return seconds_of(sorted[at]) * 1e6;
}

}  // namespace wzp::bench
