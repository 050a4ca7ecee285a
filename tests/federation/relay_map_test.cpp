#include "wzp/federation/relay_map.hpp"

#include <catch2/catch_test_macros.hpp>

#include "gossip_net.hpp"

using namespace std::chrono_literals;

namespace wzp::federation {
namespace {

proto::RelayState says(std::uint8_t origin, Stamp stamp, std::uint8_t hops, const std::vector<std::uint8_t>& names) {
  proto::RelayState state{to_string(some_relay(origin)), stamp.epoch, stamp.seq, hops, {}};
  for (const auto name : names) state.neighbours.push_back(to_string(some_relay(name)));
  return state;
}

struct Fixture {
  sim::SimClock clock;
  RelayMap map{{.own = some_relay(5)}};
  GossipActions up(std::uint8_t name, bool delegate = true) {
    return map.link_up(some_relay(name), delegate, clock.now());
  }
  GossipActions hear(std::uint8_t from, const proto::RelayState& state) {
    return map.handle(some_relay(from), state, clock.now());
  }
};

}  // namespace

TEST_CASE("our statement goes out at once, then at most every 100 ms, then every 30 s", "[federation]") {
  Fixture f;
  const auto first = sent<proto::RelayState>(f.up(1));
  REQUIRE(first.size() == 1);
  CHECK(first[0].second == says(5, {0, 1}, 1, {1}));
  f.clock.advance(10ms);
  // The new one gets what was said; the change waits.
  CHECK(sent<proto::RelayState>(f.up(2))[0].second == says(5, {0, 1}, 1, {1}));
  CHECK(f.map.deadline() == f.clock.now() + 90ms);
  CHECK(f.map.tick(f.clock.advance(90ms - 1ns)).empty());
  CHECK(sent<proto::RelayState>(f.map.tick(f.clock.advance(1ns))).size() == 2);
  CHECK(f.map.deadline() == f.clock.now() + 30s);
  CHECK(sent<proto::RelayState>(f.map.tick(f.clock.advance(30s))).size() == 2);
}

TEST_CASE("two relays are connected when both name each other", "[federation]") {
  Fixture f;
  (void)f.up(1);
  CHECK_FALSE(f.map.connected(some_relay(5), some_relay(1)));
  CHECK(f.map.reachable(some_relay(1)));  // by the link alone
  CHECK(has<MapChanged>(f.hear(1, says(1, {0, 1}, 1, {5, 2}))));
  CHECK(f.map.connected(some_relay(5), some_relay(1)));
  CHECK_FALSE(f.map.reachable(some_relay(2)));
  CHECK(has<MapChanged>(f.hear(1, says(2, {0, 1}, 2, {1}))));
  CHECK(f.map.distance(some_relay(2)) == 2U);
  CHECK(f.map.next_hop(some_relay(2)) == some_relay(1));
  SECTION("a refresh changes nothing") { CHECK_FALSE(has<MapChanged>(f.hear(1, says(2, {0, 2}, 2, {1})))); }
  SECTION("what is not refreshed is forgotten after 90 s") {
    CHECK(has<MapChanged>(f.map.tick(f.clock.advance(90s))));
    CHECK(f.map.relays() == std::vector{some_relay(1)});
  }
}

TEST_CASE("a newer statement is passed on once, not to those who are connected with its origin", "[federation][V-36]") {
  Fixture f;
  for (const std::uint8_t name : std::initializer_list<std::uint8_t>{1, 2, 3}) (void)f.up(name);
  (void)f.up(4, false);
  (void)f.hear(2, says(2, {0, 1}, 1, {1}));
  const auto passed = sent<proto::RelayState>(f.hear(1, says(1, {0, 1}, 1, {2, 5})));
  REQUIRE(passed.size() == 1);
  CHECK(passed[0] == std::pair{some_relay(3), says(1, {0, 1}, 2, {2, 5})});
  CHECK(f.hear(3, says(1, {0, 1}, 3, {2, 5})).empty());
  SECTION("when the connection is lost, the one that was spared is told") {
    const auto resent = sent<proto::RelayState>(f.hear(2, says(2, {0, 2}, 1, {})));
    CHECK(std::ranges::count(resent, std::pair{some_relay(2), says(1, {0, 1}, 2, {2, 5})}) == 1);
  }
}

TEST_CASE("a relay that restarted overtakes its former life", "[federation]") {
  Fixture f;
  (void)f.up(1);
  CHECK(f.hear(1, says(5, {0, 1}, 2, {1})).empty());  // that is what we said
  f.clock.advance(1s);
  const auto anew = sent<proto::RelayState>(f.hear(1, says(5, {7, 90}, 2, {1, 2})));
  REQUIRE(anew.size() == 1);
  CHECK(anew[0].second == says(5, {8, 1}, 1, {1}));
  CHECK(f.hear(1, says(5, {7, 95}, 2, {1})).empty());
}

TEST_CASE("lies and nonsense about the map are dropped", "[federation]") {
  Fixture f;
  (void)f.up(1);
  (void)f.up(2, false);
  CHECK(f.hear(3, says(3, {0, 1}, 1, {})) == declined("unknown-neighbour"));
  CHECK(f.hear(2, says(1, {0, 1}, 2, {})) == declined("not-a-delegate"));
  CHECK(f.hear(2, says(5, {9, 1}, 2, {})) == declined("not-a-delegate"));
  CHECK(f.hear(2, says(2, {0, 1}, 2, {})) == dropped("hops"));
  CHECK(f.hear(1, says(3, {0, 1}, 0, {})) == dropped("hops"));
  CHECK(f.hear(1, says(3, {0, 1}, 9, {})) == dropped("hops"));
  CHECK(f.hear(1, says(3, {kMaxEpochJump + 1, 1}, 2, {})) == dropped("epoch-jump"));
  CHECK(f.hear(1, says(5, {kMaxEpochJump + 1, 1}, 2, {})) == dropped("epoch-jump"));
  CHECK(f.hear(1, says(3, {0, 1}, 2, std::vector<std::uint8_t>(65, 9))) == dropped("too-many-neighbours"));
  auto shouting = says(3, {0, 1}, 2, {});
  shouting.origin_relay_fp = std::string(64, 'A');
  CHECK(f.hear(1, shouting) == dropped("bad-fingerprint"));
  CHECK(f.hear(1, says(3, {0, 1}, 2, {3})) == dropped("bad-fingerprint"));
}

TEST_CASE("strangers fill the map up to its bound, and give way to neighbours", "[federation]") {
  sim::SimClock clock;
  RelayMap map{{.own = some_relay(5), .max_relays = 3}};
  (void)map.link_up(some_relay(1), true, clock.now());
  for (const std::uint8_t name : std::initializer_list<std::uint8_t>{10, 11, 12})
    (void)map.handle(some_relay(1), says(name, {0, 1}, 2, {}), clock.now());
  CHECK(map.handle(some_relay(1), says(13, {0, 1}, 2, {}), clock.now()) == declined("relay-map-full"));
  CHECK_FALSE(has<Dropped>(map.handle(some_relay(1), says(1, {0, 1}, 1, {5}), clock.now())));
  CHECK(map.connected(some_relay(1), some_relay(5)));
}

TEST_CASE("a member behind a link that is no delegate stands apart from the tree", "[federation]") {
  Fixture f;
  (void)f.up(1);
  (void)f.up(2, false);
  (void)f.hear(1, says(1, {0, 1}, 1, {5}));
  const std::set all{some_relay(1), some_relay(2), some_relay(5)};
  CHECK(f.map.tree_neighbours(all, all) == std::vector{some_relay(1)});
  CHECK(f.map.apart_neighbours(all, all) == std::vector{some_relay(2)});
}

}  // namespace wzp::federation
