#include "wzp/federation/shares.hpp"

#include <catch2/catch_test_macros.hpp>

#include "gossip_net.hpp"
#include "wzp/federation/room_directory.hpp"
#include "wzp/federation/user_directory.hpp"

// A neighbour that speaks for others may invent as many as it likes. It fills what is free, and takes nothing from
// other neighbours.

namespace wzp::federation {
namespace {

constexpr std::uint8_t kOwn = 5;
constexpr std::uint8_t kLiar = 1;
constexpr std::uint8_t kHonest = 2;
constexpr std::uint8_t kInvented = 100;  ///< the first of many
constexpr std::uint8_t kTrue = 200;

proto::RelayState statement(std::uint8_t origin, const std::vector<std::uint8_t>& neighbours, std::uint8_t hops) {
  proto::RelayState state{to_string(some_relay(origin)), 1, 1, hops, {}};
  for (const auto name : neighbours) state.neighbours.push_back(to_string(some_relay(name)));
  return state;
}

bool is_refused(const GossipActions& actions, std::string_view why) {
  for (const auto& action : actions) {
    const auto* dropped = std::get_if<Dropped>(&action);
    if (dropped != nullptr && dropped->reason == why) return true;
  }
  return false;
}

struct Fixture {
  Fixture() {
    for (const auto name : {kLiar, kHonest}) (void)map.link_up(some_relay(name), true, clock.now());
  }
  /// `count` relays behind this neighbour, the first of them called `first`.
  void bring(std::uint8_t neighbour, std::uint8_t first, std::uint8_t count) {
    std::vector<std::uint8_t> behind{kOwn};
    for (std::uint8_t i = 0; i < count; ++i) behind.push_back(static_cast<std::uint8_t>(first + i));
    (void)map.handle(some_relay(neighbour), statement(neighbour, behind, 1), clock.now());
    for (std::uint8_t i = 0; i < count; ++i) {
      const auto name = static_cast<std::uint8_t>(first + i);
      (void)map.handle(some_relay(neighbour), statement(name, {neighbour}, 2), clock.now());
    }
  }
  [[nodiscard]] std::size_t known(std::uint8_t first) const {
    return static_cast<std::size_t>(std::ranges::count_if(map.relays(), [&](const RelayFingerprint& relay) {
      return relay.bytes[0] >= first && relay.bytes[0] < first + 50;
    }));
  }

  sim::SimClock clock;
  RelayMap map{{.own = some_relay(kOwn), .max_relays = 12}};
};

}  // namespace

TEST_CASE("whoever has brought the most gives way, to whoever then has not more", "[federation]") {
  Shares shares;
  CHECK_FALSE(shares.who_gives_way(some_relay(1), 1));
  shares.add(some_relay(1), 3);
  shares.add(some_relay(2), 5);
  shares.add(some_relay(2), 1);
  CHECK(shares.who_gives_way(some_relay(1), 1) == some_relay(2));
  CHECK(shares.who_gives_way(some_relay(1), 2) == some_relay(2));
  CHECK_FALSE(shares.who_gives_way(some_relay(1), 3));  // else they would take it from each other in turn
  CHECK(shares.who_gives_way(some_relay(3), 5) == some_relay(2));
  CHECK_FALSE(shares.who_gives_way(some_relay(2), 1));
}

TEST_CASE("invented relays keep no true ones off the map", "[federation][V-27]") {
  Fixture f;
  f.bring(kLiar, kInvented, 40);
  CHECK(f.known(kInvented) > 5);
  f.bring(kHonest, kTrue, 5);
  CHECK(f.known(kTrue) == 5);
  f.bring(kLiar, kInvented, 40);
  CHECK(f.known(kTrue) == 5);
  CHECK(f.map.reachable(some_relay(kLiar)));
}

TEST_CASE("invented relays keep no true ones out of a room, nor invented people true ones", "[federation][V-27]") {
  Fixture f;
  RoomDirectory rooms{{.own = some_relay(kOwn), .rooms = {"tea", "milk"}, .max_origins = 4, .max_brought = 300}};
  for (const auto name : {kLiar, kHonest}) {
    (void)rooms.link_up(some_relay(name), {RoomDirectory::Kind::MediaV2, true, "x"}, f.map, f.clock.now());
  }
  const auto say = [&](std::uint8_t from, std::uint8_t origin, std::size_t people, const char* room = "tea") {
    proto::RoomState state{to_string(some_relay(origin)), 1, 1, std::uint8_t(from == origin ? 1 : 2), room, {}, {}};
    state.participants.resize(people);
    return rooms.handle(some_relay(from), state, f.map, f.clock.now());
  };
  SECTION("relays") {
    for (std::uint8_t i = 0; i < 4; ++i) CHECK_FALSE(is_refused(say(kLiar, kInvented + i, 0), "too-many-origins"));
    CHECK(is_refused(say(kLiar, kInvented + 4, 0), "too-many-origins"));
    for (std::uint8_t i = 0; i < 2; ++i) CHECK_FALSE(is_refused(say(kHonest, kTrue + i, 0), "too-many-origins"));
    CHECK(is_refused(say(kLiar, kInvented + 5, 0), "too-many-origins"));
  }
  SECTION("people, in all rooms together") {
    CHECK_FALSE(is_refused(say(kLiar, kInvented, 200), "too-many-people"));
    CHECK(is_refused(say(kLiar, kInvented + 1, 200, "milk"), "too-many-people"));
    CHECK_FALSE(is_refused(say(kLiar, kInvented + 1, 100, "milk"), "too-many-people"));
    CHECK_FALSE(is_refused(say(kHonest, kTrue, 200), "too-many-people"));
    f.clock.advance(std::chrono::seconds{30});
    (void)rooms.tick(f.clock.now());  // what is forgotten counts no more
    CHECK_FALSE(is_refused(say(kLiar, kInvented + 1, 200, "milk"), "too-many-people"));
  }
}

TEST_CASE("invented relays keep no list of true people out", "[federation][V-27]") {
  Fixture f;
  UserDirectory users{{.own = some_relay(kOwn), .max_origins = 4, .max_total = 40}};
  for (const auto name : {kLiar, kHonest}) (void)users.link_up(some_relay(name), true, f.map, f.clock.now());
  const auto give = [&](std::uint8_t from, std::uint8_t origin, std::size_t people) {
    proto::UserState state{.origin_relay_fp = to_string(some_relay(origin)),
                           .epoch = 1,
                           .version = 1,
                           .hops = 2,
                           .salt = std::string(32, '0'),
                           .part = 0,
                           .parts = 1,
                           .add = {},
                           .remove = {}};
    for (std::size_t i = 0; i < people; ++i) state.add += "00000000000000" + std::to_string(10 + i);
    return users.handle(some_relay(from), state, f.clock.now());
  };
  SECTION("relays") {
    for (std::uint8_t i = 0; i < 4; ++i) CHECK_FALSE(is_refused(give(kLiar, kInvented + i, 1), "too-many-origins"));
    CHECK(is_refused(give(kLiar, kInvented + 4, 1), "too-many-origins"));
    for (std::uint8_t i = 0; i < 2; ++i) CHECK_FALSE(is_refused(give(kHonest, kTrue + i, 1), "too-many-origins"));
    CHECK(is_refused(give(kLiar, kInvented + 5, 1), "too-many-origins"));
  }
  SECTION("people") {
    for (std::uint8_t i = 0; i < 2; ++i) CHECK_FALSE(is_refused(give(kLiar, kInvented + i, 20), "user-table-full"));
    CHECK(is_refused(give(kLiar, kInvented + 2, 1), "user-table-full"));
    CHECK_FALSE(is_refused(give(kHonest, kTrue, 15), "user-table-full"));
    CHECK(users.total() == 35);
  }
}

}  // namespace wzp::federation
