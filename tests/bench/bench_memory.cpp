#include <fmt/format.h>

#include "bench.hpp"
#include "crowd.hpp"
#include "wzp/net/clock.hpp"

namespace wzp::bench {

void bench_memory(const std::filesystem::path& binary, std::size_t clients) {
  const RelayProcess relay{binary};
  const auto empty = relay.child().resident_bytes();
  Crowd crowd{relay, clients};
  crowd.register_all();
  // What the handshakes needed is gone after a moment.
  for (const auto end = net::now() + std::chrono::seconds{2}; net::now() < end;) crowd.turn(std::chrono::milliseconds{50});
  const auto full = relay.child().resident_bytes();
  fmt::print("{} registered clients: {:.1f} MB resident, {:.1f} MB without them: {:.1f} kB a client\n", clients, static_cast<double>(full) / 1e6,
             static_cast<double>(empty) / 1e6, static_cast<double>(full - empty) / 1e3 / static_cast<double>(clients));
}

}  // namespace wzp::bench
