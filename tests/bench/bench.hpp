#pragma once

#include <cstddef>
#include <filesystem>

namespace wzp::bench {

struct RelayLoad {
  std::size_t calls = 50;          ///< relayed at the same time, both sides speaking
  double packets_per_second = 50;  ///< of each speaker
  double seconds = 5;
  std::size_t payload = 92;        ///< bytes of a datagram: 24 kbit/s of Opus, header and tag
};

/// Cost of a relayed packet against a relay of raw UDP packets under the same load in the same run.
void bench_relay(const std::filesystem::path& binary, const RelayLoad& load);
/// Call set-ups per second, and how long one takes.
void bench_setup(const std::filesystem::path& binary, std::size_t pairs, double seconds, int workers);
/// Memory of a registered client that does nothing.
void bench_memory(const std::filesystem::path& binary, std::size_t clients);

}  // namespace wzp::bench
