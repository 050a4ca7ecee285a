#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <chrono>

#include "packet_bench.hpp"

// Duplicates, echoes, rates, and what comes before its receiver.

namespace wzp::test {
namespace {

using namespace std::chrono_literals;
using relay::MediaDrop;

const proto::SourceId kAliceSource{kHere, 1};
const proto::SourceId kDave{kThere, 1};
const proto::SourceId kErin{kFar, 1};
constexpr std::uint8_t kMixed = proto::MediaTag::kMixed;

/// Alice here, and links that do not pass on among themselves.
RoomTable room_of(std::initializer_list<ConnectionId> links, std::uint32_t packets_per_second = 10'000) {
  RoomTable table{.tag = tag_of('r'), .seats = {{kAlice, kAliceSource}}};
  for (const auto conn : links) table.links.push_back({conn, false, packets_per_second});
  return table;
}

void link_all(PacketBench& bench) { bench.links({{kEast, true, false}, {kWest, true, false}, {kOld, false, false}}); }

RoomTable call(bool with_alice, bool with_link, bool open = true) {
  RoomTable table{.tag = tag_of('c'), .is_call = true, .open = open};
  if (with_alice) table.seats.push_back({kAlice, kAliceSource});
  if (with_link) table.links.push_back({kEast});
  return table;
}

}  // namespace

// --- duplicates ------------------------------------------------------------------------------------------------------

TEST_CASE("what two links bring of one stream is heard exactly once", "[relay][switch][H-29]") {
  PacketBench bench;
  link_all(bench);
  bench.set(room_of({kEast, kWest}));
  sim::Random random{GENERATE(1U, 2U, 3U)};
  std::vector<int> heard(3000);
  // Each link delays every packet by up to 100 places; the numbers pass 65535.
  std::vector<std::pair<std::size_t, ConnectionId>> arrivals;
  for (std::size_t i = 0; i < heard.size(); ++i) {
    arrivals.emplace_back(i + random.below(100), kEast);
    arrivals.emplace_back(i + random.below(100), kWest);
  }
  std::vector<std::size_t> order(arrivals.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return arrivals[i].first; });
  for (const auto i : order) {
    bench.clock.advance(10ms);
    const auto seq = static_cast<std::uint16_t>(64'000 + i / 2);
    heard[i / 2] += static_cast<int>(bench.heard(arrivals[i].second, from(kDave, packet(seq))));
  }
  CHECK(std::ranges::all_of(heard, [](int times) { return times == 1; }));
  CHECK(bench.dropped(MediaDrop::Duplicate) == 3000);
}

TEST_CASE("senders with the same numbers, times and payloads are all heard", "[relay][switch][H-29][V-28]") {
  PacketBench bench;
  link_all(bench);
  bench.set(room_of({kEast, kWest, kOld}));
  for (std::uint16_t seq = 0; seq < 200; ++seq) {
    CHECK(bench.heard(kEast, from(kDave, packet(seq, 0))) == 1);
    CHECK(bench.heard(kWest, from(kErin, packet(seq, 0))) == 1);
    CHECK(bench.heard(kEast, from({kThere, 2}, packet(seq, 0))) == 1);
    bench.clock.advance(20ms);
  }
  CHECK(bench->drops().total() == 0);
}

TEST_CASE("over reference relays, senders with different payloads are all heard", "[relay][switch][H-29]") {
  PacketBench bench;
  bench.links({{kEast, false, false}, {kOld, false, false}});
  bench.set(room_of({kEast, kOld}));
  for (std::uint16_t seq = 0; seq < 200; ++seq) {
    // Only the last byte differs.
    auto one = packet(seq, 0);
    auto other = one;
    other.back() = 1;
    CHECK(bench.heard(kEast, room_tagged(one)) == 1);
    CHECK(bench.heard(kOld, room_tagged(other)) == 1);
    CHECK(bench.heard(kOld, room_tagged(one)) == 0);
    bench.clock.advance(20ms);
  }
  CHECK(bench.dropped(MediaDrop::Duplicate) == 200);
}

TEST_CASE("a content is a duplicate for one to two seconds, in its own room", "[relay][switch][V-28]") {
  PacketBench bench;
  link_all(bench);
  bench.set(room_of({kOld}));
  auto other = room_of({kOld});
  other.tag = tag_of('s');
  other.seats = {{kBob, {kHere, 2}}};
  bench.set(other);
  const auto media = packet(1);
  CHECK(bench.heard(kOld, room_tagged(media)) == 1);
  CHECK(bench.heard(kOld, room_tagged(media, 's')) == 1);
  bench.clock.advance(1s);
  CHECK(bench.heard(kOld, room_tagged(media)) == 0);
  CHECK(bench.heard(kOld, room_tagged(media, 's')) == 0);
  bench.clock.advance(2s);
  CHECK(bench.heard(kOld, room_tagged(media)) == 1);
}

TEST_CASE("ten thousand packets a second for ten seconds cost the same each", "[relay][switch][V-28]") {
  PacketBench bench{[](auto& config) { config.link_rate.count = 0; }};
  link_all(bench);
  bench.set(room_of({kOld}, 20'000));
  std::uint64_t heard = 0;
  std::uint64_t first_second = 0;
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    bench.clock.advance(100us);
    auto media = packet(static_cast<std::uint16_t>(i));
    store_be32(media.data() + 12, i);
    heard += bench.heard(kOld, room_tagged(media));
    if (i == 9'999) first_second = bench->contents().probes();
  }
  CHECK(heard == 100'000);
  CHECK(bench->contents().size() <= 20'000);
  // Work that grew with the number of packets would show here long before it shows on a clock.
  CHECK(bench->contents().probes() < 10 * (first_second + 10'000));
  CHECK(bench->contents().probes() < 1'000'000);
  bench.clock.advance(2s);
  bench->tick(bench.clock.now());
  CHECK(bench->contents().size() == 0);
}

TEST_CASE("contents are bounded; a flood makes the oldest be forgotten early", "[relay][switch][V-28]") {
  relay::SeenContents seen{{.key = {1}, .max_keys = 1'000}};
  sim::SimClock clock;
  Bytes media(16);
  const auto put = [&](std::uint32_t i) {
    store_be32(media.data(), i);
    return seen.insert(tag_of('r'), media, clock.now());
  };
  for (std::uint32_t i = 0; i < 10'000; ++i) {
    REQUIRE(put(i));
    REQUIRE(seen.size() <= 2'000);
  }
  CHECK_FALSE(put(9'500));
  CHECK(put(5));
}

TEST_CASE("a window knows 1024 numbers, and nothing older is new", "[relay][switch]") {
  relay::SourceWindows windows{{}};
  sim::SimClock clock;
  const auto put = [&](int seq) {
    return windows.insert(tag_of('r'), kDave, static_cast<std::uint16_t>(seq), clock.now());
  };
  CHECK(put(0));
  CHECK(put(1023));
  CHECK_FALSE(put(0));
  CHECK(put(1));
  CHECK(put(1024));
  CHECK_FALSE(put(0));  // out of the window
  CHECK_FALSE(put(1));
  CHECK(put(2));
  CHECK(put(30'000));
  CHECK_FALSE(put(30'000));
  CHECK(put(30'000 - 1023));
  CHECK_FALSE(put(30'000 - 1024));
  CHECK(put(60'000));
  CHECK(put(65'535 + 20'000));  // wrapped
  CHECK(put(65'535 + 19'999));
  CHECK_FALSE(put(65'535 + 20'000));
}

TEST_CASE("a sender that begins anew is heard from its second packet on", "[relay][switch]") {
  relay::SourceWindows windows{{}};
  sim::SimClock clock;
  const auto put = [&](int seq) {
    return windows.insert(tag_of('r'), kDave, static_cast<std::uint16_t>(seq), clock.now());
  };
  CHECK(put(30'000));
  CHECK_FALSE(put(10));
  CHECK_FALSE(put(10));  // old copies are no beginning
  CHECK_FALSE(put(20));
  CHECK(put(30'001));
  CHECK_FALSE(put(21));  // another packet came between
  CHECK(put(22));
  CHECK_FALSE(put(22));
  CHECK(put(23));
}

TEST_CASE("sources are bounded, and forgotten after a minute or with their room", "[relay][switch]") {
  relay::SourceWindows windows{{.max_sources = 100}};
  sim::SimClock clock;
  for (std::uint16_t i = 1; i <= 300; ++i) {
    CHECK(windows.insert(tag_of('r'), {kThere, i}, 1, clock.now()));
    CHECK_FALSE(windows.insert(tag_of('r'), {kThere, 1}, 1, clock.now()));  // in use, so it stays
    REQUIRE(windows.size() <= 100);
    if (i == 1) windows.forget(tag_of('x'));
  }
}

TEST_CASE("sources go when nothing is heard of them, and with their room", "[relay][switch]") {
  PacketBench bench;
  link_all(bench);
  bench.set(room_of({kEast}));
  CHECK(bench.heard(kEast, from(kDave, packet(1))) == 1);
  bench.clock.advance(59s);
  bench->tick(bench.clock.now());
  CHECK(bench->sources() == 1);
  bench.clock.advance(1s);
  CHECK(bench.heard(kEast, from(kDave, packet(1))) == 1);
  bench->tick(bench.clock.advance(1min));
  CHECK(bench->sources() == 0);
  CHECK(bench.heard(kEast, from(kDave, packet(2))) == 1);
  bench->drop_room(tag_of('r'));
  CHECK(bench->sources() == 0);
}

// --- echoes ----------------------------------------------------------------------------------------------------------

TEST_CASE("nobody hears a packet that started here", "[relay][switch][V-37]") {
  PacketBench bench;
  link_all(bench);
  bench.set(room_of({kEast, kWest}));
  CHECK(bench.heard(kAlice, packet(1)) == 2);
  // The indirect way round is fast: it comes back at once.
  CHECK(bench.heard(kWest, from(kAliceSource, packet(1), 'r', 2)) == 0);
  CHECK(bench.heard(kWest, from({kHere, relay::kFirstMixedStream}, packet(2), 'r', 3, kMixed)) == 0);
  CHECK(bench.dropped(MediaDrop::Echo) == 2);
}

TEST_CASE("what came back from reference relays is known by its content", "[relay][switch][V-37]") {
  PacketBench bench;
  link_all(bench);
  bench.set(room_of({kEast, kOld}));
  // Sent to a reference relay, which sends it on to a relay of ours, which gives it a source of its own.
  CHECK(bench.heard(kAlice, packet(1)) == 2);
  CHECK(bench.heard(kOld, room_tagged(packet(1))) == 0);
  CHECK(bench.heard(kEast, from({kThere, 0xFF00}, packet(1), 'r', 2, kMixed)) == 0);
  CHECK(bench.dropped(MediaDrop::Duplicate) == 2);
  // What both a reference relay and a relay of ours bring of a reference client is heard once.
  CHECK(bench.heard(kEast, from({kThere, 0xFF00}, packet(2), 'r', 2, kMixed)) == 1);
  CHECK(bench.heard(kOld, room_tagged(packet(2))) == 0);
}

TEST_CASE("without a reference relay of its own, a room learns from the first mixed packet", "[relay][switch][V-37]") {
  PacketBench bench;
  link_all(bench);
  bench.set(room_of({kEast}));
  CHECK(bench.heard(kAlice, packet(1)) == 1);
  CHECK(bench->contents().size() == 0);  // nothing is hashed where nothing needs it
  CHECK(bench.heard(kEast, from({kThere, 0xFF00}, packet(9), 'r', 2, kMixed)) == 1);
  CHECK(bench.heard(kAlice, packet(2)) == 1);
  CHECK(bench.heard(kEast, from({kThere, 0xFF00}, packet(2), 'r', 2, kMixed)) == 0);
  bench.clock.advance(61s);
  CHECK(bench.heard(kAlice, packet(3)) == 1);
  CHECK(bench->contents().size() <= 2);
}

TEST_CASE("of two links to one reference relay both bring media, and the newest gets it", "[relay][switch][V-11]") {
  constexpr ConnectionId kOlder{104};
  PacketBench bench;
  link_all(bench);
  bench->set_link({.conn = kOlder, .newest = kOld});
  auto table = room_of({kOld, kEast});
  for (auto& link : table.links) link.transit = true;
  bench.set(table);
  // As the same source whichever link it took, and never back to that relay.
  const proto::SourceId them{kHere, relay::kFirstMixedStream + 2};
  std::uint16_t seq = 0;
  for (const auto conn : {kOlder, kOld}) {
    ++seq;
    CHECK(bench.bring(conn, room_tagged(packet(seq))) ==
          Sents{{kAlice, packet(seq)}, {kEast, from(them, packet(seq), 'r', 2, kMixed)}});
  }
  CHECK(bench.heard(kOlder, room_tagged(packet(2))) == 0);
  CHECK(bench.dropped(MediaDrop::Duplicate) == 1);
  CHECK(bench.bring(kAlice, packet(3)) ==
        Sents{{kOld, room_tagged(packet(3))}, {kEast, from(kAliceSource, packet(3))}});
  // The newest is lost, and the older one takes its place.
  bench->forget(kOld);
  bench.links({{kOlder, false, false}});
  bench.set(room_of({kOlder}));
  CHECK(bench.heard(kOlder, room_tagged(packet(4))) == 1);
  CHECK(bench.bring(kAlice, packet(5)) == Sents{{kOlder, room_tagged(packet(5))}});
}

TEST_CASE("what two links to one reference relay bring shares one rate", "[relay][switch][V-43]") {
  constexpr ConnectionId kOlder{104};
  PacketBench bench{[](auto& config) { config.link_rate = {.count = 10, .period = 1s, .burst = 10}; }};
  link_all(bench);
  bench->set_link({.conn = kOlder, .newest = kOld});
  bench.set(room_of({kOld}));
  std::size_t heard = 0;
  for (std::uint16_t seq = 0; seq < 20; ++seq) {
    heard += bench.heard(seq % 2 == 0 ? kOld : kOlder, room_tagged(packet(seq)));
  }
  CHECK(heard == 10);
  CHECK(bench.dropped(MediaDrop::LinkRate) == 10);
}

// --- rates -----------------------------------------------------------------------------------------------------------

TEST_CASE("twenty speakers of another relay are heard without loss", "[relay][switch][V-43]") {
  PacketBench bench;
  link_all(bench);
  bench.set(room_of({kEast}, 500 * 20));
  std::uint64_t heard = 0;
  for (std::uint16_t seq = 0; seq < 500; ++seq) {  // 10 s
    for (std::uint16_t speaker = 1; speaker <= 20; ++speaker) {
      heard += bench.heard(kEast, from({kThere, speaker}, packet(seq)));
    }
    bench.clock.advance(20ms);
  }
  CHECK(heard == 10'000);
  CHECK(bench->drops().total() == 0);
}

TEST_CASE("a link that floods a room takes nothing from another link", "[relay][switch][V-43]") {
  PacketBench bench;
  link_all(bench);
  const bool in_its_own_room = GENERATE(false, true);
  bench.set(room_of({kEast, kWest}, 500));
  auto other = room_of({kWest}, 500);
  other.tag = tag_of('s');
  other.seats = {{kBob, {kHere, 2}}};
  bench.set(other);
  std::uint64_t heard = 0;
  std::uint64_t flood = 0;
  for (std::uint16_t seq = 0; seq < 500; ++seq) {  // 10 s
    for (std::uint16_t i = 0; i < 200; ++i) {      // 10 000/s
      const auto number = static_cast<std::uint16_t>(seq * 200 + i);
      flood += bench.heard(kWest, from(kErin, packet(number), in_its_own_room ? 's' : 'r'));
    }
    heard += bench.heard(kEast, from(kDave, packet(seq)));
    bench.clock.advance(20ms);
  }
  CHECK(heard == 500);
  CHECK(flood >= 5'000);  // 500 a second and a burst of as many
  CHECK(flood <= 5'500);
  CHECK(bench.dropped(MediaDrop::RoomRate) + bench.dropped(MediaDrop::LinkRate) + flood == 100'000);
  CHECK(bench.dropped(MediaDrop::LinkRate) >= 48'000);  // 5000 a second and a burst of 1000
}

TEST_CASE("a packet over its link's rate does not stop its copy from another link", "[relay][switch][V-43]") {
  PacketBench bench;
  link_all(bench);
  auto table = room_of({kEast, kWest});
  table.links[0].packets_per_second = 0;
  bench.set(table);
  CHECK(bench.heard(kEast, from(kDave, packet(1))) == 0);
  CHECK(bench.dropped(MediaDrop::RoomRate) == 1);
  CHECK(bench.heard(kWest, from(kDave, packet(1))) == 1);
}

TEST_CASE("a newer table with the same rate gives a flooding link no new burst", "[relay][switch][V-43]") {
  PacketBench bench{[](auto& config) { config.link_rate.count = 0; }};
  link_all(bench);
  std::uint64_t heard = 0;
  for (std::uint16_t i = 0; i < 1000; ++i) {
    if (i % 10 == 0) bench.set(room_of({kEast}, 50));
    heard += bench.heard(kEast, from(kDave, packet(i)));
  }
  CHECK(heard == 50);
  bench.set(room_of({kEast}, 60));
  CHECK(bench.heard(kEast, from(kDave, packet(1'000))) == 1);
}

TEST_CASE("each direction of a call carries 128 kbit/s and a fifth more", "[relay][switch]") {
  PacketBench bench;
  link_all(bench);
  bench.set(call(true, true));
  std::uint64_t from_alice = 0;
  std::uint64_t from_east = 0;
  for (std::uint16_t i = 0; i < 10'000; ++i) {  // 100 bytes, 1000 a second, for 10 s
    from_alice += bench.heard(kAlice, packet(i, 0, 88));
    from_east += bench.heard(kEast, from(kDave, packet(i, 0, 88), 'c'));
    bench.clock.advance(1ms);
  }
  for (const auto heard : {from_alice, from_east}) {
    CHECK(heard * 100 >= 19'200 * 10);
    CHECK(heard * 100 <= 19'200 * 11);
  }
  CHECK(bench.dropped(MediaDrop::CallRate) > 0);
  // A usual call is far below that.
  bench.clock.advance(1s);
  const auto before = bench.dropped(MediaDrop::CallRate);
  for (std::uint16_t i = 0; i < 500; ++i) {
    CHECK(bench.heard(kAlice, packet(static_cast<std::uint16_t>(10'000 + i), 0, 250)) == 1);
    bench.clock.advance(20ms);
  }
  CHECK(bench.dropped(MediaDrop::CallRate) == before);
}

// --- before there is anybody -----------------------------------------------------------------------------------------

TEST_CASE("what comes before its receiver is kept: ten packets a direction, in order", "[relay][switch]") {
  PacketBench bench;
  link_all(bench);
  bench.set(call(true, false));
  for (std::uint16_t i = 0; i < 15; ++i) CHECK(bench.heard(kAlice, packet(i)) == 0);
  CHECK(bench->kept() == 10);
  CHECK(bench.dropped(MediaDrop::EarlyOverflow) == 5);
  const auto sents = bench.set(call(true, true));
  REQUIRE(sents.size() == 10);
  for (std::uint16_t i = 0; i < 10; ++i) CHECK(sents[i] == Sent{kEast, from(kAliceSource, packet(i), 'c')});
  CHECK(bench->kept() == 0);
  CHECK(bench.set(call(true, true)).empty());
  CHECK(bench.heard(kAlice, packet(20)) == 1);
}

TEST_CASE("a link's packets wait for the seat, and a closed room for its opening", "[relay][switch]") {
  PacketBench bench;
  link_all(bench);
  bench.set(call(false, true));
  CHECK(bench.heard(kEast, from(kDave, packet(1), 'c')) == 0);
  CHECK(bench.set(call(true, true, false)).empty());
  CHECK(bench.heard(kEast, from(kDave, packet(2), 'c')) == 0);
  CHECK(bench.heard(kAlice, packet(7)) == 0);
  CHECK(bench.set(call(true, true)) ==
        Sents{{kAlice, packet(1)}, {kAlice, packet(2)}, {kEast, from(kAliceSource, packet(7), 'c')}});
  CHECK(bench.heard(kEast, from(kDave, packet(2), 'c')) == 0);
  CHECK(bench.dropped(MediaDrop::Duplicate) == 1);
}

TEST_CASE("half a second later nobody wants it any more", "[relay][switch]") {
  PacketBench bench;
  link_all(bench);
  bench.set(call(true, false));
  for (std::uint16_t i = 0; i < 100; ++i) {  // 2 s of speech before anybody is there
    bench.bring(kAlice, packet(i));
    bench.clock.advance(20ms);
  }
  const auto sents = bench.set(call(true, true));
  CHECK(sents.size() >= 5);
  CHECK(sents.size() <= 10);
  CHECK(bench.dropped(MediaDrop::EarlyExpired) + bench.dropped(MediaDrop::EarlyOverflow) + sents.size() == 100);

  bench.set(call(true, false));
  bench.bring(kAlice, packet(200));
  bench.clock.advance(499ms);
  bench->tick(bench.clock.now());
  CHECK(bench->kept() == 1);
  bench.clock.advance(1ms);
  bench->tick(bench.clock.now());
  CHECK(bench->kept() == 0);
}

TEST_CASE("what is kept goes with who brought it and with its room", "[relay][switch]") {
  PacketBench bench;
  link_all(bench);
  bench.set(call(true, false));
  bench.bring(kAlice, packet(1));
  SECTION("the seat is taken away") {
    bench.set(call(false, false));
    CHECK(bench.set(call(true, true)).empty());
  }
  SECTION("the room is dropped") {
    bench->drop_room(tag_of('c'));
    CHECK(bench.set(call(true, true)).empty());
  }
  SECTION("the seat moves to another room and back") {
    bench.set({.tag = tag_of('d'), .is_call = true, .seats = {{kAlice, kAliceSource}}});
    bench.set(call(true, false));
    bench.bring(kAlice, packet(2));
    bench->tick(bench.clock.advance(1s));
  }
  CHECK(bench->kept() == 0);
  CHECK(bench.dropped(MediaDrop::EarlyExpired) >= 1);
}

TEST_CASE("what is kept is bounded in all", "[relay][switch]") {
  PacketBench bench{[](auto& config) { config.max_early_in_all = 25; }};
  for (std::uint8_t room = 0; room < 10; ++room) {
    const ConnectionId conn{500U + room};
    bench.set({.tag = tag_of(room), .is_call = true, .seats = {{conn, {kHere, 1}}}});
    for (std::uint16_t i = 0; i < 10; ++i) bench.bring(conn, packet(i));
  }
  CHECK(bench->kept() == 25);
  CHECK(bench.dropped(MediaDrop::EarlyOverflow) == 75);
}

TEST_CASE("a link that is no delegate brings packets of its own relay only, and silences nobody else",
          "[relay][switch]") {
  PacketBench bench;
  bench.links({{.conn = kEast, .v2 = true, .only_relay = kThere}, {kWest, true, true}});
  bench.set({.tag = tag_of('r'), .seats = {{kAlice, {kHere, 1}}}, .links = {{kEast, true}, {kWest, true}}});
  for (std::uint16_t i = 0; i < 100; ++i) {
    CHECK(bench.heard(kEast, from(kErin, packet(static_cast<std::uint16_t>(20'000 + 300 * i)))) == 0);
  }
  CHECK(bench.dropped(relay::MediaDrop::Impostor) == 100);
  CHECK(bench.heard(kWest, link_trunk({from(kErin, packet(1))})) > 0);
  CHECK(bench.heard(kEast, from(kDave, packet(1))) > 0);
}

}  // namespace wzp::test
