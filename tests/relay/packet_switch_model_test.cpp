#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <chrono>
#include <deque>
#include <map>
#include <set>

#include "packet_bench.hpp"

// Random tables and packets, against a model that keeps everything for ever in sets and lists, and looks through all of it.

namespace wzp::test {
namespace {

using namespace std::chrono_literals;

/// What the switch should do, as slowly as one likes. Rates are out of reach in these runs.
class Model {
 public:
  Sents set(const RoomTable& table, Instant now) {
    for (const auto& seat : table.seats) seated_[seat.conn] = table.tag;
    if (const auto old = tables_.find(table.tag); old != tables_.end()) {
      for (const auto& seat : old->second.seats) {
        const bool stays = std::ranges::find(table.seats, seat.conn, &RoomSeat::conn) != table.seats.end();
        if (!stays && seated_[seat.conn] == table.tag) seated_.erase(seat.conn);
      }
    }
    tables_[table.tag] = table;
    Sents out;
    std::deque<Kept> rest;
    for (const auto& kept : std::exchange(kept_, {})) {
      if (now - kept.since >= 500ms) continue;
      const bool here = kept.room != table.tag || brings(table, kept.from);
      if (!here) continue;
      const auto sents = kept.room == table.tag && table.open ? reach(table, kept.from, kept.tag, kept.media) : Sents{};
      if (sents.empty()) rest.push_back(kept);
      out.insert(out.end(), sents.begin(), sents.end());
    }
    kept_ = rest;
    return out;
  }

  void drop(const proto::RoomTag& tag) {
    tables_.erase(tag);
    std::erase_if(seated_, [&](const auto& seat) { return seat.second == tag; });
    std::erase_if(kept_, [&](const Kept& kept) { return kept.room == tag; });
    std::erase_if(heard_, [&](const auto& heard) { return std::get<0>(heard) == tag; });
  }

  void link(const relay::LinkMedia& link) { links_[link.conn] = link; }
  void forget(ConnectionId conn) { links_.erase(conn); }

  Sents bring(ConnectionId from, ByteView bytes, Instant now) {
    if (const auto seat = seated_.find(from); seat != seated_.end()) {
      if (!proto::parse_packet(bytes)) return {};
      const auto& table = tables_.at(seat->second);
      const auto self = std::ranges::find(table.seats, from, &RoomSeat::conn);
      return pass(table, from, {table.tag, self->source, 0, 0}, bytes, now);
    }
    const auto link = links_.find(from);
    if (link == links_.end()) return {};
    if (!link->second.trunk) return from_link(link->second, bytes, now);
    Sents out;
    if (bytes.size() < 2 || bytes[0] != proto::kTrunkMarker) return {};
    for (auto rest = bytes.subspan(1); !rest.empty();) {
      const auto entry = proto::take_link_entry(rest);
      if (!entry) break;
      const auto sents = from_link(link->second, *entry, now);
      out.insert(out.end(), sents.begin(), sents.end());
    }
    return out;
  }

 private:
  struct Kept {
    proto::RoomTag room;
    ConnectionId from;
    proto::MediaTag tag;
    Bytes media;
    Instant since;
  };

  bool brings(const RoomTable& table, ConnectionId conn) {
    const auto seat = seated_.find(conn);
    if (seat != seated_.end()) return seat->second == table.tag;
    return std::ranges::find(table.links, conn, &RoomLink::conn) != table.links.end();
  }

  Sents from_link(const relay::LinkMedia& link, ByteView bytes, Instant now) {
    if (!link.v2) return {};  // the content rules have tests of their own
    const auto parsed = proto::parse_tagged(bytes);
    if (!parsed || parsed->tag.source.stream == 0) return {};
    const auto& tag = parsed->tag;
    const auto table = tables_.find(tag.room);
    if (table == tables_.end()) return {};
    if (std::ranges::find(table->second.links, link.conn, &RoomLink::conn) == table->second.links.end()) return {};
    if (tag.source.relay == kHere || tag.hops == 0 || tag.hops > 8) return {};
    if (!heard_.emplace(tag.room, tag.source, load_be16(parsed->packet.data() + 2)).second) return {};
    return pass(table->second, link.conn, tag, parsed->packet, now);
  }

  Sents pass(const RoomTable& table, ConnectionId from, const proto::MediaTag& tag, ByteView media, Instant now) {
    auto sents = table.open ? reach(table, from, tag, media) : Sents{};
    if (!sents.empty() || !table.is_call) return sents;
    std::erase_if(kept_, [&](const Kept& kept) { return now - kept.since >= 500ms; });
    const auto mine =
        std::ranges::count_if(kept_, [&](const Kept& k) { return k.from == from && k.room == table.tag; });
    if (mine < 10) kept_.push_back({table.tag, from, tag, {media.begin(), media.end()}, now});
    return {};
  }

  Sents reach(const RoomTable& table, ConnectionId from, proto::MediaTag tag, ByteView media) {
    Sents out;
    const Bytes whole{media.begin(), media.end()};
    for (const auto& seat : table.seats) {
      if (seat.conn == from) continue;
      out.push_back({seat.conn, seat.trunk && !table.is_call ? member_trunk(tag.source, media) : whole});
    }
    const auto in = std::ranges::find(table.links, from, &RoomLink::conn);
    for (const auto& link : table.links) {
      const auto known = links_.find(link.conn);
      if (known == links_.end() || link.conn == from) continue;
      if (in != table.links.end() && tag.hops > 0 && (!in->transit || !link.transit || tag.hops == 8)) continue;
      auto next = tag;
      ++next.hops;
      if (!known->second.v2)
        out.push_back({link.conn, room_tagged(media, table.tag[0])});
      else if (known->second.trunk)
        out.push_back({link.conn, link_trunk({tagged(next, media)})});
      else
        out.push_back({link.conn, tagged(next, media)});
    }
    return out;
  }

  std::map<proto::RoomTag, RoomTable> tables_;
  std::map<ConnectionId, proto::RoomTag> seated_;
  std::map<ConnectionId, relay::LinkMedia> links_;
  std::set<std::tuple<proto::RoomTag, proto::SourceId, std::uint16_t>> heard_;
  std::deque<Kept> kept_;
};

/// Everything that can happen, at random: few names, so that they meet often.
class Play {
 public:
  explicit Play(std::uint64_t seed)
      : random_{seed}, bench_{[](relay::PacketSwitch::Config& config) {
          config.link_rate.count = 0;
          config.call_bytes_per_second = 1'000'000'000;
        }} {}

  void step() {
    const auto now = bench_.clock.advance(random_.between(0ms, 30ms));
    switch (random_.below(40)) {
      case 0:
      case 1:
      case 2: {
        const auto table = random_table();
        const auto got = bench_.set(table);
        return compare(got, model_.set(table, now));
      }
      case 3: {
        const auto tag = random_room();
        bench_->drop_room(tag);
        return model_.drop(tag);
      }
      case 4: {
        const bool v2 = random_.chance(0.9);
        const relay::LinkMedia link{random_link(), v2, v2 && random_.chance(0.5)};
        bench_->set_link(link);
        trunk_[link.conn] = link.trunk;
        v2_[link.conn] = link.v2;
        return model_.link(link);
      }
      case 5: {
        if (random_.chance(0.7)) return;
        const auto conn = random_link();
        bench_->forget(conn);
        return model_.forget(conn);
      }
      case 6: return bench_->tick(now);
      default: {
        const bool of_seat = random_.chance(0.5);
        const auto from = of_seat ? random_seat() : random_link();
        const auto bytes = of_seat ? random_packet() : random_from_link(from);
        const auto got = bench_.bring(from, bytes);
        heard_ += got.size();
        return compare(got, model_.bring(from, bytes, now));
      }
    }
  }
  [[nodiscard]] std::size_t heard() const { return heard_; }
  PacketBench& bench() { return bench_; }

 private:
  static void compare(Sents got, Sents expected) {
    // The order among receivers is nobody's business; that of the packets of each one is.
    std::ranges::stable_sort(got, {}, &Sent::to);
    std::ranges::stable_sort(expected, {}, &Sent::to);
    REQUIRE(got == expected);
  }

  proto::RoomTag random_room() { return tag_of(static_cast<std::uint8_t>(1 + random_.below(4))); }
  ConnectionId random_seat() { return {1 + random_.below(8)}; }
  ConnectionId random_link() { return {101 + random_.below(4)}; }

  RoomTable random_table() {
    RoomTable table{.tag = random_room()};
    table.is_call = table.tag[0] <= 2;
    table.open = random_.chance(0.8);
    // A seat is in one room: two connections for each room.
    for (std::uint64_t i = 0; i < 2; ++i) {
      const auto number = static_cast<std::uint16_t>(2U * table.tag[0] - 1 + i);
      if (random_.chance(0.7)) table.seats.push_back({{number}, {kHere, number}, number % 3 == 0});
    }
    for (std::uint64_t i = 101; i < 105; ++i) {
      if (random_.chance(0.5)) table.links.push_back({{i}, random_.chance(0.6), 1'000'000});
    }
    return table;
  }

  Bytes random_packet() {
    if (random_.chance(0.05)) return Bytes(random_.below(12), static_cast<std::uint8_t>(random_.next()));
    return packet(static_cast<std::uint16_t>(65'400 + random_.below(400)), static_cast<std::uint8_t>(random_.below(3)),
                  random_.below(40));
  }
  Bytes one_from_link() {
    if (random_.chance(0.05)) return Bytes(random_.below(28), static_cast<std::uint8_t>(random_.next()));
    const std::array<ByteArray<4>, 3> relays{kHere, kThere, kFar};
    const proto::SourceId source{relays[random_.below(12) == 0 ? 0 : 1 + random_.below(2)],
                                 static_cast<std::uint16_t>(random_.below(6))};
    const auto hops = static_cast<std::uint8_t>(random_.below(11));
    return tagged({tag_of(static_cast<std::uint8_t>(1 + random_.below(5))), source, hops,
                   random_.chance(0.5) ? std::uint8_t{0} : std::uint8_t{0x40}},
                  random_packet());
  }
  Bytes random_from_link(ConnectionId conn) {
    if (!v2_[conn]) return Bytes(random_.below(20));  // those have tests of their own
    if (!trunk_[conn] || random_.chance(0.05)) return one_from_link();
    std::vector<Bytes> entries(1 + random_.below(4));
    for (auto& entry : entries) entry = one_from_link();
    auto frame = link_trunk(entries);
    if (random_.chance(0.05)) frame.resize(random_.below(frame.size()));
    return frame;
  }

  sim::Random random_;
  PacketBench bench_;
  Model model_;
  std::map<ConnectionId, bool> trunk_;
  std::map<ConnectionId, bool> v2_;
  std::size_t heard_ = 0;
};

}  // namespace

TEST_CASE("whatever the tables and packets, everybody gets what the model says", "[relay][switch][V-33][V-37][V-75]") {
  const auto seed = GENERATE(range(std::uint64_t{1}, std::uint64_t{41}));
  INFO("seed " << seed);
  Play play{seed};
  for (int i = 0; i < 2'000; ++i) play.step();
  CHECK(play.heard() > 200);
  play.bench()->tick(play.bench().clock.advance(2min));
  CHECK(play.bench()->kept() == 0);
  CHECK(play.bench()->sources() == 0);
  for (std::uint8_t room = 1; room < 6; ++room) play.bench()->drop_room(tag_of(room));
  CHECK(play.bench()->seats() == 0);
}

TEST_CASE("no bytes bring the packet path out of step", "[relay][switch][H-32]") {
  sim::Random random{GENERATE(1U, 2U, 3U, 4U)};
  PacketBench bench;
  bench.links({{kEast, true, false}, {kWest, true, true}, {kOld, false, false}});
  bench.set({.tag = tag_of('r'),
             .seats = {{kAlice, {kHere, 1}}, {kBob, {kHere, 2}, true}},
             .links = {{kEast, true}, {kWest, true}, {kOld, true}}});
  std::size_t most = 0;
  for (int i = 0; i < 20'000; ++i) {
    bench.clock.advance(1ms);
    Bytes bytes(random.below(80));
    for (auto& b : bytes) b = static_cast<std::uint8_t>(random.next());
    const auto tag = tag_of('r');
    if (random.chance(0.5) && bytes.size() > 20) std::ranges::copy(tag, bytes.begin() + (random.chance(0.5) ? 3 : 0));
    if (random.chance(0.5) && !bytes.empty()) bytes[0] = proto::kTrunkMarker;
    std::vector<ConnectionId> all{kAlice, kBob, kEast, kWest, kOld, kCarol};
    const auto from = random.pick(all);
    for (const auto& sent : bench.bring(from, bytes)) CHECK(sent.to != from);
    most = std::max(most, bench->sources());
  }
  CHECK(most <= 4096);
  CHECK(bench->drops()[relay::MediaDrop::Malformed] > 1'000);
}

}  // namespace wzp::test
