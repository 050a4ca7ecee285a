#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "members.hpp"

using namespace std::chrono_literals;

// Rooms over relays of every shape: who hears whom, who is listed where, and what crosses which link.

namespace wzp::test {

TEST_CASE("two senders with equal packets on two relays are both heard", "[relay][room][H-29][V-28]") {
  Mesh mesh{3, Mesh::line(3), kGeneral};
  auto members = one_each(mesh, 3);
  const auto packet = speech(7, 1);  // not even the payload differs
  mesh.bench.send_media(members[0].end(), packet);
  mesh.bench.send_media(members[2].end(), packet);
  mesh.bench.run_for(50ms);
  CHECK(heard(members[1].end())[{7, 1}] == 2);
}

TEST_CASE("over any shape of relays each member hears each other once", "[relay][room][route][V-37][H-30]") {
  const int relays = 5;
  const auto links = GENERATE(Mesh::line(5), Mesh::ring(5), Mesh::star(5), Mesh::full(5));
  Mesh mesh{relays, links, kGeneral};
  mesh.bench.link_delay = 3ms;
  auto members = one_each(mesh, relays);
  for (auto& m : members) CHECK(m.listed().size() == 5);
  for (std::uint16_t i = 0; i < 25; ++i) {
    for (auto& m : members) m.say(i);
    mesh.bench.run_for(20ms);
  }
  mesh.bench.run_for(100ms);
  for (auto& m : members) {
    const auto got = heard(m.end());
    CHECK(got.size() == 4 * 25);
    for (const auto& [what, times] : got) {
      CHECK(what.first != m.name());
      CHECK(times == 1);
    }
  }
}

TEST_CASE("a packet of a room crosses each link once at most, and none that leads to no member",
          "[relay][room][route][V-33][V-36]") {
  Mesh mesh{5, Mesh::full(5), kGeneral};
  Member a{mesh.bench, 0, 100, "general"};
  Member b{mesh.bench, 3, 103, "general"};
  mesh.bench.run_for(1s);
  for (std::uint16_t i = 0; i < 20; ++i) {
    a.say(i);
    mesh.bench.run_for(20ms);
  }
  std::size_t total = 0;
  for (const auto& [link, count] : mesh.bench.media_between) total += count;
  CHECK(mesh.media_on(0, 3) == 20);
  CHECK(total == 20);
}

TEST_CASE("frames are joined only where both sides do so", "[relay][room][V-44]") {
  const bool here = GENERATE(true, false), there = GENERATE(true, false);
  Mesh mesh{2, Mesh::line(2), [&](relay::Config& c) {
              kGeneral(c);
              c.trunking = c.fingerprint == RelayBench::fingerprint(Mesh::name(0)) ? here : there;
            }};
  int joined = 0, bare = 0;
  mesh.bench.on_link_media = [&](std::size_t, ByteView datagram) {
    const auto tagged = proto::parse_tagged(datagram);
    ++(tagged && tagged->tag.room == crypto::room_tag("general") ? bare : joined);
  };
  auto members = one_each(mesh, 2);  // both read trunk frames
  for (std::uint16_t i = 0; i < 5; ++i) {
    for (auto& m : members) m.say(i);
    mesh.bench.run_for(20ms);
  }
  CHECK(joined == (here && there ? 10 : 0));
  CHECK(bare == (here && there ? 0 : 10));
  for (const auto relay : {0U, 1U}) {
    auto& end = members[relay].end();
    REQUIRE(end.media.size() == 5);
    for (const auto& datagram : end.media) {
      CHECK((datagram.front() == proto::kTrunkMarker) == (relay == 0 ? here : there));
    }
    CHECK(heard(end).size() == 5);
  }
}

TEST_CASE("a link brings 500 packets a second for each person behind it, and no more", "[relay][room][V-43]") {
  const std::size_t people = GENERATE(1U, 3U);
  RelayBench bench;
  const auto relay = bench.add_relay(1, [](auto& c) {
    c.trusted = {RelayBench::trusted(2)};
    kGeneral(c);
  });
  const auto peer = RelayBench::fingerprint(2);
  auto& link = bench.open(relay, "_federation", {.certificate = peer});
  bench.send(link, proto::FederationHello{to_string(peer), 1, "played", {"call-nack", "media-v2", "routes"}});
  bench.send(link, proto::RelayState{.origin_relay_fp = to_string(peer),
                                     .epoch = 1,
                                     .seq = 1,
                                     .hops = 1,
                                     .neighbours = {to_string(bench.fp(relay))}});
  proto::RoomState room{.origin_relay_fp = to_string(peer), .epoch = 1, .seq = 1, .hops = 1, .room = "general"};
  for (std::uint16_t i = 1; i <= people; ++i) {
    const auto source = proto::SourceId::of(peer, i);
    room.participants.push_back({to_string(crypto::Identity{RelayBench::seed(std::uint8_t(40 + i))}.fingerprint()),
                                 std::nullopt, std::nullopt, proto::to_string(source)});
  }
  bench.send(link, room);
  Member ada{bench, relay, 100, "general"};
  bench.run_for(1s);
  ada.end().media.clear();
  for (std::uint16_t i = 0; i < 2000; ++i) {
    Bytes datagram(proto::MediaTag::kSize);
    const auto source = proto::SourceId::of(peer, std::uint16_t(1 + i % people));
    proto::write(proto::MediaTag{.room = crypto::room_tag("general"), .source = source, .hops = 1},
                 std::span<std::uint8_t, proto::MediaTag::kSize>{datagram.data(), proto::MediaTag::kSize});
    append(datagram, speech(9, i));
    bench.send_media(link, datagram);
    if (i % 900 == 899) bench.run_for(10ms);  // what all its rooms share allows 1,000 at once
  }
  const auto brought = heard(ada.end()).size();
  CHECK(brought >= std::min<std::size_t>(500 * people, 1000));
  CHECK(brought <= 500 * people + 30);
}

TEST_CASE("a hub without members passes a room on", "[relay][room][route][H-31]") {
  Mesh mesh{3, Mesh::star(3), kGeneral};
  Member a{mesh.bench, 1, 100, "general"};
  Member b{mesh.bench, 2, 101, "general"};
  mesh.bench.run_for(1s);
  a.say(1);
  mesh.bench.run_for(50ms);
  CHECK(heard(b.end())[{100, 1}] == 1);
  CHECK(a.listed() == names({&a, &b}));
}

TEST_CASE("a relay that does not have the room neither passes it on nor learns of it", "[relay][room][V-74][V-75]") {
  Mesh mesh{3, Mesh::line(3), {}};
  Member a{mesh.bench, 0, 100, "general"};
  Member b{mesh.bench, 1, 101, "general"};
  mesh.bench.run_for(1s);
  a.say(1);
  mesh.bench.run_for(50ms);
  CHECK(heard(b.end()).empty());
  CHECK(a.listed() == names({&a}));
  for (const auto& [relay, message] : mesh.bench.between_relays) {
    CHECK_FALSE(std::holds_alternative<proto::RoomState>(message));
    CHECK_FALSE(std::holds_alternative<proto::GlobalRoomActive>(message));
  }
}

TEST_CASE("who joins or leaves third is listed and unlisted elsewhere within a second",
          "[relay][room][V-39][V-42][H-30]") {
  Mesh mesh{3, Mesh::line(3), kGeneral};
  Member a{mesh.bench, 0, 100, "general"};
  Member b{mesh.bench, 2, 101, "general"};
  mesh.bench.run_for(1s);
  Member c{mesh.bench, 2, 102, "general"};
  mesh.bench.run_for(1s);
  CHECK(a.listed() == names({&a, &b, &c}));
  const auto list = a.list();
  REQUIRE(list);
  for (const auto& p : list->participants) {
    CHECK(p.relay_label.value_or("here") == (p.fingerprint == a.text() ? "here" : "relay3"));
  }
  c.leave();
  mesh.bench.run_for(1s);
  CHECK(a.listed() == names({&a, &b}));
  CHECK(b.listed() == names({&a, &b}));  // V-42: a leave here hides nobody elsewhere
}

TEST_CASE("a lost link takes its people with it within a second, and they come back with it", "[relay][room][V-40]") {
  Mesh mesh{3, Mesh::line(3), kGeneral};
  Member a{mesh.bench, 0, 100, "general"};
  Member b{mesh.bench, 1, 101, "general"};
  Member c{mesh.bench, 2, 102, "general"};
  mesh.bench.run_for(1s);
  REQUIRE(a.listed().size() == 3);
  mesh.bench.cut(1, 2);
  mesh.bench.run_for(1s);
  CHECK(a.listed() == names({&a, &b}));
  CHECK(c.listed() == names({&c}));
  mesh.bench.heal(1, 2);
  mesh.bench.run_for(5s);
  CHECK(a.listed() == names({&a, &b, &c}));
  CHECK(c.listed() == names({&a, &b, &c}));
  a.say(1);
  mesh.bench.run_for(50ms);
  CHECK(heard(c.end())[{100, 1}] == 1);
}

TEST_CASE("silent members stay listed, and a quiet mesh of relays says little", "[relay][room][V-36][V-41]") {
  Mesh mesh{5, Mesh::full(5), kGeneral};
  auto members = one_each(mesh, 5);
  mesh.bench.run_for(10s);
  mesh.bench.between_relays.clear();
  mesh.bench.run_for(60s);
  for (auto& m : members) CHECK(m.listed().size() == 5);
  std::size_t rooms = 0;
  std::size_t others = 0;
  for (const auto& [relay, message] : mesh.bench.between_relays) {
    (std::holds_alternative<proto::RoomState>(message) ? rooms : others) += 1;
  }
  // Refreshes only: of a room every 10 s and of a relay every 30 s, over each link from each side.
  CHECK(rooms <= 5 * 4 * 7);
  CHECK(others <= 2 * 5 * 4 * 3);
}

TEST_CASE("what a peer sends for a room that is not global, or a call here, is heard by nobody",
          "[relay][room][V-75][H-12]") {
  RelayBench bench;
  const auto relay = bench.add_relay(1, [](auto& c) { c.trusted = {RelayBench::trusted(2)}; });
  const auto peer = RelayBench::fingerprint(2);
  auto& link = bench.open(relay, "_federation", {.certificate = peer});
  bench.send(link, proto::FederationHello{to_string(peer), 1, "played", {"call-nack", "media-v2", "routes"}});
  Member a{bench, relay, 100, "kitchen"};
  Phone alice{bench, relay, 10};
  Phone bob{bench, relay, 20};
  REQUIRE(ring_and_answer(alice, bob, "c1"));
  auto& seat = alice.join("c1");
  for (const auto* room : {"kitchen", "call-c1"}) {
    for (const auto& name : {std::string{room}, crypto::hashed_room_name(room)}) {
      Bytes datagram(proto::MediaTag::kSize);
      proto::write(proto::MediaTag{.room = crypto::room_tag(name), .source = {{1, 2, 3, 4}, 1}, .hops = 1},
                   std::span<std::uint8_t, proto::MediaTag::kSize>{datagram.data(), proto::MediaTag::kSize});
      append(datagram, speech(9, 1));
      bench.send_media(link, datagram);
    }
  }
  CHECK(a.end().media.empty());
  CHECK(seat.media.empty());
  CHECK(bench.media_drops(relay).total() == 4);
}

}  // namespace wzp::test
