#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <chrono>

#include "packet_bench.hpp"

namespace wzp::test {
namespace {

using namespace std::chrono_literals;
using relay::MediaDrop;

const proto::SourceId kAliceSource{kHere, 1};
const proto::SourceId kBobSource{kHere, 2};
const proto::SourceId kCarolSource{kHere, 3};
const proto::SourceId kDave{kThere, 1};
const proto::SourceId kErin{kFar, 1};

RoomSeat seat(ConnectionId conn, const proto::SourceId& source, bool trunk = false) { return {conn, source, trunk}; }

/// Alice, Bob and Carol in one room, and nobody else.
RoomTable here() {
  return {.tag = tag_of('r'),
          .seats = {seat(kAlice, kAliceSource), seat(kBob, kBobSource), seat(kCarol, kCarolSource)}};
}

/// Alice here; two of our relays and a reference relay.
RoomTable joined(bool east = true, bool west = true, bool old = true) {
  return {
      .tag = tag_of('r'), .seats = {seat(kAlice, kAliceSource)}, .links = {{kEast, east}, {kWest, west}, {kOld, old}}};
}

void link_all(PacketBench& bench) { bench.links({{kEast, true, false}, {kWest, true, true}, {kOld, false, false}}); }

}  // namespace

// --- who gets what ---------------------------------------------------------------------------------------------------

TEST_CASE("a packet of a seat goes to all other seats, bare and whole", "[relay][switch]") {
  PacketBench bench;
  CHECK(bench.set(here()).empty());
  const auto media = packet(5);
  CHECK(bench.bring(kBob, media) == Sents{{kAlice, media}, {kCarol, media}});
  CHECK(bench->seats() == 3);
}

TEST_CASE("a seat that reads trunk frames gets nothing else, except in the room of a call", "[relay][switch][V-44]") {
  PacketBench bench;
  auto table = here();
  table.seats[0].trunk = true;
  table.is_call = GENERATE(false, true);
  bench.set(table);
  const auto media = packet(5);
  const auto for_alice = table.is_call ? media : member_trunk(kBobSource, media);
  CHECK(bench.bring(kBob, media) == Sents{{kAlice, for_alice}, {kCarol, media}});
}

TEST_CASE("two ordinary members hear each other while another one trunks", "[relay][switch][V-44]") {
  PacketBench bench;
  auto table = here();
  table.seats[2].trunk = true;
  bench.set(table);
  CHECK(bench.bring(kAlice, packet(1))[0] == Sent{kBob, packet(1)});
  CHECK(bench.bring(kBob, packet(2))[0] == Sent{kAlice, packet(2)});
}

TEST_CASE("a packet of a seat crosses each link in the form of that link", "[relay][switch][V-45]") {
  PacketBench bench;
  bench.set(joined());
  link_all(bench);
  const auto media = packet(5);
  const auto with_tag = from(kAliceSource, media);
  CHECK(bench.bring(kAlice, media) ==
        Sents{{kEast, with_tag}, {kWest, link_trunk({with_tag})}, {kOld, room_tagged(media)}});
}

TEST_CASE("a link carries nothing before it is announced, and nothing after its end", "[relay][switch]") {
  PacketBench bench;
  bench.set(joined());
  CHECK(bench.heard(kEast, from(kDave, packet(1))) == 0);
  CHECK(bench.dropped(MediaDrop::NotAdmitted) == 1);
  CHECK(bench.heard(kAlice, packet(1)) == 0);
  bench.links({{kEast, true, false}});
  CHECK(bench.bring(kAlice, packet(2)) == Sents{{kEast, from(kAliceSource, packet(2))}});
  CHECK(bench.heard(kEast, from(kDave, packet(1))) == 1);
  bench->forget(kEast);
  CHECK(bench.heard(kAlice, packet(3)) == 0);
  CHECK(bench.heard(kEast, from(kDave, packet(2))) == 0);
  CHECK(bench.dropped(MediaDrop::NotAdmitted) == 2);
}

TEST_CASE("a local call reaches its two seats and no link", "[relay][switch][V-33]") {
  PacketBench bench;
  bench.links({{kEast, true, false}, {kWest, true, false}, {kOld, false, false}});
  bench.set({.tag = tag_of('c'), .is_call = true, .seats = {seat(kAlice, kAliceSource), seat(kBob, kBobSource)}});
  CHECK(bench.bring(kAlice, packet(1)) == Sents{{kBob, packet(1)}});
}

TEST_CASE("a call across relays uses its own link and no other, both ways", "[relay][switch][V-33][V-75]") {
  PacketBench bench;
  bench.links({{kEast, true, false}, {kWest, true, false}});
  bench.set({.tag = tag_of('c'), .is_call = true, .seats = {seat(kAlice, kAliceSource)}, .links = {{kEast}}});
  CHECK(bench.bring(kAlice, packet(1)) == Sents{{kEast, from(kAliceSource, packet(1), 'c')}});
  CHECK(bench.bring(kEast, from(kDave, packet(1), 'c')) == Sents{{kAlice, packet(1)}});
  CHECK(bench.heard(kWest, from(kDave, packet(2), 'c')) == 0);
  CHECK(bench.dropped(MediaDrop::ForeignRoom) == 1);
}

TEST_CASE("links bring nothing into rooms that are not theirs", "[relay][switch][V-75][H-12]") {
  PacketBench bench;
  bench.links({{kEast, true, false}, {kOld, false, false}});
  bench.set(here());  // a private room
  bench.set({.tag = tag_of('c'),
             .is_call = true,
             .seats = {seat(ConnectionId{8}, {kHere, 8}), seat(ConnectionId{9}, {kHere, 9})}});
  for (const std::uint8_t room : {std::uint8_t{'r'}, std::uint8_t{'c'}}) {
    CHECK(bench.heard(kEast, from(kDave, packet(1), room)) == 0);
    CHECK(bench.heard(kOld, room_tagged(packet(1), room)) == 0);
  }
  CHECK(bench.dropped(MediaDrop::ForeignRoom) == 4);
  CHECK(bench.heard(kEast, from(kDave, packet(1), 'x')) == 0);
  CHECK(bench.heard(kOld, room_tagged(packet(1), 'x')) == 0);
  CHECK(bench.dropped(MediaDrop::UnknownRoom) == 2);
  CHECK(bench->drops().total() == 6);
}

TEST_CASE("a packet crosses from link to link only if both pass on, one hop further", "[relay][switch]") {
  PacketBench bench;
  link_all(bench);
  const bool east = GENERATE(false, true);
  const bool west = GENERATE(false, true);
  const bool old = GENERATE(false, true);
  bench.set(joined(east, west, old));
  const auto media = packet(9);
  Sents expected{{kAlice, media}};
  if (east && west) expected.push_back({kWest, link_trunk({from(kDave, media, 'r', 4, 0x80)})});
  if (east && old) expected.push_back({kOld, room_tagged(media)});
  CHECK(bench.bring(kEast, from(kDave, media, 'r', 3, 0x80)) == expected);
}

TEST_CASE("a packet never returns to the connection it came from", "[relay][switch]") {
  PacketBench bench;
  link_all(bench);
  bench.set(joined());
  for (const auto& sent : bench.bring(kEast, from(kDave, packet(1)))) CHECK(sent.to != kEast);
  for (const auto& sent : bench.bring(kWest, link_trunk({from(kDave, packet(2))}))) CHECK(sent.to != kWest);
  for (const auto& sent : bench.bring(kOld, room_tagged(packet(3)))) CHECK(sent.to != kOld);
  for (const auto& sent : bench.bring(kAlice, packet(4))) CHECK(sent.to != kAlice);
}

TEST_CASE("a packet that has crossed eight links is heard here and goes no further", "[relay][switch]") {
  PacketBench bench;
  link_all(bench);
  bench.set(joined());
  CHECK(bench.heard(kEast, from(kDave, packet(1), 'r', 7)) == 3);
  CHECK(bench.bring(kEast, from(kDave, packet(2), 'r', 8)) == Sents{{kAlice, packet(2)}});
  CHECK(bench.heard(kEast, from(kDave, packet(3), 'r', 9)) == 0);
  CHECK(bench.heard(kEast, from(kDave, packet(4), 'r', 0)) == 0);
  CHECK(bench.dropped(MediaDrop::Hops) == 2);
}

TEST_CASE("packets of a reference relay go on as mixed ones of this relay", "[relay][switch]") {
  PacketBench bench;
  link_all(bench);
  auto table = joined();
  table.seats.push_back(seat(kBob, kBobSource, true));
  bench.set(table);
  const auto sents = bench.bring(kOld, room_tagged(packet(1)));
  REQUIRE(sents.size() == 4);
  CHECK(sents[0] == Sent{kAlice, packet(1)});
  const auto tag = proto::parse_tagged(sents[2].bytes)->tag;
  CHECK(sents[2].to == kEast);
  CHECK(tag.source.relay == kHere);
  CHECK(tag.source.stream >= relay::kFirstMixedStream);
  CHECK(tag.flags == proto::MediaTag::kMixed);
  CHECK(tag.hops == 2);
  CHECK(sents[1] == Sent{kBob, member_trunk(tag.source, packet(1))});
  CHECK(sents[3] == Sent{kWest, link_trunk({from(tag.source, packet(1), 'r', 2, proto::MediaTag::kMixed)})});
}

TEST_CASE("each reference relay has a stream of its own, and it is free again when it is gone", "[relay][switch]") {
  PacketBench bench;
  bench.links({{ConnectionId{201}, false, false}, {ConnectionId{202}, false, false}, {kEast, true, false}});
  bench.set(
      {.tag = tag_of('r'),
       .links = {{kEast, true}, {ConnectionId{201}, true}, {ConnectionId{202}, true}, {ConnectionId{203}, true}}});
  const auto stream_of = [&](std::uint64_t link, std::uint16_t seq) {
    for (const auto& sent : bench.bring(ConnectionId{link}, room_tagged(packet(seq)))) {
      if (sent.to == kEast) return proto::parse_tagged(sent.bytes)->tag.source.stream;
    }
    return std::uint16_t{0};
  };
  const auto first = stream_of(201, 1);
  CHECK(first != stream_of(202, 2));
  bench->forget(ConnectionId{201});
  bench.links({{ConnectionId{203}, false, false}});
  CHECK(stream_of(203, 3) == first);
}

// --- what is no packet -----------------------------------------------------------------------------------------------

TEST_CASE("datagrams that make no sense are counted and end nothing", "[relay][switch][H-32]") {
  PacketBench bench;
  link_all(bench);
  bench.set(joined());
  std::uint64_t malformed = 0;
  const auto refuses = [&](ConnectionId conn, ByteView datagram) {
    CHECK(bench.heard(conn, datagram) == 0);
    CHECK(bench.dropped(MediaDrop::Malformed) == ++malformed);
  };
  refuses(kAlice, {});
  refuses(kAlice, Bytes(11));
  refuses(kAlice, member_trunk(kAliceSource, packet(1)));  // seats send no trunk frames
  refuses(kAlice, packet(1, 0, 10'000));
  refuses(kEast, Bytes(20));
  refuses(kEast, from({kThere, 0}, packet(1)));
  refuses(kOld, Bytes(19));
  refuses(kWest, from(kDave, packet(1)));  // this one speaks in trunk frames only
  refuses(kWest, Bytes{proto::kTrunkMarker});
  refuses(kWest, Bytes{proto::kTrunkMarker, 0});
  CHECK(bench.heard(kEast, link_trunk({from(kDave, packet(1))})) == 0);  // and this one never does
  CHECK(bench.heard(kAlice, packet(1)) == 3);
  CHECK(bench.heard(kEast, from(kDave, packet(1))) == 3);
}

TEST_CASE("a room whose tag starts like a trunk frame is a room", "[relay][switch]") {
  PacketBench bench;
  bench.links({{kEast, true, false}, {kOld, false, false}});
  auto table = joined();
  table.tag = tag_of(proto::kTrunkMarker);
  bench.set(table);
  CHECK(bench.heard(kEast, from(kDave, packet(1), proto::kTrunkMarker)) == 2);
  CHECK(bench.heard(kOld, room_tagged(packet(2), proto::kTrunkMarker)) == 2);
}

TEST_CASE("each entry of a trunk frame is judged alone, and what comes before a cut stands", "[relay][switch][V-45]") {
  PacketBench bench;
  link_all(bench);
  bench.set(joined(false, false, false));
  auto frame = link_trunk({from(kDave, packet(1)), from(kDave, packet(1)), from(kDave, packet(9), 'x'),
                           from(kErin, packet(1, 0x22)), from(kErin, packet(2))});
  frame.pop_back();
  CHECK(bench.bring(kWest, frame) == Sents{{kAlice, packet(1)}, {kAlice, packet(1, 0x22)}});
  CHECK(bench.dropped(MediaDrop::Duplicate) == 1);
  CHECK(bench.dropped(MediaDrop::UnknownRoom) == 1);
  CHECK(bench.dropped(MediaDrop::Malformed) == 1);
}

TEST_CASE("who has no seat and is no link is heard by nobody", "[relay][switch]") {
  PacketBench bench;
  bench.set(here());
  CHECK(bench.heard(ConnectionId{77}, packet(1)) == 0);
  CHECK(bench.dropped(MediaDrop::NotAdmitted) == 1);
  auto without = here();
  without.seats.erase(without.seats.begin());
  bench.set(without);
  CHECK(bench.heard(kAlice, packet(1)) == 0);
  CHECK(bench.dropped(MediaDrop::NotAdmitted) == 2);
  bench->drop_room(tag_of('r'));
  CHECK(bench.heard(kBob, packet(1)) == 0);
  CHECK(bench->rooms() == 0);
  CHECK(bench->seats() == 0);
}

TEST_CASE("a seat that changed rooms before its old room knew is in the new one", "[relay][switch]") {
  PacketBench bench;
  bench.set(here());
  bench.set({.tag = tag_of('s'), .seats = {seat(kAlice, kAliceSource), seat(ConnectionId{9}, {kHere, 9})}});
  auto without = here();
  without.seats.erase(without.seats.begin());
  bench.set(without);
  CHECK(bench.bring(kAlice, packet(1)) == Sents{{ConnectionId{9}, packet(1)}});
  bench->drop_room(tag_of('r'));
  CHECK(bench.heard(kAlice, packet(1)) == 1);
}

TEST_CASE("a room that is closed carries nothing, and one alone in a room is counted", "[relay][switch]") {
  PacketBench bench;
  auto table = here();
  table.open = false;
  bench.set(table);
  CHECK(bench.heard(kAlice, packet(1)) == 0);
  CHECK(bench.dropped(MediaDrop::Closed) == 1);
  bench.set({.tag = tag_of('r'), .seats = {seat(kAlice, kAliceSource)}});
  CHECK(bench.heard(kAlice, packet(2)) == 0);
  CHECK(bench.dropped(MediaDrop::NoReceiver) == 1);
  CHECK(bench->kept() == 0);
}

// --- reports and log -------------------------------------------------------------------------------------------------

TEST_CASE("the newest report of a seat is given out, at most twice a second", "[relay][switch]") {
  PacketBench bench;
  bench.set(here());
  std::vector<relay::Reported> out;
  const auto taken = [&] {
    out.clear();
    bench->take_reports(bench.clock.now(), out);
    return out;
  };
  CHECK(taken().empty());
  bench.bring(kAlice, with_report(1, {.loss_pct = 1}));
  bench.bring(kAlice, with_report(2, {.loss_pct = 2}));
  CHECK(taken() == std::vector<relay::Reported>{{kAlice, {.loss_pct = 2}}});
  std::size_t given = 0;
  for (int i = 0; i < 100; ++i) {  // 2 s
    bench.bring(kAlice, with_report(3, {.loss_pct = 3}));
    bench.clock.advance(20ms);
    given += taken().size();
  }
  CHECK(given == 4);
  bench.bring(kAlice, packet(4));
  bench.clock.advance(1s);
  CHECK(taken().empty());
  bench.bring(kBob, with_report(1, {.loss_pct = 9}));
  bench->drop_room(tag_of('r'));
  CHECK(taken().empty());
}

TEST_CASE("drops on a link give one line for each reason in 10 s, and none without drops",
          "[relay][switch][H-12][V-35]") {
  PacketBench bench;
  link_all(bench);
  bench.set(joined());
  std::vector<LogLine> lines;
  bench->take_log(bench.clock.now(), lines);
  CHECK(lines.empty());
  for (int i = 0; i < 1500; ++i) {  // 30 s of one speaker
    bench.bring(kEast, from(kDave, packet(static_cast<std::uint16_t>(i)), 'x'));
    bench.bring(kEast, Bytes(3));
    bench.clock.advance(20ms);
    bench->take_log(bench.clock.now(), lines);
  }
  CHECK(lines.size() == 6);
  CHECK(lines[0].text == "link c0.101: 1 packets of media dropped: malformed");
  CHECK(lines[0].level == LogLevel::Warn);
  CHECK(lines[2].text == "link c0.101: 500 packets of media dropped: malformed");
  CHECK(lines[3].text == "link c0.101: 500 packets of media dropped: unknown-room");
  bench.clock.advance(1min);
  lines.clear();
  bench->take_log(bench.clock.now(), lines);
  CHECK(lines.size() == 2);  // the rest
  bench->take_log(bench.clock.advance(1min), lines);
  CHECK(lines.size() == 2);
}

TEST_CASE("a seat that sent nonsense is mentioned once, when it goes", "[relay][switch]") {
  PacketBench bench;
  bench.set(here());
  for (int i = 0; i < 50; ++i) bench.bring(kAlice, Bytes(3));
  std::vector<LogLine> lines;
  bench->take_log(bench.clock.now(), lines);
  CHECK(lines.empty());
  bench->forget(kAlice);
  bench->forget(kBob);
  bench->take_log(bench.clock.now(), lines);
  CHECK(lines == std::vector<LogLine>{{LogLevel::Info, "c0.1: 50 datagrams were no media packets"}});
}

TEST_CASE("a member that floods a room loses what is too much, and nobody else anything", "[relay][switch]") {
  using namespace std::chrono_literals;
  PacketBench bench;
  bench.set({.tag = tag_of('r'), .seats = {{kAlice, {kHere, 1}}, {kBob, {kHere, 2}}}});
  std::size_t passed = 0;
  for (std::uint16_t i = 0; i < 2'000; ++i) passed += bench.heard(kAlice, packet(i));
  CHECK(passed == 500);
  CHECK(bench.dropped(relay::MediaDrop::SeatRate) == 1'500);
  CHECK(bench.heard(kBob, packet(1)) == 1);
  bench.clock.advance(20ms);
  for (std::uint16_t i = 0; i < 20; ++i) passed += bench.heard(kAlice, packet(i));
  CHECK(passed == 510);
}

}  // namespace wzp::test
