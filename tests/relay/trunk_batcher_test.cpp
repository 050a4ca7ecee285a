#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <chrono>
#include <map>

#include "packet_bench.hpp"
#include "wzp/relay/trunk_batcher.hpp"

namespace wzp::test {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kEntry = 1 + proto::kMemberEntryHead + 32;  ///< of a frame with one packet

class TrunkBench {
 public:
  std::map<ConnectionId, std::size_t> limit;
  sim::SimClock clock;
  relay::TrunkBatcher batcher{[this](ConnectionId conn) { return limit.contains(conn) ? limit[conn] : 1200; }};

  Sents add(ConnectionId to, std::uint16_t seq, std::size_t payload = 20, bool may_wait = true) {
    const auto frame = member_trunk({kHere, seq}, packet(seq, 0x11, payload));
    std::vector<relay::TrunkDatagram> out;
    const auto head = ByteView{frame}.first(1 + proto::kMemberEntryHead);
    batcher.add(to, head, ByteView{frame}.subspan(head.size()), may_wait, clock.now(), out);
    return read(out);
  }
  Sents tick() {
    std::vector<relay::TrunkDatagram> out;
    batcher.tick(clock.now(), out);
    return read(out);
  }
  /// Two at once: the third one will wait.
  void make_busy(ConnectionId to) {
    add(to, 1);
    add(to, 2);
  }
  /// The numbers in a trunk frame.
  static std::vector<std::uint16_t> in(const Sent& sent) {
    std::vector<std::uint16_t> out;
    REQUIRE(sent.bytes.at(0) == proto::kTrunkMarker);
    for (auto rest = ByteView{sent.bytes}.subspan(1); !rest.empty();) {
      const auto entry = proto::take_member_entry(rest);
      REQUIRE(entry);
      const auto view = proto::parse_packet(entry->packet);
      REQUIRE(view);
      CHECK(view->header.seq == entry->source.stream);
      out.push_back(view->header.seq);
    }
    return out;
  }

 private:
  static Sents read(const std::vector<relay::TrunkDatagram>& datagrams) {
    Sents out;
    for (const auto& datagram : datagrams) {
      out.push_back({datagram.to, {datagram.head.begin(), datagram.head.end()}});
      append(out.back().bytes, datagram.body);
    }
    return out;
  }
};

using Numbers = std::vector<std::uint16_t>;

}  // namespace

TEST_CASE("what may not wait leaves with all else of this turn, and at the end of it", "[relay][trunk]") {
  TrunkBench bench;
  constexpr ConnectionId kTo{9};
  bench.make_busy(kTo);
  CHECK(bench.add(kTo, 3).empty());  // may wait, and does
  CHECK(bench.add(kTo, 4, 20, false).empty());
  CHECK(bench.add(kTo, 5, 20, false).empty());
  CHECK(bench.batcher.deadline() == bench.clock.now());
  CHECK(bench.batcher.waiting() == 1);
  const auto out = bench.tick();
  REQUIRE(out.size() == 1);
  CHECK(TrunkBench::in(out[0]) == Numbers{3, 4, 5});
  CHECK_FALSE(bench.batcher.deadline());
  bench.clock.advance(5ms);
  CHECK(bench.tick().empty());

  SECTION("whoever goes at once meanwhile takes it along") {
    bench.clock.advance(5ms);
    CHECK(bench.add(kTo, 6, 20, false).empty());
    bench.clock.advance(5ms);
    const auto both = bench.add(kTo, 7);
    REQUIRE(both.size() == 1);
    CHECK(TrunkBench::in(both[0]) == Numbers{6, 7});
    CHECK(bench.tick().empty());
    CHECK_FALSE(bench.batcher.deadline());
  }
  SECTION("a receiver that is gone is nobody's business") {
    CHECK(bench.add(kTo, 6, 20, false).empty());
    bench.batcher.forget(kTo);
    CHECK(bench.tick().empty());
    CHECK_FALSE(bench.batcher.deadline());
  }
}

TEST_CASE("one speaker is never held up", "[relay][trunk]") {
  TrunkBench bench;
  for (std::uint16_t seq = 0; seq < 100; ++seq) {
    CHECK(bench.add(kAlice, seq) == Sents{{kAlice, member_trunk({kHere, seq}, packet(seq))}});
    CHECK_FALSE(bench.batcher.deadline());
    bench.clock.advance(20ms);
  }
}

TEST_CASE("the third entry within 4 ms waits for more, 4 ms long", "[relay][trunk]") {
  TrunkBench bench;
  CHECK(bench.add(kAlice, 1).size() == 1);
  bench.clock.advance(1ms);
  CHECK(bench.add(kAlice, 2).size() == 1);
  bench.clock.advance(1ms);
  CHECK(bench.add(kAlice, 3).empty());
  CHECK(bench.batcher.deadline() == bench.clock.now() + 4ms);
  bench.clock.advance(2ms);
  CHECK(bench.add(kAlice, 4).empty());
  bench.clock.advance(2ms - 1ns);
  CHECK(bench.tick().empty());
  bench.clock.advance(1ns);
  const auto sents = bench.tick();
  REQUIRE(sents.size() == 1);
  CHECK(sents[0].to == kAlice);
  CHECK(TrunkBench::in(sents[0]) == Numbers{3, 4});
  CHECK_FALSE(bench.batcher.deadline());
  CHECK(bench.batcher.waiting() == 0);
  bench.clock.advance(10ms);
  CHECK(bench.add(kAlice, 5).size() == 1);
}

TEST_CASE("entries never overtake those that wait", "[relay][trunk]") {
  TrunkBench bench;
  bench.make_busy(kAlice);
  CHECK(bench.add(kAlice, 3).empty());
  bench.clock.advance(5ms);  // due, but nobody has ticked yet; and the receiver is no longer busy
  const auto sents = bench.add(kAlice, 4);
  REQUIRE(sents.size() == 1);
  CHECK(TrunkBench::in(sents[0]) == Numbers{3, 4});
  CHECK_FALSE(bench.batcher.deadline());
}

TEST_CASE("a frame leaves when the next entry does not fit what the receiver takes", "[relay][trunk]") {
  TrunkBench bench;
  bench.limit[kAlice] = 1 + 3 * (kEntry - 1);
  bench.make_busy(kAlice);
  for (std::uint16_t seq = 3; seq < 6; ++seq) CHECK(bench.add(kAlice, seq).empty());
  const auto sents = bench.add(kAlice, 6);
  REQUIRE(sents.size() == 1);
  CHECK(TrunkBench::in(sents[0]) == Numbers{3, 4, 5});
  CHECK(sents[0].bytes.size() == bench.limit[kAlice]);
  bench.clock.advance(5ms);
  CHECK(TrunkBench::in(bench.tick().at(0)) == Numbers{6});
}

TEST_CASE("the limit is the one of the moment: frames grow with it and shrink with it", "[relay][trunk][H-26]") {
  TrunkBench bench;
  bench.limit[kAlice] = 1 + 2 * (kEntry - 1);
  bench.make_busy(kAlice);
  for (std::uint16_t seq = 3; seq < 5; ++seq) CHECK(bench.add(kAlice, seq).empty());
  SECTION("raised: more fit") {
    bench.limit[kAlice] = 1 + 6 * (kEntry - 1);
    for (std::uint16_t seq = 5; seq < 9; ++seq) CHECK(bench.add(kAlice, seq).empty());
    CHECK(TrunkBench::in(bench.add(kAlice, 9).at(0)) == Numbers{3, 4, 5, 6, 7, 8});
  }
  SECTION("lowered: what waits leaves in as many datagrams as it takes") {
    bench.limit[kAlice] = kEntry;
    bench.clock.advance(5ms);
    const auto sents = bench.tick();
    REQUIRE(sents.size() == 2);
    CHECK(TrunkBench::in(sents[0]) == Numbers{3});
    CHECK(TrunkBench::in(sents[1]) == Numbers{4});
    for (const auto& sent : sents) CHECK(sent.bytes.size() <= kEntry);
  }
}

TEST_CASE("an entry that is too long by itself, or fills a frame alone, waits for nothing", "[relay][trunk]") {
  TrunkBench bench;
  bench.limit[kAlice] = GENERATE(std::size_t{0}, std::size_t{30}, kEntry);
  bench.make_busy(kAlice);
  CHECK(bench.add(kAlice, 3) == Sents{{kAlice, member_trunk({kHere, 3}, packet(3))}});
  CHECK(bench.batcher.waiting() == 0);
}

TEST_CASE("receivers do not wait for one another", "[relay][trunk]") {
  TrunkBench bench;
  bench.make_busy(kAlice);
  CHECK(bench.add(kAlice, 3).empty());
  CHECK(bench.add(kBob, 1).size() == 1);
  CHECK(bench.add(kBob, 2).size() == 1);
  bench.clock.advance(2ms);
  CHECK(bench.add(kBob, 4).empty());
  bench.clock.advance(2ms);
  CHECK(TrunkBench::in(bench.tick().at(0)) == Numbers{3});
  CHECK(bench.batcher.waiting() == 1);
  CHECK(bench.batcher.deadline() == bench.clock.now() + 2ms);
}

TEST_CASE("what waits for a connection goes with it", "[relay][trunk]") {
  TrunkBench bench;
  bench.make_busy(kAlice);
  bench.add(kAlice, 3);
  bench.batcher.forget(kAlice);
  bench.batcher.forget(kBob);
  CHECK_FALSE(bench.batcher.deadline());
  CHECK(bench.batcher.receivers() == 0);
  bench.clock.advance(5ms);
  CHECK(bench.tick().empty());
}

TEST_CASE("above the bound of receivers nothing is joined, and nothing lost", "[relay][trunk]") {
  relay::TrunkBatcher batcher{{.max_receivers = 1}, [](ConnectionId) { return std::size_t{1200}; }};
  const auto frame = member_trunk({kHere, 1}, packet(1));
  const sim::SimClock clock;
  for (std::uint64_t i = 0; i < 20; ++i) {
    std::vector<relay::TrunkDatagram> out;
    batcher.add({1 + i % 2}, ByteView{frame}.first(9), ByteView{frame}.subspan(9), true, clock.now(), out);
    CHECK((i % 2 == 0 || out.size() == 1));
  }
  CHECK(batcher.receivers() == 1);
}

TEST_CASE("twenty speakers take a fraction of the datagrams, at most 4 ms later", "[relay][trunk]") {
  TrunkBench bench;
  sim::Random random{7};
  std::size_t datagrams = 0;
  std::vector<std::uint16_t> arrived;
  std::map<std::uint16_t, Instant> sent_at;
  Duration longest{};
  const auto take = [&](const Sents& sents) {
    for (const auto& sent : sents) {
      ++datagrams;
      CHECK(sent.bytes.size() <= 1200);
      for (const auto number : TrunkBench::in(sent)) {
        arrived.push_back(number);
        longest = std::max(longest, bench.clock.now() - sent_at.at(number));
      }
    }
  };
  std::uint16_t next = 0;
  const auto end = bench.clock.now() + 2s;
  for (auto speech = bench.clock.now(); speech < end; speech += random.between(0ms, 2ms)) {
    while (bench.batcher.deadline() && *bench.batcher.deadline() <= speech) {
      bench.clock.advance_to(*bench.batcher.deadline());
      take(bench.tick());
    }
    bench.clock.advance_to(speech);
    sent_at[next] = speech;
    take(bench.add(kAlice, next++, 80));
  }
  if (const auto last = bench.batcher.deadline()) bench.clock.advance_to(*last);
  take(bench.tick());
  CHECK(arrived.size() == next);
  CHECK(std::ranges::is_sorted(arrived));
  CHECK(longest <= 4ms);
  CHECK(datagrams < std::size_t{next} / 3);
  CHECK(bench.batcher.waiting() == 0);
}

}  // namespace wzp::test
