#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <cstdlib>
#include <new>

#include "packet_bench.hpp"
#include "wzp/relay/trunk_batcher.hpp"

namespace {

std::size_t allocations = 0;

}  // namespace

// Counts for the whole program; the test looks at differences.
// (Not inlined: the compiler would see memory of malloc given to delete.)
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc{};
}
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(size == 0 ? 1 : size);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace wzp::test {

TEST_CASE("no packet allocates once its room is quiet", "[relay][switch]") {
  using namespace std::chrono_literals;
  PacketBench bench;
  bench.links({{kEast, true, false}, {kWest, true, true}, {kOld, false, false}});
  RoomTable table{.tag = tag_of('r'), .links = {{kEast, true, 5'000}, {kWest, true, 5'000}, {kOld, true, 5'000}}};
  for (std::uint16_t i = 1; i <= 50; ++i) table.seats.push_back({{i}, {kHere, i}, i % 2 == 0});
  bench.set(table);
  relay::TrunkBatcher batcher{[](ConnectionId) { return std::size_t{1200}; }};
  std::vector<relay::Delivery> out;
  std::vector<relay::TrunkDatagram> frames;
  std::size_t deliveries = 0;
  const auto deliver = [&](Instant now) {
    deliveries += out.size();
    for (const auto& delivery : out) {
      if (delivery.trunk)
        batcher.add(delivery.to, delivery.head_bytes(), delivery.packet, delivery.may_wait, now, frames);
      frames.clear();
    }
    out.clear();
    batcher.tick(now, frames);
    frames.clear();
  };
  std::vector<Bytes> datagrams{packet(0), from({kThere, 1}, packet(0)), link_trunk({from({kFar, 1}, packet(0))}),
                               room_tagged(packet(0))};
  const std::vector<ConnectionId> senders{kAlice, kEast, kWest, kOld};
  const std::vector<std::size_t> seq_at{2, 18, 21, 10};
  const auto second = [&](int n) {
    for (int i = 0; i < 250; ++i) {
      for (std::size_t who = 0; who < senders.size(); ++who) {
        store_be16(datagrams[who].data() + seq_at[who], static_cast<std::uint16_t>(n * 250 + i));
        datagrams[who].back() = static_cast<std::uint8_t>(who);
        bench->handle(senders[who], datagrams[who], bench.clock.now(), out);
        deliver(bench.clock.now());
      }
      bench.clock.advance(4ms);
    }
  };
  for (int n = 0; n < 3; ++n) second(n);
  const auto before = allocations;
  deliveries = 0;
  for (int n = 3; n < 10; ++n) second(n);
  CHECK(allocations == before);
  CHECK(deliveries == 7 * 250 * (52 + 52 + 52 + 52));
  CHECK(bench->drops().total() == 0);
}

}  // namespace wzp::test
