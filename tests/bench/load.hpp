#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "relay_process.hpp"

namespace wzp::bench {

struct Load {
  std::size_t speakers = 1;
  double packets_per_second = 50;  ///< of each
  double seconds = 5;
};

struct Outcome {
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  double cpu_us_per_packet = 0;  ///< of the relay, for a packet that arrived
  double packets_per_second = 0;
  double cpu_share = 0;          ///< of one processor
};

/// Sends for `load.seconds` at the load's rate, speakers spread evenly over time, and lets the rest arrive. `send` sends one packet of
/// this speaker, `turn` waits for what comes, `received` counts it.
[[nodiscard]] Outcome run_load(const Load& load, const Child& relay, std::uint64_t& received, const std::function<void(std::size_t)>& send,
                               const std::function<void(Duration)>& turn);
/// `copies`: how many receivers each packet has.
void print(const char* name, const Outcome& outcome, std::size_t copies = 1);
[[nodiscard]] double seconds_of(Duration d);
/// Of durations in order; 0 when there are none.
[[nodiscard]] double quantile_us(const std::vector<Duration>& sorted, double q);

}  // namespace wzp::bench
