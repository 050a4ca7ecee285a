#include <catch2/catch_test_macros.hpp>
#include <cstdio>

#include "gossip_net.hpp"

using namespace std::chrono_literals;

namespace wzp::federation {
namespace {

Fingerprint some_user(std::uint64_t n) {
  Fingerprint fp;
  store_be64(fp.bytes.data(), n);
  return fp;
}

void mesh(GossipNet& net) {
  for (std::uint8_t a = 1; a <= net.count(); ++a) {
    for (std::uint8_t b = static_cast<std::uint8_t>(a + 1); b <= net.count(); ++b) net.up(a, b);
  }
}

}  // namespace

TEST_CASE("a quiet mesh says refreshes and nothing else", "[federation][sim][V-36]") {
  GossipNet net{5, {}};
  mesh(net);
  net.run_for(5s);
  net.messages.clear();
  net.run_for(300s);
  // 20 ways of a link: every relay to each of its neighbours, nothing passed on.
  CHECK(net.messages["RelayState"] == 20 * 10);
  CHECK(net.messages["RoomState"] == 20 * 30);
  CHECK(net.messages["UserDigest"] == 20 * 10);
  CHECK(net.messages["UserState"] == 0);
  net.messages.clear();
  net.set_room(1, "lobby", {"a"});
  net.run_for(1s);
  net.set_room(1, "lobby", {});
  net.run_for(1s);
  const auto said = net.messages["RoomState"];
  CHECK(said >= 8);       // one join and one leave over four links
  CHECK(said <= 8 + 20);  // and at most one refresh of everybody
  for (std::uint8_t name = 2; name <= 5; ++name) {
    for (const auto& remote : net.node(name).rooms.remote("lobby")) CHECK(remote.participants.empty());
  }
}

TEST_CASE("a user who moves is found at the new relay only, within 1 s", "[federation][sim]") {
  GossipNet net{4, {}};
  for (std::uint8_t name = 1; name < 4; ++name) net.up(name, static_cast<std::uint8_t>(name + 1));
  net.run_for(1s);
  net.announce(1, some_user(7));
  net.run_for(1s);
  CHECK(net.node(4).users.candidates(some_user(7), net.node(4).map) == std::vector{some_relay(1)});
  net.withdraw(1, some_user(7));
  net.announce(2, some_user(7));
  net.run_for(1s);
  CHECK(net.node(4).users.candidates(some_user(7), net.node(4).map) == std::vector{some_relay(2)});
  CHECK(net.node(1).users.candidates(some_user(7), net.node(1).map) == std::vector{some_relay(2)});
}

TEST_CASE("members of a lost relay vanish within 1 s and never come back", "[federation][sim][V-36][V-40]") {
  GossipNet net{5, {}};
  mesh(net);
  net.set_room(1, "lobby", {"a"});
  net.run_for(1s);
  CHECK(net.node(5).rooms.remote("lobby").size() == 4);
  net.restart(1);  // and its links stay down
  net.run_for(1100ms);
  for (int i = 0; i < 600; ++i) {
    net.run_for(100ms);
    for (std::uint8_t name = 2; name <= 5; ++name) CHECK(net.node(name).rooms.members("lobby").empty());
  }
  for (std::uint8_t name = 2; name <= 5; ++name) net.up(1, name);
  for (int i = 0; i < 600; ++i) {
    net.run_for(1ms);
    for (std::uint8_t name = 2; name <= 5; ++name) CHECK(net.node(name).rooms.members("lobby").empty());
  }
}

TEST_CASE("bytes of routing per second in a mesh of five relays", "[.figures]") {
  for (const std::size_t users : {std::size_t{10}, std::size_t{1000}, std::size_t{100'000}}) {
    for (const bool churn : {false, true}) {
      GossipNet net{5, {}};
      for (std::size_t n = 0; n < users; ++n) net.announce(static_cast<std::uint8_t>(1 + n % 5), some_user(n));
      net.count_bytes = true;
      mesh(net);
      net.run_for(5s);
      std::size_t start = 0;
      for (const auto& [tag, bytes] : net.bytes) start += bytes;
      net.bytes.clear();
      const auto seconds = 120U;
      const auto moves = std::max<std::size_t>(1, users * seconds / 60 / 100);
      for (std::size_t i = 0; i < moves; ++i) {
        if (churn) {
          net.withdraw(static_cast<std::uint8_t>(1 + i % 5), some_user(i));
          net.announce(static_cast<std::uint8_t>(1 + (i + 1) % 5), some_user(i));
        }
        net.run_for(Duration{std::chrono::seconds{seconds}} / moves);
      }
      std::printf("%zu users, %s: start %zu bytes; then per second, all 20 ways of links:", users,
                  churn ? "1 % moving per minute" : "quiet", start);
      for (const auto& [tag, bytes] : net.bytes) std::printf(" %s %zu", tag.c_str(), bytes / seconds);
      std::printf("\n");
    }
  }
}

}  // namespace wzp::federation
