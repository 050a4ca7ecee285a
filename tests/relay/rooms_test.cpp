#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "members.hpp"
#include "wzp/federation/room_directory.hpp"

using namespace std::chrono_literals;

// Rooms of several people; over relays of every shape: global_rooms_test.cpp.

namespace wzp::test {

TEST_CASE("members of a room hear all others once and never themselves", "[relay][room][V-44]") {
  RelayBench bench;
  const auto relay = bench.add_relay(1);
  const auto caps = GENERATE(proto::Caps{"trunk"}, proto::Caps{});
  Member a{bench, relay, 100, "kitchen", caps};
  Member b{bench, relay, 101, "kitchen", caps};
  Member c{bench, relay, 102, "kitchen"};
  Member elsewhere{bench, relay, 103, "garden"};
  a.say(1);
  b.say(1);
  bench.run_for(20ms);
  CHECK(heard(a.end()) == std::map<std::pair<int, int>, int>{{{101, 1}, 1}});
  CHECK(heard(b.end()) == std::map<std::pair<int, int>, int>{{{100, 1}, 1}});
  CHECK(heard(c.end()) == std::map<std::pair<int, int>, int>{{{100, 1}, 1}, {{101, 1}, 1}});
  CHECK(heard(elsewhere.end()).empty());
}

TEST_CASE("members who join on two relays within a moment hear each other", "[relay][room]") {
  Mesh mesh{2, Mesh::line(2), kGeneral};
  for (std::size_t relay : {0U, 1U})
    Member{mesh.bench, relay, 90, "general"}.leave();  // the relays have just said something
  mesh.bench.run_for(100ms);
  Member a{mesh.bench, 0, 100, "general"};
  mesh.bench.run_for(10ms);
  Member b{mesh.bench, 1, 101, "general"};
  mesh.bench.run_for(1s);
  a.say(1);
  b.say(1);
  mesh.bench.run_for(20ms);
  CHECK(heard(a.end()) == std::map<std::pair<int, int>, int>{{{101, 1}, 1}});
  CHECK(heard(b.end()) == std::map<std::pair<int, int>, int>{{{100, 1}, 1}});
}

namespace {

void check_that_they_hear_each_other(RelayBench& bench, Member& a, Member& b, std::uint16_t number = 1) {
  for (auto* m : {&a, &b}) m->end().media.clear();
  a.say(number);
  b.say(number);
  bench.run_for(5s);
  CHECK(heard(a.end()) == std::map<std::pair<int, int>, int>{{{b.name(), number}, 1}});
  CHECK(heard(b.end()) == std::map<std::pair<int, int>, int>{{{a.name(), number}, 1}});
}

}  // namespace

TEST_CASE("a room goes on when another connection takes the place of a link", "[relay][room][V-11]") {
  RelayBench bench;
  const bool first_is_smaller = RelayBench::fingerprint(1) < RelayBench::fingerprint(2);
  const std::uint8_t small = first_is_smaller ? 1 : 2;
  const std::uint8_t large = first_is_smaller ? 2 : 1;
  const auto naming = [](std::uint8_t other) {
    return [other](relay::Config& c) {
      kGeneral(c);
      c.peers = {RelayBench::peer(other)};
      c.peers[0].delegate = true;
    };
  };
  bench.on_dial = OnDial::Ignore;  // that dial takes its time
  const auto a = bench.add_relay(small, naming(large));
  bench.on_dial = OnDial::Connect;
  const auto b = bench.add_relay(large, naming(small));
  Member anna{bench, a, 100, "general"};
  Member ben{bench, b, 101, "general"};
  bench.run_for(3s);
  check_that_they_hear_each_other(bench, anna, ben);
  bench.dial(a, 0);  // now it succeeds, and its link is the one that stays
  bench.run_for(1s);
  REQUIRE(bench.connections_between(a, b) == 1);
  check_that_they_hear_each_other(bench, anna, ben, 2);
}

TEST_CASE("a relay whose hello comes late is one of ours after all, for rooms and calls", "[relay][room]") {
  RelayBench bench;
  bench.link_delay = 1200ms;  // there and back, longer than the silence by which a reference relay is known
  const auto a = bench.add_relay(1, [](relay::Config& c) {
    kGeneral(c);
    c.peers = {Mesh::peer(1)};
  });
  const auto b = bench.add_relay(2, [](relay::Config& c) {
    kGeneral(c);
    c.trusted = {Mesh::trusted(0)};
  });
  bench.run_for(10s);
  Member anna{bench, a, 100, "general"};
  Member ben{bench, b, 101, "general"};
  Phone bob{bench, b, 120};
  bench.run_for(10s);
  check_that_they_hear_each_other(bench, anna, ben);
  Phone alice{bench, a, 110};
  bench.link_delay = 10ms;
  alice.send(alice.offer(bob.fp(), "c1"));
  bench.run_for(5s);
  CHECK(bob.take<proto::DirectCallOffer>());
  CHECK(alice.take<proto::CallRinging>());
}

TEST_CASE("every change in a room is told to its members", "[relay][room]") {
  RelayBench bench;
  const auto relay = bench.add_relay(1);
  Member a{bench, relay, 100, "kitchen"};
  CHECK(a.listed() == names({&a}));
  bench.run_for(200ms);
  Member b{bench, relay, 101, "kitchen"};
  bench.run_for(200ms);
  CHECK(a.listed() == names({&a, &b}));
  CHECK(b.listed() == names({&a, &b}));
  REQUIRE(a.list());
  CHECK(a.list()->count == 2);
  CHECK(a.list()->participants[0].alias == "member100");
  CHECK(a.list()->participants[0].source);
  b.leave();
  bench.run_for(200ms);
  CHECK(a.listed() == names({&a}));
}

TEST_CASE("a member that does not read trunk frames gets no sources either", "[relay][room]") {
  RelayBench bench;
  const auto relay = bench.add_relay(1);
  Member a{bench, relay, 100, "kitchen", {}};
  REQUIRE(a.list());
  CHECK_FALSE(a.list()->participants[0].source);
}

TEST_CASE("whoever is in a room, or was refused, can be called exactly while registered", "[relay][room][V-24]") {
  Mesh mesh{2, Mesh::line(2), [](relay::Config& c) {
              c.global_rooms = {"general"};
              c.max_room_participants = 2;
            }};
  Phone alice{mesh.bench, 0, 10};
  int number = 0;
  const auto rings = [&](Phone* bob) {  // or says no at once
    const auto id = "c" + std::to_string(++number);
    alice.forget();
    const auto callee = crypto::Identity{RelayBench::seed(20)}.fingerprint();
    alice.send(alice.offer(callee, id));
    mesh.bench.run_for(100ms);
    const bool is_refused = alice.take<proto::Hangup>().has_value();
    const bool is_offered = bob != nullptr && bob->take<proto::DirectCallOffer>().has_value();
    CHECK(is_refused != is_offered);
    return is_offered;
  };
  Member inside{mesh.bench, 1, 20, "general"};
  Member refused{mesh.bench, 1, 20, "general"};
  Member third{mesh.bench, 1, 20, "general"};
  mesh.bench.run_for(1s);
  REQUIRE(third.end().closed);
  CHECK_FALSE(rings(nullptr));  // of a room only
  CHECK(mesh.bench.core(1).clients().empty());
  Phone bob{mesh.bench, 1, 20};
  mesh.bench.run_for(1s);
  CHECK(rings(&bob));
  inside.leave();
  refused.leave();
  mesh.bench.run_for(1s);
  CHECK(rings(&bob));  // leaving a room is not leaving
  CHECK(mesh.bench.core(1).seats(crypto::hashed_room_name("general")).empty());
  bob.lose();
  mesh.bench.run_for(1s);
  CHECK_FALSE(rings(nullptr));
  // Nothing is left that a newcomer could meet.
  Member back{mesh.bench, 1, 20, "general"};
  mesh.bench.run_for(1s);
  REQUIRE(back.list());
  CHECK(back.list()->participants.size() == 1);
}

TEST_CASE("the raw and the hashed name are one room", "[relay][room][V-72][H-31]") {
  Mesh mesh{2, Mesh::line(2), kGeneral};
  Member raw{mesh.bench, 0, 100, "general"};
  Member hashed{mesh.bench, 0, 101, crypto::hashed_room_name("general")};
  Member far{mesh.bench, 1, 102, crypto::hashed_room_name("general")};
  Member local_raw{mesh.bench, 0, 110, "kitchen"};
  Member local_hashed{mesh.bench, 0, 111, crypto::hashed_room_name("kitchen")};
  mesh.bench.run_for(1s);
  raw.say(1);
  local_raw.say(7);
  mesh.bench.run_for(50ms);
  CHECK(heard(hashed.end()).contains({100, 1}));
  CHECK(heard(far.end()).contains({100, 1}));
  CHECK(heard(local_hashed.end()) == std::map<std::pair<int, int>, int>{{{110, 7}, 1}});
  CHECK(raw.listed() == names({&raw, &hashed, &far}));
  CHECK(far.listed() == names({&raw, &hashed, &far}));
}

TEST_CASE("a room is full at its cap, and nobody in it notices", "[relay][room]") {
  RelayBench bench;
  const auto relay = bench.add_relay(1, [](auto& c) { c.max_room_participants = 2; });
  Member a{bench, relay, 100, "kitchen"};
  Member b{bench, relay, 101, "kitchen"};
  Member c{bench, relay, 102, "kitchen"};
  REQUIRE(c.end().closed);
  CHECK(c.end().closed->code == 0x19);
  CHECK(c.end().closed->reason == "not admitted: room full");
  bench.run_for(200ms);
  CHECK(a.listed() == names({&a, &b}));
}

TEST_CASE("a relay is full at its cap of seats, and of rooms", "[relay][room][V-32]") {
  RelayBench bench;
  const auto relay = bench.add_relay(1, [](auto& c) {
    c.max_seats = 3;
    c.max_rooms = 2;
  });
  const auto refusal = [](Member& member) { return member.end().closed ? member.end().closed->reason : ""; };
  Member a{bench, relay, 100, "kitchen"};
  Member b{bench, relay, 101, "garden"};
  Member third_room{bench, relay, 102, "attic"};
  CHECK(refusal(third_room) == "not admitted: too many rooms");
  Member c{bench, relay, 103, "kitchen"};
  CHECK(refusal(c).empty());
  Member fourth{bench, relay, 104, "garden"};
  CHECK(refusal(fourth) == "not admitted: relay full");
  b.leave();
  Member again{bench, relay, 105, "attic"};
  CHECK(refusal(again).empty());
  // Seats of calls are not among them.
  Phone alice{bench, relay, 10};
  Phone bob{bench, relay, 20};
  REQUIRE(ring_and_answer(alice, bob, "c1"));
  CHECK_FALSE(alice.join("c1").closed);
}

TEST_CASE("a global room has as many seats at a relay as other relays are told of", "[relay][room]") {
  RelayBench bench;
  const auto relay = bench.add_relay(1, [](auto& c) {
    c.global_rooms = {"general"};
    c.max_room_participants = 1000;
  });
  const auto is_admitted = [&](const std::string& room) {
    Member member{bench, relay, 100, room};
    return !member.end().closed;
  };
  for (std::size_t i = 0; i < federation::RoomDirectory::kMaxPeople; ++i) {
    REQUIRE(is_admitted("general"));
    REQUIRE(is_admitted("kitchen"));
  }
  CHECK_FALSE(is_admitted("general"));
  CHECK(is_admitted("kitchen"));
}

TEST_CASE("a listed room admits its members only, by either name", "[relay][room]") {
  RelayBench bench;
  const auto member = crypto::Identity{RelayBench::seed(100)}.fingerprint();
  const auto relay = bench.add_relay(1, [&](auto& c) { c.rooms = {{"board", {member}}}; });
  CHECK_FALSE(Member(bench, relay, 100, "board").end().closed);
  for (const auto& room : {std::string{"board"}, crypto::hashed_room_name("board")}) {
    Member stranger{bench, relay, 101, room};
    REQUIRE(stranger.end().closed);
    CHECK(stranger.end().closed->reason == "not admitted: not a member of this room");
  }
}

TEST_CASE("a list that would be too long names as many as it can, and counts all", "[relay][room][V-27]") {
  RelayBench bench;
  const auto relay = bench.add_relay(1, [](auto& c) {
    c.trusted = {RelayBench::trusted(2), RelayBench::trusted(3)};
    c.global_rooms = {"general"};
  });
  Member ada{bench, relay, 100, "general"};
  for (const std::uint8_t name : {std::uint8_t{2}, std::uint8_t{3}}) {
    const auto peer = to_string(RelayBench::fingerprint(name));
    auto& link = bench.open(relay, "_federation", {.certificate = RelayBench::fingerprint(name)});
    bench.send(link, proto::FederationHello{peer, 1, "played", {"call-nack", "media-v2", "routes"}});
    proto::RoomState state{peer, 1, 1, 1, "general", {}, {}};
    for (int i = 0; i < 256; ++i) {
      const auto text = std::to_string(name) + "-" + std::to_string(i);
      state.participants.push_back({text, std::string(128, 'x'), std::string(128, 'y'), {}});
    }
    bench.send(link, state);
    bench.run_for(1s);
  }
  const auto list = ada.list();
  REQUIRE(list);
  CHECK(list->count == 1 + 2 * 256);
  CHECK(list->participants.size() > 256);
  CHECK(list->participants.size() < list->count);
  CHECK(list->participants.front().fingerprint == ada.text());
}

namespace {

Bytes with_report(std::uint8_t speaker, std::uint16_t number, const proto::QualityReport& report) {
  auto packet = speech(speaker, number);
  packet[0] |= 0x02;  // Q
  ByteArray<proto::QualityReport::kSize> trailer{};
  proto::write(report, trailer);
  append(packet, trailer);
  return packet;
}

std::vector<proto::QualityDirective> directives(const FarEnd& end) {
  std::vector<proto::QualityDirective> out;
  for (const auto& m : end.inbox) {
    if (const auto* d = std::get_if<proto::QualityDirective>(&m)) out.push_back(*d);
  }
  return out;
}

}  // namespace

TEST_CASE("the weakest member's path becomes the advice for all, here and on other relays",
          "[relay][room][H-25][V-47][V-48]") {
  Mesh mesh{2, Mesh::line(2), kGeneral};
  Member a{mesh.bench, 0, 100, "general"};
  Member weak{mesh.bench, 0, 101, "general"};
  Member far{mesh.bench, 1, 102, "general"};
  mesh.bench.run_for(1s);
  const auto bad = proto::quality_report_from(20, 50, 5);
  const auto fine = proto::quality_report_from(0, 85, 5);
  std::uint16_t n = 0;
  const auto report_for = [&](Duration time, bool is_weak) {
    for (Duration t{}; t < time; t += 1s) {
      mesh.bench.send_media(a.end(), with_report(100, n, fine));
      if (is_weak) mesh.bench.send_media(weak.end(), with_report(101, n, bad));
      ++n;
      mesh.bench.run_for(1s);
    }
  };
  report_for(6s, true);
  for (auto* m : {&a, &weak, &far}) {
    REQUIRE(directives(m->end()).size() == 1);
    CHECK(directives(m->end())[0].recommended_profile == proto::kCatastrophic);
    CHECK(directives(m->end())[0].reason == "weakest link: Catastrophic");
  }
  // A late joiner gets the advice that holds; when the weakest leaves, it is lifted.
  Member late{mesh.bench, 0, 103, "general"};
  CHECK(directives(late.end()).size() == 1);
  weak.leave();
  report_for(3s, false);
  for (auto* m : {&a, &late, &far}) {
    REQUIRE(directives(m->end()).size() == 2);
    CHECK(directives(m->end())[1].recommended_profile == proto::kGood);
  }
}

TEST_CASE("a long way that loses nothing lowers nobody's voice", "[relay][room][D-65]") {
  RelayBench bench;
  const auto relay = bench.add_relay(1);
  Member near{bench, relay, 100, "kitchen"};
  Member distant{bench, relay, 101, "kitchen"};
  for (std::uint16_t n = 0; n < 20; ++n) {
    bench.send_media(distant.end(), with_report(101, n, proto::quality_report_from(0, 250, 5)));
    bench.run_for(1s);
  }
  CHECK(directives(near.end()).empty());
  CHECK(directives(distant.end()).empty());
}

TEST_CASE("a member that stops reporting stops counting", "[relay][room][V-47]") {
  RelayBench bench;
  const auto relay = bench.add_relay(1);
  Member a{bench, relay, 100, "kitchen"};
  Member weak{bench, relay, 101, "kitchen"};
  const auto bad = proto::quality_report_from(20, 50, 5);
  const auto fine = proto::quality_report_from(0, 85, 5);
  for (std::uint16_t n = 0; n < 20; ++n) {
    bench.send_media(a.end(), with_report(100, n, fine));
    if (n < 5) bench.send_media(weak.end(), with_report(101, n, bad));
    bench.run_for(1s);
  }
  REQUIRE(directives(a.end()).size() == 2);
  CHECK(directives(a.end())[0].recommended_profile == proto::kCatastrophic);
  CHECK(directives(a.end())[1].recommended_profile == proto::kGood);
}

TEST_CASE("advice is lifted when nobody is left who complains", "[relay][room][V-47]") {
  RelayBench bench;
  const auto relay = bench.add_relay(1);
  Member quiet{bench, relay, 100, "kitchen"};
  Member weak{bench, relay, 101, "kitchen"};
  for (std::uint16_t n = 0; n < 5; ++n) {
    bench.send_media(weak.end(), with_report(101, n, proto::quality_report_from(20, 50, 5)));
    bench.run_for(1s);
  }
  REQUIRE(directives(quiet.end()).size() == 1);
  weak.leave();
  REQUIRE(directives(quiet.end()).size() == 2);
  CHECK(directives(quiet.end())[1].recommended_profile == proto::kGood);
}

TEST_CASE("ten thousand leaves and joins leave every member hearing", "[relay][room][V-31]") {
  RelayBench bench;
  const auto relay = bench.add_relay(1);
  Member stays{bench, relay, 100, "kitchen"};
  std::optional<Member> comes;
  for (std::uint16_t i = 0; i < 10'000; ++i) {
    comes.emplace(bench, relay, std::uint8_t(101 + i % 100), "kitchen");
    stays.say(i);
    REQUIRE(heard(comes->end())[{100, i}] == 1);
    comes->leave();
    stays.end().inbox.clear();
    bench.run_for(5ms);
  }
}

}  // namespace wzp::test
