#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <map>

#include "packet_bench.hpp"

using namespace std::chrono_literals;

// The packet path of a relay with several workers, each with a switch of its own.

namespace wzp::test {

using proto::MediaTag;
using relay::MediaDrop;

namespace {

constexpr int kWorkers = 3;

ConnectionId at_worker(std::uint64_t worker, ConnectionId conn) { return {worker << 48 | conn.value}; }

/// What crosses from one worker to another is passed on as the program does it.
class Crew {
 public:
  explicit Crew(const std::function<void(relay::PacketSwitch::Config&)>& tweak = {}) {
    for (std::uint16_t n = 0; n < kWorkers; ++n) {
      benches_.push_back(std::make_unique<PacketBench>([&](auto& config) {
        config.worker = n;
        if (tweak) tweak(config);
      }));
    }
  }

  void set(const RoomTable& table) {
    for (auto& bench : benches_) CHECK(bench->set(table).empty());
  }
  void link(const relay::LinkMedia& link) {
    for (auto& bench : benches_) bench->links({link});
  }
  Sents bring(ConnectionId from, ByteView datagram) {
    auto& first = *benches_.at(from.worker());
    auto out = first.bring(from, datagram);
    for (const auto& one : first->handovers()) {
      CHECK(one.worker != from.worker());
      ++handed_over;
      const Bytes copy{one.datagram.begin(), one.datagram.end()};
      std::ranges::move(benches_.at(one.worker)->take_over(one.from, copy), std::back_inserter(out));
    }
    return out;
  }
  void advance(Duration time) {
    for (auto& bench : benches_) bench->clock.advance(time);
  }
  std::uint64_t dropped(MediaDrop reason) {
    std::uint64_t sum = 0;
    for (auto& bench : benches_) sum += bench->dropped(reason);
    return sum;
  }

  int handed_over = 0;

 private:
  std::vector<std::unique_ptr<PacketBench>> benches_;
};

}  // namespace

TEST_CASE("a copy over the link of another worker is noticed", "[relay][switch][V-36]") {
  Crew crew;
  const auto east = at_worker(1, kEast), west = at_worker(2, kWest), alice = at_worker(0, kAlice);
  crew.link({.conn = east, .v2 = true});
  crew.link({.conn = west, .v2 = true});
  crew.set({.tag = tag_of('r'),
            .seats = {{alice, {kHere, 1}}},
            .links = {{.conn = east, .transit = true}, {.conn = west, .transit = true}}});
  const proto::SourceId far{kFar, 7};
  for (std::uint16_t seq = 0; seq < 50; ++seq) {
    const bool east_first = seq % 3 != 0;
    const auto over = [&](bool is_east) { return crew.bring(is_east ? east : west, from(far, packet(seq), 'r', 2)); };
    CHECK(over(east_first).size() == 2);  // Alice, and the other link
    CHECK(over(!east_first).empty());
  }
  CHECK(crew.dropped(MediaDrop::Duplicate) == 50);
  CHECK(crew.handed_over == 50);
}

TEST_CASE("a room without links, or with links of one worker, is switched where its packets come in",
          "[relay][switch]") {
  Crew crew;
  const auto alice = at_worker(0, kAlice), bob = at_worker(1, kBob), east = at_worker(1, kEast);
  crew.link({.conn = east, .v2 = true});
  crew.set({.tag = tag_of('r'), .seats = {{alice, {kHere, 1}}, {bob, {kHere, 2}}}});
  CHECK(crew.bring(alice, packet(1)).size() == 1);
  CHECK(crew.bring(bob, packet(1)).size() == 1);
  crew.set({.tag = tag_of('r'), .seats = {{alice, {kHere, 1}}, {bob, {kHere, 2}}}, .links = {{.conn = east}}});
  CHECK(crew.bring(bob, packet(2)).size() == 2);
  CHECK(crew.bring(east, from({kFar, 7}, packet(2), 'r', 2)).size() == 2);
  CHECK(crew.handed_over == 0);
  CHECK(crew.bring(alice, packet(2)).size() == 2);
  CHECK(crew.handed_over == 1);
}

TEST_CASE("a packet that comes back from a reference relay is known at whatever worker it went out",
          "[relay][switch][V-37]") {
  Crew crew;
  const auto alice = at_worker(0, kAlice), east = at_worker(1, kEast), old = at_worker(2, kOld);
  crew.link({.conn = east, .v2 = true});
  crew.link({.conn = old});
  crew.set({.tag = tag_of('r'), .seats = {{alice, {kHere, 1}}}, .links = {{.conn = east}, {.conn = old}}});
  CHECK(crew.bring(alice, packet(1)).size() == 2);
  CHECK(crew.bring(old, room_tagged(packet(1))).empty());
  CHECK(crew.bring(old, room_tagged(packet(2))).size() == 1);
}

TEST_CASE("what is handed over when its link is gone, or its seat, is dropped", "[relay][switch]") {
  PacketBench bench;
  CHECK(bench.take_over(kAlice, packet(1)).empty());
  CHECK(bench.take_over(kEast, from({kFar, 7}, packet(1))).empty());
  CHECK(bench.dropped(MediaDrop::NotAdmitted) == 2);
}

TEST_CASE("several workers send what one would have sent", "[relay][switch][model]") {
  const auto seed = GENERATE(range(0U, 40U));
  INFO("seed " << seed);
  sim::Random random{seed};
  const auto generous = [](auto& config) {
    config.link_rate = {.count = 100'000, .period = 1s, .burst = 100'000};
    config.seat_rate = config.link_rate;
  };
  Crew crew{generous};
  PacketBench one{generous};
  const ConnectionId seats[] = {kAlice, kBob, kCarol};
  const ConnectionId links[] = {kEast, kWest, kOld};
  std::map<ConnectionId, ConnectionId> placed;  // where the crew has it
  for (const auto conn : seats) placed[conn] = at_worker(random.below(kWorkers), conn);
  for (const auto conn : links) placed[conn] = at_worker(random.below(kWorkers), conn);
  for (const auto conn : links) {
    const relay::LinkMedia link{
        .conn = conn, .v2 = conn != kOld || random.below(2) == 0, .trunk = random.below(2) == 0};
    one.links({link});
    auto there = link;
    there.conn = placed[conn];
    crew.link(there);
  }
  for (const auto room : {std::uint8_t{'r'}, std::uint8_t{'s'}}) {
    RoomTable table{.tag = tag_of(room)};
    table.tag.back() = static_cast<std::uint8_t>(random.below(256));
    table.tag.front() = room;
    auto there = table;
    for (const auto conn : seats) {
      // A person has one seat on one connection.
      if ((conn == kCarol) != (room == 's')) continue;
      const RoomSeat seat{conn, {kHere, static_cast<std::uint16_t>(conn.value)}, random.below(2) == 0};
      table.seats.push_back(seat);
      there.seats.push_back({placed[conn], seat.source, seat.trunk});
    }
    for (const auto conn : links) {
      if (random.below(4) == 0) continue;
      const RoomLink link{.conn = conn, .transit = random.below(3) > 0, .packets_per_second = 100'000};
      table.links.push_back(link);
      there.links.push_back({placed[conn], link.transit, link.packets_per_second});
    }
    CHECK(one.set(table).empty());
    crew.set(there);
    for (int i = 0; i < 600; ++i) {
      const bool is_seat = random.below(3) == 0;
      const auto conn = is_seat ? seats[random.below(3)] : links[random.below(3)];
      const auto media =
          packet(static_cast<std::uint16_t>(random.below(40)), static_cast<std::uint8_t>(random.below(3)));
      Bytes datagram = media;
      if (!is_seat) {
        const MediaTag tag{table.tag,
                           {random.below(4) == 0 ? kHere : kFar, static_cast<std::uint16_t>(1 + random.below(3))},
                           static_cast<std::uint8_t>(random.below(10)),
                           static_cast<std::uint8_t>(random.below(4) == 0 ? MediaTag::kMixed : 0)};
        datagram = tagged(tag, media);
        if (random.below(2) == 0) datagram = link_trunk({datagram});
      }
      auto expected = one.bring(conn, datagram);
      for (auto& sent : expected) sent.to = placed[sent.to];
      auto sent = crew.bring(placed[conn], datagram);
      std::ranges::sort(expected);
      std::ranges::sort(sent);
      REQUIRE(sent == expected);
      one.clock.advance(1ms);
      crew.advance(1ms);
    }
  }
}

}  // namespace wzp::test
