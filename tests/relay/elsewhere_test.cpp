#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "mesh.hpp"

using namespace std::chrono_literals;

// Somebody who is registered at two relays, because the phone at one of them is gone without a word, or because there are
// two phones.

namespace wzp::test {

using proto::HangupReason;

namespace {

/// Bob was on one relay, and is on another one now.
struct Moved {
  Moved(int relays, std::size_t before, std::size_t after, bool is_dead)
      : mesh{relays, Mesh::line(relays)}, old{mesh.bench, before, 120}, bob{mesh.bench, after, 120} {
    old.end().is_dead = is_dead;
    mesh.bench.run_for(1s);
  }
  void call(Phone& alice) { alice.send(alice.offer(bob.fp(), "c1")); }

  Mesh mesh;
  Phone old;
  Phone bob;
};

}  // namespace

TEST_CASE("who has left a dead phone behind is called where he is", "[relay][route]") {
  // Alice is with the dead phone, with the new one, beyond the dead one, beyond the new one.
  const auto [relays, before, after, caller] = GENERATE(table<int, std::size_t, std::size_t, std::size_t>(
      {{2, 0, 1, 0}, {2, 0, 1, 1}, {3, 1, 2, 0}, {3, 1, 0, 0}, {4, 1, 3, 0}, {4, 0, 2, 1}}));
  Moved net{relays, before, after, true};
  Phone alice{net.mesh.bench, caller, 100};
  net.call(alice);
  net.mesh.bench.run_for(1s);
  REQUIRE(net.bob.take<proto::DirectCallOffer>());
  REQUIRE(alice.take<proto::CallRinging>());
  net.bob.send(net.bob.accept("c1"));
  net.mesh.bench.run_for(1100ms);
  CHECK(alice.take<proto::DirectCallAnswer>());
  CHECK(alice.take<proto::CallSetup>());
  CHECK(net.bob.take<proto::CallSetup>());
  CHECK(alice.heard_nothing());
}

TEST_CASE("a phone that wakes up later is told that the call is elsewhere, and keeps its registration",
          "[relay][route]") {
  Moved net{2, 0, 1, true};
  Phone alice{net.mesh.bench, 0, 100};
  net.call(alice);
  net.mesh.bench.run_for(2s);
  CHECK(net.old.take<proto::DirectCallOffer>());
  CHECK(net.old.take<proto::Hangup>() == proto::Hangup{HangupReason::Normal, "c1"});
  CHECK_FALSE(net.old.end().closed);
  CHECK(net.mesh.bench.core(0).clients().size() == 2);
}

TEST_CASE("who comes back to the same relay while the dead phone is checked on is rung there", "[relay][route]") {
  Moved net{2, 0, 1, true};
  Phone alice{net.mesh.bench, 0, 100};
  net.call(alice);
  net.mesh.bench.run_for(300ms);
  Phone again{net.mesh.bench, 0, 120};
  net.mesh.bench.run_for(100ms);
  CHECK(again.take<proto::DirectCallOffer>());
  CHECK(alice.take<proto::CallRinging>());
  net.mesh.bench.run_for(3s);
  CHECK(net.mesh.is_live(0, "c1"));
  CHECK(net.bob.heard_nothing());
}

TEST_CASE("an offer that nobody takes any more leaves nothing behind", "[relay][route]") {
  Moved net{3, 1, 2, true};
  Phone alice{net.mesh.bench, 0, 100};
  net.call(alice);
  net.mesh.bench.run_for(100ms);
  net.mesh.bench.cut(1, 2);
  net.mesh.bench.run_for(2s);
  CHECK(hears_hangup(alice, "c1", HangupReason::Error));
  CHECK(net.mesh.bench.packets(1).rooms() == 0);
  CHECK(net.mesh.bench.packets(0).rooms() == 0);
}

TEST_CASE("of two living phones one rings, and nobody loses a registration", "[relay][route]") {
  Moved net{2, 0, 1, false};
  Phone alice{net.mesh.bench, 0, 100};
  net.call(alice);
  net.mesh.bench.run_for(2s);
  CHECK(alice.take<proto::CallRinging>());
  CHECK(net.old.take<proto::DirectCallOffer>());
  CHECK(net.mesh.bench.core(0).clients().size() == 2);
  CHECK(net.mesh.bench.core(1).clients().size() == 1);
}

TEST_CASE("a relay's word about somebody makes nobody else wait or check", "[relay][route]") {
  Mesh mesh{2, Mesh::line(2)};
  Phone alice{mesh.bench, 0, 100};
  Phone bob{mesh.bench, 0, 120};
  Phone carol{mesh.bench, 1, 130};
  mesh.bench.run_for(1s);
  bob.end().is_dead = true;
  alice.send(alice.offer(bob.fp(), "c1"));
  CHECK(alice.take<proto::CallRinging>());  // at once: nobody else claims to have him
}

TEST_CASE("a call to somebody whose two phones are both dead ends", "[relay][route]") {
  Moved net{2, 0, 1, true};
  net.bob.end().is_dead = true;
  Phone alice{net.mesh.bench, std::size_t(GENERATE(0, 1)), 100};
  net.call(alice);
  net.mesh.bench.run_for(3s);
  // Once one is known to be dead, nobody doubts the other: that takes the idle time-out.
  net.old.lose();
  net.bob.lose();
  net.mesh.bench.run_for(3s);
  (void)alice.take<proto::CallRinging>();
  CHECK(hears_hangup(alice, "c1", HangupReason::Error));
  CHECK_FALSE(net.mesh.is_live(0, "c1"));
  CHECK_FALSE(net.mesh.is_live(1, "c1"));
}

TEST_CASE("who cancels while a dead phone is checked on rings nobody", "[relay][route]") {
  Moved net{2, 0, 1, true};
  Phone alice{net.mesh.bench, 0, 100};
  net.call(alice);
  net.mesh.bench.run_for(300ms);
  alice.send(hangup("c1"));
  net.mesh.bench.run_for(3s);
  CHECK(net.bob.heard_nothing());
  CHECK_FALSE(net.mesh.is_live(0, "c1"));
}

}  // namespace wzp::test
