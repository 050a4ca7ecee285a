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
struct RoomLoad {
  std::size_t members = 10;
  std::size_t speakers = 5;          ///< of the members; at most all of them
  double deliveries_per_second = 20'000;  ///< packets that leave the relay; speakers share what comes in evenly
  double seconds = 5;
  std::size_t payload = 92;
  bool trunk = false;                ///< members read trunk frames
  int workers = 1;                   ///< threads of the relay; members come from sixteen sockets then
};
/// Cost of a packet of a room for each who gets it, against a relay of raw UDP packets that does the same.
void bench_room(const std::filesystem::path& binary, const RoomLoad& load);
struct ChurnLoad {
  std::size_t rooms = 100;
  std::size_t members = 10;
  int workers = 4;
  double packets_per_second = 10;
  double seconds = 10;
};
/// Rooms on two linked relays, at rest and then while a member of each comes and goes and the link is taken down and up
/// (H-23). False, with a word on what, when somebody hears what they must not, hears it twice, misses much of what stays on
/// one relay, or does not hear again when all is calm; or when a relay ends with an error, as a sanitizer makes it.
[[nodiscard]] bool bench_churn(const std::filesystem::path& binary, const ChurnLoad& load);
/// What each further relay in a chain adds to the way of a packet, from one relay to `relays`. `rate`: packets per second in all.
void bench_hops(const std::filesystem::path& binary, std::size_t relays, double rate, double seconds);
/// Call set-ups per second, and how long one takes.
void bench_setup(const std::filesystem::path& binary, std::size_t pairs, double seconds, int workers);
/// Memory of a registered client that does nothing.
void bench_memory(const std::filesystem::path& binary, std::size_t clients);

}  // namespace wzp::bench
