#include "wzp/federation/room_directory.hpp"

#include <catch2/catch_test_macros.hpp>

#include "gossip_net.hpp"
#include "wzp/crypto/room.hpp"

using namespace std::chrono_literals;

namespace wzp::federation {
namespace {

using Kind = RoomDirectory::Kind;

struct Fixture {
  sim::SimClock clock;
  RelayMap map{{.own = some_relay(5)}};
  RoomDirectory rooms{{.own = some_relay(5), .rooms = {"lobby"}}};

  GossipActions up(std::uint8_t name, Kind kind = Kind::MediaV2, bool delegate = true) {
    if (kind == Kind::MediaV2) (void)map.link_up(some_relay(name), delegate, clock.now());
    return rooms.link_up(some_relay(name), {kind, delegate, GossipNet::label(name)}, map, clock.now());
  }
  GossipActions local(const std::vector<std::string>& names) {
    RoomDirectory::People people;
    for (const auto& name : names) people.push_back(some_person(name));
    return rooms.set_local("lobby", people, {}, clock.now());
  }
  template <class T>
  GossipActions hear(std::uint8_t from, const T& message) {
    if constexpr (std::is_same_v<T, proto::RoomState>) {
      return rooms.handle(some_relay(from), message, map, clock.now());
    } else {
      return rooms.handle(some_relay(from), message, clock.now());
    }
  }
};

proto::RoomState state(std::uint8_t origin, Stamp stamp, std::uint8_t hops, std::vector<std::string> names) {
  proto::RoomState out{to_string(some_relay(origin)), stamp.epoch, stamp.seq, hops, "lobby", {}, {}};
  for (const auto& name : names) out.participants.push_back(some_person(name));
  return out;
}

proto::GlobalRoomActive plain(const std::string& room, const std::vector<std::string>& names,
                              const std::optional<std::string>& label = {}) {
  proto::GlobalRoomActive out{room, {}};
  for (const auto& name : names) out.participants.push_back({name, name, label, {}});
  return out;
}

}  // namespace

TEST_CASE("the tree of a room is looked at again when what we have said makes us a member, or no longer",
          "[federation]") {
  Fixture f;
  (void)f.up(1);
  f.clock.advance(10ms);
  CHECK(f.local({"a"}).empty());  // others hear of it later,
  CHECK(f.rooms.members("lobby").empty());
  const auto said = f.rooms.tick(f.clock.advance(240ms));  // namely now
  CHECK(f.rooms.members("lobby") == std::set{some_relay(5)});
  CHECK(std::ranges::find(said, GossipAction{RoomChanged{"lobby"}}) != said.end());
  const auto left = f.local({});
  CHECK(left.empty());
  const auto gone = f.rooms.tick(f.clock.advance(250ms));
  CHECK(f.rooms.members("lobby").empty());
  CHECK(std::ranges::find(gone, GossipAction{RoomChanged{"lobby"}}) != gone.end());
}

TEST_CASE("each change of the members is announced, at most every 250 ms", "[federation][V-39]") {
  Fixture f;
  CHECK(sent<proto::RoomState>(f.up(1)).size() == 1);  // empty: we want the room
  f.clock.advance(1s);
  CHECK(sent<proto::RoomState>(f.local({"a"})).at(0).second.participants.size() == 1);
  f.clock.advance(10ms);
  CHECK(f.local({"a", "b"}).empty());
  CHECK(f.local({"a", "b", "c"}).empty());
  CHECK(f.rooms.deadline() == f.clock.now() + 240ms);
  const auto third = sent<proto::RoomState>(f.rooms.tick(f.clock.advance(240ms)));
  REQUIRE(third.size() == 1);
  CHECK(third[0].second.participants.size() == 3);
  CHECK(f.rooms.tick(f.clock.advance(10s - 1ns)).empty());
  CHECK(sent<proto::RoomState>(f.rooms.tick(f.clock.advance(1ns))).size() == 1);
}

TEST_CASE("a room that is not configured is not kept, passed on or answered", "[federation][V-74]") {
  Fixture f;
  for (const std::uint8_t name : std::initializer_list<std::uint8_t>{1, 2}) (void)f.up(name);
  (void)f.up(3, Kind::Reference);
  auto other = state(1, {0, 1}, 1, {"x"});
  other.room = "private";
  CHECK(f.hear(1, other) == declined("room-not-global"));
  CHECK(f.hear(3, proto::GlobalRoomInactive{"private"}) == declined("room-not-global"));
}

TEST_CASE("people get the label of the relay they are on, once", "[federation][H-30]") {
  Fixture f;
  for (const std::uint8_t name : std::initializer_list<std::uint8_t>{1, 2}) (void)f.up(name);
  (void)f.map.handle(some_relay(1), {to_string(some_relay(1)), 0, 1, 1, {to_string(some_relay(5))}}, f.clock.now());
  auto list = state(1, {0, 1}, 1, {"a", "b"});
  list.participants[1].relay_label = "true-relay";
  const auto passed = sent<proto::RoomState>(f.hear(1, list));
  REQUIRE(passed.size() == 1);
  CHECK(passed[0].first == some_relay(2));
  CHECK(passed[0].second.hops == 2);
  CHECK(passed[0].second.participants[0].relay_label == "relay-1");
  CHECK(passed[0].second.participants[1].relay_label == "true-relay");
  CHECK(f.rooms.members("lobby") == std::set{some_relay(1)});
  CHECK(f.rooms.passers("lobby") == std::set{some_relay(1), some_relay(5)});
}

TEST_CASE("who cannot be reached any more is not shown, and silence ends after 30 s", "[federation][V-40][V-41]") {
  Fixture f;
  (void)f.up(1);
  CHECK(has<RoomChanged>(f.hear(1, state(1, {0, 1}, 1, {"a"}))));
  CHECK(f.rooms.remote("lobby").size() == 1);
  SECTION("a refresh keeps it") {
    for (int i = 0; i < 6; ++i) {
      f.clock.advance(10s);
      CHECK_FALSE(has<RoomChanged>(f.hear(1, state(1, {0, 2U + static_cast<unsigned>(i)}, 1, {"a"}))));
      CHECK_FALSE(has<RoomChanged>(f.rooms.tick(f.clock.now())));
    }
    CHECK(f.rooms.remote("lobby").size() == 1);
  }
  SECTION("silence ends it") {
    CHECK(has<RoomChanged>(f.rooms.tick(f.clock.advance(30s))));
    CHECK(f.rooms.remote("lobby").empty());
  }
  SECTION("a lost link ends it at once, and only a new word brings it back") {
    (void)f.map.link_down(some_relay(1), f.clock.now());
    CHECK(has<RoomChanged>(f.rooms.link_down(some_relay(1), f.map, f.clock.now())));
    CHECK(f.rooms.remote("lobby").empty());
    const auto again = sent<proto::RoomState>(f.up(1));
    CHECK(f.rooms.remote("lobby").empty());
    // It hears of its former life, to overtake it.
    CHECK(
        std::ranges::any_of(again, [](const auto& s) { return s.second.origin_relay_fp == to_string(some_relay(1)); }));
    CHECK(has<RoomChanged>(f.hear(1, state(1, {0, 1}, 1, {"b"}))));
    CHECK(f.rooms.remote("lobby").at(0).participants.at(0).fingerprint == "b");
  }
}

TEST_CASE("an old word about who cannot be reached replaces nothing, and who said it is told better",
          "[federation][V-40]") {
  Fixture f;
  (void)f.up(1);
  (void)f.up(2);
  const auto map = [&](std::uint8_t origin, std::uint64_t seq, std::uint8_t hops, const std::vector<int>& links) {
    proto::RelayState said{to_string(some_relay(origin)), 0, seq, hops, {}};
    for (const auto link : links) said.neighbours.push_back(to_string(some_relay(static_cast<std::uint8_t>(link))));
    (void)f.map.handle(some_relay(1), said, f.clock.now());
    return f.rooms.map_changed(f.map, f.clock.now());
  };
  const auto people = [&] {
    const auto found = f.rooms.remote("lobby");
    const auto nine = std::ranges::find(found, some_relay(9), &RoomDirectory::Remote::origin);
    return nine == found.end() ? "" : nine->participants.at(0).fingerprint;
  };
  (void)f.hear(1, state(1, {0, 1}, 1, {}));
  (void)map(1, 1, 1, {5, 9});
  (void)map(9, 1, 2, {1});
  (void)f.hear(1, state(9, {0, 5}, 2, {"new"}));
  REQUIRE(people() == "new");
  (void)map(1, 2, 1, {5});
  REQUIRE(people().empty());
  const auto reply = sent<proto::RoomState>(f.hear(2, state(9, {0, 3}, 3, {"old"})));
  REQUIRE(reply.size() == 1);
  CHECK(reply[0].first == some_relay(2));
  CHECK(reply[0].second.seq == 5);
  f.clock.advance(400ms);
  CHECK(has<RoomChanged>(map(1, 3, 1, {5, 9})));
  CHECK(people() == "new");
}

TEST_CASE("a word that came before the way was known is passed on when it is", "[federation][V-40]") {
  Fixture f;
  (void)f.up(1);
  (void)f.up(2);
  (void)f.hear(1, state(1, {0, 1}, 1, {}));
  CHECK(f.hear(1, state(9, {0, 5}, 2, {"a"})).empty());
  const auto say = [&](std::uint8_t origin, std::uint8_t hops, std::vector<std::string> links) {
    (void)f.map.handle(some_relay(1), {to_string(some_relay(origin)), 0, 1, hops, std::move(links)}, f.clock.now());
  };
  say(1, 1, {to_string(some_relay(5)), to_string(some_relay(9))});
  say(9, 2, {to_string(some_relay(1))});
  const auto now = f.rooms.map_changed(f.map, f.clock.now());
  CHECK(has<RoomChanged>(now));
  const auto passed = sent<proto::RoomState>(now);
  REQUIRE(passed.size() == 1);
  CHECK(passed[0].first == some_relay(2));
  CHECK(passed[0].second.origin_relay_fp == to_string(some_relay(9)));
}

TEST_CASE("a hub lets reference relays at both sides list each other", "[federation][H-30][H-31][V-72]") {
  Fixture f;
  (void)f.up(1, Kind::Reference);
  (void)f.up(3, Kind::Reference);
  (void)f.up(2);
  f.clock.advance(1s);
  const auto out = f.hear(1, plain(crypto::hashed_room_name("lobby"), {"a"}));
  const auto told = sent<proto::GlobalRoomActive>(out);
  REQUIRE(told.size() == 1);
  CHECK(told[0] == std::pair{some_relay(3), plain("lobby", {"a"}, "relay-1")});
  const auto stated = sent<proto::RoomState>(out);
  REQUIRE(stated.size() == 1);
  CHECK(stated[0].second.participants.at(0).relay_label == "relay-1");
  CHECK(f.rooms.members("lobby") == std::set{some_relay(5)});
  SECTION("the same again is told to nobody") {
    f.clock.advance(1s);
    CHECK(f.hear(1, plain("lobby", {"a"})).empty());
  }
  SECTION("what it sends on is not told further") {
    f.clock.advance(1s);
    const auto echo = f.hear(3, plain("lobby", {"a", "z"}, "somewhere"));
    CHECK(sent<proto::GlobalRoomActive>(echo).empty());
    CHECK(sent<proto::RoomState>(echo).empty());
    const auto remote = f.rooms.remote("lobby");
    REQUIRE(remote.size() == 2);
    CHECK(remote[1].participants.size() == 1);  // "z"; "a" is known from its own relay
  }
  SECTION("the last leave ends it everywhere") {
    f.clock.advance(1s);
    CHECK(sent<proto::GlobalRoomInactive>(f.hear(1, proto::GlobalRoomInactive{"lobby"})).size() == 1);
    CHECK(f.rooms.members("lobby").empty());
  }
}

TEST_CASE("lies and nonsense about rooms are dropped", "[federation]") {
  Fixture f;
  (void)f.up(1);
  (void)f.up(2, Kind::MediaV2, false);
  CHECK(f.hear(2, state(1, {0, 1}, 2, {})) == declined("not-a-delegate"));
  CHECK(f.hear(1, state(3, {kMaxEpochJump + 1, 1}, 2, {})) == dropped("epoch-jump"));
  CHECK(f.hear(1, state(3, {0, 1}, 2, std::vector<std::string>(257, "x"))) == dropped("too-many-participants"));
  CHECK(f.hear(1, state(3, {0, 1}, 2, {std::string(129, 'x')})) == dropped("text-too-long"));
  CHECK(f.hear(1, state(3, {0, 1}, 1, {})) == dropped("hops"));
  CHECK(f.hear(1, plain("lobby", {"a"})) == declined("unknown-neighbour"));
}

}  // namespace wzp::federation
