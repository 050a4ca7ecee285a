#include "wzp/federation/user_directory.hpp"

#include <catch2/catch_test_macros.hpp>

#include "gossip_net.hpp"
#include "wzp/base/hex.hpp"

using namespace std::chrono_literals;

namespace wzp::federation {
namespace {

Fingerprint some_user(std::uint64_t n) {
  Fingerprint fp;
  store_be64(fp.bytes.data(), n);
  return fp;
}

struct Fixture {
  explicit Fixture(UserDirectory::Config config = {.own = some_relay(5)}) : users{config} {}
  sim::SimClock clock;
  RelayMap map{{.own = some_relay(5)}};
  UserDirectory users;

  GossipActions up(std::uint8_t name, bool delegate = true) {
    (void)map.link_up(some_relay(name), delegate, clock.now());
    return users.link_up(some_relay(name), delegate, map, clock.now());
  }
  template <class T>
  GossipActions hear(std::uint8_t from, const T& message) {
    return users.handle(some_relay(from), message, clock.now());
  }
};

/// What relay `name` tells relay 5 when a link comes up.
proto::UserState snapshot(std::uint8_t name, const std::vector<std::uint64_t>& people) {
  Fixture f{{.own = some_relay(name)}};
  for (const auto person : people) (void)f.users.announce(some_user(person), f.clock.now());
  return sent<proto::UserState>(f.up(5)).at(0).second;
}

}  // namespace

TEST_CASE("users are found at the relay that announced them", "[federation][V-38]") {
  Fixture f;
  (void)f.up(1);
  CHECK(f.users.candidates(some_user(7), f.map).empty());
  (void)f.hear(1, snapshot(1, {7, 8}));
  CHECK(f.users.candidates(some_user(7), f.map) == std::vector{some_relay(1)});
  CHECK(f.users.candidates(some_user(9), f.map).empty());
  (void)f.map.link_down(some_relay(1), f.clock.now());
  CHECK(f.users.candidates(some_user(7), f.map).empty());
}

TEST_CASE("a list that nothing is heard of is forgotten after 90 s", "[federation]") {
  Fixture f;
  (void)f.up(1);
  (void)f.hear(1, snapshot(1, {7}));
  f.clock.advance(90s - 1ns);
  (void)f.users.tick(f.clock.now());
  CHECK(f.users.total() == 1);
  (void)f.users.tick(f.clock.advance(1ns));
  CHECK(f.users.total() == 0);
}

TEST_CASE("changes are told at most every 100 ms, and cancel out", "[federation]") {
  Fixture f;
  (void)f.up(1);
  CHECK(sent<proto::UserState>(f.users.announce(some_user(1), f.clock.now())).size() == 1);
  CHECK(f.users.announce(some_user(2), f.clock.now()).empty());
  CHECK(f.users.announce(some_user(3), f.clock.now()).empty());
  CHECK(f.users.withdraw(some_user(3), f.clock.now()).empty());
  const auto delta = sent<proto::UserState>(f.users.tick(f.clock.advance(100ms)));
  REQUIRE(delta.size() == 1);
  CHECK(delta[0].second.parts == 0);
  CHECK(delta[0].second.add.size() == 16);
  CHECK(delta[0].second.remove.empty());
}

TEST_CASE("who missed a version asks once a second, three times", "[federation]") {
  Fixture f;
  (void)f.up(1);
  auto list = snapshot(1, {7});
  (void)f.hear(1, list);
  auto delta = list;
  delta.parts = 0;
  delta.version += 2;
  CHECK(sent<proto::UserRequest>(f.hear(1, delta)).size() == 1);
  CHECK(f.hear(1, delta).empty());
  CHECK(sent<proto::UserRequest>(f.users.tick(f.clock.advance(1s))).size() == 1);
  SECTION("without an answer it gives up") {
    CHECK(sent<proto::UserRequest>(f.users.tick(f.clock.advance(1s))).size() == 1);
    CHECK(f.users.tick(f.clock.advance(1s)).empty());
  }
  SECTION("a snapshot ends it") {
    list.version = delta.version;
    (void)f.hear(1, list);
    CHECK(f.users.tick(f.clock.advance(1s)).empty());
  }
}

TEST_CASE("our own words that come back the long way do not make anybody far away", "[federation]") {
  Fixture f;
  (void)f.up(1);
  (void)f.hear(1, snapshot(1, {7}));
  const auto about_1 = [](const auto& out) { return out.second.origin_relay_fp == to_string(some_relay(1)); };
  const auto said = sent<proto::UserDigest>(f.up(3));
  const auto found = std::ranges::find_if(said, about_1);
  REQUIRE(found != said.end());
  auto echo = found->second;
  echo.hops = UserDirectory::kMaxDistance;
  f.clock.advance(16s);
  (void)f.hear(3, echo);
  CHECK(std::ranges::any_of(sent<proto::UserDigest>(f.up(4)), about_1));
}

TEST_CASE("who cannot give a list is not asked for it again and again", "[federation]") {
  Fixture f;
  (void)f.up(1);
  (void)f.up(2);
  const auto list = snapshot(1, {7});
  proto::UserDigest digest{to_string(some_relay(1)), list.epoch, list.version, 2, 1, list.add};
  const auto asks = [](const GossipActions& actions) {
    const auto out = sent<proto::UserRequest>(actions);
    return out.size() == 1 ? out[0].first : RelayFingerprint{};
  };
  CHECK(asks(f.hear(2, digest)) == some_relay(2));
  CHECK(asks(f.users.tick(f.clock.advance(1s))) == some_relay(1));  // the way there
}

TEST_CASE("a long list goes in parts, and only when asked for", "[federation]") {
  Fixture f;
  for (std::uint64_t n = 0; n < UserDirectory::kMaxPart + 1; ++n) (void)f.users.announce(some_user(n), f.clock.now());
  const auto greeting = f.up(1, false);
  CHECK(sent<proto::UserState>(greeting).empty());
  CHECK(sent<proto::UserDigest>(greeting).size() == 1);
  const proto::UserRequest request{to_string(some_relay(5))};
  const auto parts = sent<proto::UserState>(f.hear(1, request));
  REQUIRE(parts.size() == 2);
  CHECK(f.hear(1, request) == dropped("request-too-soon"));
  Fixture other{{.own = some_relay(1)}};
  (void)other.up(5);
  (void)other.hear(5, parts[0].second);
  CHECK(other.users.candidates(some_user(1), other.map).empty());
  (void)other.hear(5, parts[1].second);
  CHECK(other.users.candidates(some_user(1), other.map) == std::vector{some_relay(5)});
}

TEST_CASE("lies and nonsense about users are dropped, and memory is bounded", "[federation]") {
  Fixture f{{.own = some_relay(5), .max_origins = 2, .max_entries = 4, .max_total = 6}};
  (void)f.up(1);
  (void)f.up(2, false);
  auto list = snapshot(1, {1, 2, 3, 4, 5});
  CHECK(f.hear(1, list) == declined("too-many-users"));
  CHECK(f.users.total() == 0);
  list.hops = 2;
  CHECK(f.hear(2, list) == declined("not-a-delegate"));
  list.origin_relay_fp = to_string(some_relay(9));
  list.add = list.add.substr(0, 64);
  CHECK_FALSE(has<Dropped>(f.hear(1, list)));
  CHECK(f.users.total() == 4);
  list.origin_relay_fp = to_string(some_relay(10));
  CHECK(f.hear(1, list) == declined("too-many-origins"));
  for (auto broken : {&proto::UserState::add, &proto::UserState::salt}) {
    auto bad = list;
    bad.*broken = "xyz";
    CHECK(has<Dropped>(f.hear(1, bad)));
  }
  list.epoch = kMaxEpochJump + 1;
  CHECK(f.hear(1, list) == dropped("epoch-jump"));
  auto parts = snapshot(1, {1});
  parts.parts = 2;
  CHECK(f.hear(1, parts) == dropped("bad-parts"));
}

}  // namespace wzp::federation
