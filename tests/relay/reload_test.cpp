#include <catch2/catch_test_macros.hpp>

#include "mesh.hpp"

using namespace std::chrono_literals;

namespace wzp::test {
namespace {

relay::Reload lists_of(const relay::Config& config) {
  return {config.peers, config.trusted, config.global_rooms, config.rooms};
}

}  // namespace

TEST_CASE("a relay that is named no more loses its link, and the calls over it end", "[relay][reload]") {
  Mesh mesh{3, Mesh::line(3)};
  Phone alice{mesh.bench, 0, 100};
  Phone bob{mesh.bench, 1, 110};
  Phone carol{mesh.bench, 2, 120};
  mesh.bench.run_for(1s);
  alice.send(alice.offer(bob.fp(), "ab"));
  mesh.bench.run_for(1s);
  bob.send(bob.accept("ab"));
  carol.send(carol.offer(bob.fp(), "cb"));
  mesh.bench.run_for(1s);
  bob.send(bob.accept("cb"));
  mesh.bench.run_for(2s);
  for (auto* p : {&alice, &bob, &carol}) p->forget();
  auto lists = lists_of(mesh.bench.config(1));
  lists.trusted.clear();  // relay 1 trusts relay 0, and dials relay 2
  mesh.bench.reload(1, lists);
  mesh.bench.run_for(1s);
  CHECK(mesh.bench.connections_between(0, 1) == 0);
  CHECK(mesh.bench.connections_between(1, 2) == 1);
  CHECK(hears_hangup(alice, "ab", proto::HangupReason::Error));
  CHECK(hears_hangup(bob, "ab", proto::HangupReason::Error));
  CHECK(carol.heard_nothing());
  CHECK(mesh.is_live(2, "cb"));
  mesh.bench.run_for(60s);
  CHECK(mesh.bench.connections_between(0, 1) == 0);
}

TEST_CASE("a relay that is named anew is dialled at once", "[relay][reload]") {
  Mesh mesh{2, {}};
  auto far = lists_of(mesh.bench.config(1));
  far.trusted.push_back(Mesh::trusted(0));
  mesh.bench.reload(1, far);
  auto near = lists_of(mesh.bench.config(0));
  near.peers.push_back(Mesh::peer(1));
  mesh.bench.reload(0, near);
  mesh.bench.run_for(1s);
  CHECK(mesh.bench.connections_between(0, 1) == 1);
}

TEST_CASE("a room that becomes global meets its other half, and parts from it again", "[relay][reload][room]") {
  Mesh mesh{2, Mesh::line(2), [](auto& c) { c.global_rooms = {"other"}; }};
  Member a{mesh.bench, 0, 100, "general"};
  Member b{mesh.bench, 1, 101, "general"};
  mesh.bench.run_for(1s);
  for (std::size_t r = 0; r < 2; ++r) {
    auto lists = lists_of(mesh.bench.config(r));
    lists.global_rooms = {"other", "general"};
    mesh.bench.reload(r, lists);
  }
  mesh.bench.run_for(12s);  // the next refresh
  a.say(1);
  mesh.bench.run_for(50ms);
  CHECK(heard(b.end())[{100, 1}] == 1);
  CHECK(a.listed().size() == 2);
  mesh.bench.reload(1, lists_of(mesh.bench.config(1)));
  mesh.bench.run_for(15s);
  a.say(2);
  mesh.bench.run_for(50ms);
  CHECK(heard(b.end()).empty());
  CHECK(b.listed().size() == 1);
}

TEST_CASE("who is struck off the list of a room is put out", "[relay][reload][room]") {
  RelayBench bench;
  const auto member = [](std::uint8_t name) { return crypto::Identity{RelayBench::seed(name)}.fingerprint(); };
  const auto relay = bench.add_relay(1, [&](auto& c) { c.rooms = {{"board", {member(100), member(101)}}}; });
  Member a{bench, relay, 100, "board"};
  Member b{bench, relay, 101, "board"};
  auto lists = lists_of(bench.config(relay));
  lists.rooms = {{"board", {member(100)}}};
  bench.reload(relay, lists);
  CHECK_FALSE(a.end().closed);
  REQUIRE(b.end().closed);
  CHECK(b.end().closed->code == 0x19);
}

TEST_CASE("a room that is global for a while works all the time, with nobody joining or leaving",
          "[relay][reload][room]") {
  RelayBench bench;
  const auto relay = bench.add_relay(1);
  Member a{bench, relay, 100, "general"};
  Member b{bench, relay, 101, "general"};
  for (const auto& global : {std::vector<std::string>{"general"}, {}, {"general", "other"}, {"other"}}) {
    auto lists = lists_of(bench.config(relay));
    lists.global_rooms = global;
    bench.reload(relay, lists);
    bench.run_for(100ms);
    a.say(1);
    bench.run_for(20ms);
    CHECK(heard(b.end())[{100, 1}] == 1);
    CHECK(bench.packets(relay).rooms() == 1);
  }
}

TEST_CASE("a room that is listed twice becomes private all the same", "[relay][reload][room]") {
  RelayBench bench;
  const auto relay = bench.add_relay(1);
  Member a{bench, relay, 100, "general"};
  auto lists = lists_of(bench.config(relay));
  lists.rooms = {{"general", {}}, {"general", {}}};
  bench.reload(relay, lists);
  REQUIRE(a.end().closed);
  CHECK(a.end().closed->code == 0x19);
}

TEST_CASE("a peer that refused us is dialled at once when the lists are read again", "[relay][reload]") {
  Mesh mesh{2, {}};
  auto near = lists_of(mesh.bench.config(0));
  near.peers.push_back(Mesh::peer(1));
  mesh.bench.reload(0, near);  // and relay 1 does not know relay 0
  mesh.bench.run_for(5s);
  auto far = lists_of(mesh.bench.config(1));
  far.trusted.push_back(Mesh::trusted(0));
  mesh.bench.reload(1, far);
  mesh.bench.run_for(5s);
  CHECK(mesh.bench.connections_between(0, 1) == 0);
  mesh.bench.reload(0, near);
  mesh.bench.run_for(1s);
  CHECK(mesh.bench.connections_between(0, 1) == 1);
}

}  // namespace wzp::test
