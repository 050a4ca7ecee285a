#include <fmt/format.h>

#include "bench.hpp"
#include "crowd.hpp"
#include "load.hpp"
#include "raw_relay.hpp"

namespace wzp::bench {
namespace {

Outcome through_relay(const std::filesystem::path& binary, const RelayLoad& relayed, const Load& load) {
  const RelayProcess relay{binary};
  Crowd crowd{relay, 2 * relayed.calls};
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  for (std::size_t i = 0; i < relayed.calls; ++i) pairs.emplace_back(2 * i, 2 * i + 1);
  crowd.connect(pairs);
  Bytes datagram(relayed.payload);
  std::uint64_t received = 0;
  crowd.on_media = [&](std::size_t, ByteView) { ++received; };
  return run_load(
      load, relay.child(), received, [&](std::size_t index) { crowd.send_media(index, datagram); }, [&](Duration wait) { crowd.turn(wait); });
}

}  // namespace

void bench_relay(const std::filesystem::path& binary, const RelayLoad& relayed) {
  const Load load{2 * relayed.calls, relayed.packets_per_second, relayed.seconds};
  fmt::print("{} calls, {} speakers of {} packets/s, datagrams of {} bytes, {} s each\n", relayed.calls, load.speakers, load.packets_per_second,
             relayed.payload, load.seconds);
  const auto ours = through_relay(binary, relayed, load);
  const auto floor = through_raw_relay(RawRelay::Pattern::Pairs, load.speakers, load, relayed.payload);
  print("wzp-relay", ours);
  print("raw UDP", floor);
  fmt::print("ratio of processor time per packet: {:.2f}\n", ours.cpu_us_per_packet / floor.cpu_us_per_packet);
}

}  // namespace wzp::bench
