#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include "calls_bench.hpp"

// Parties that disappear, in every state, and come back or not.

using namespace std::chrono_literals;

namespace wzp::test {

using enum proto::HangupReason;
using registry::CallState;

TEST_CASE("a party that is lost before the answer ends the call at once", "[relay][H-04]") {
  OneRelay net;
  net.alice.send(net.alice.offer(net.bob.fp(), "c1"));
  net.alice.forget();
  net.bob.forget();
  const bool caller = GENERATE(false, true);
  auto& gone = caller ? net.alice : net.bob;
  auto& other = caller ? net.bob : net.alice;
  gone.lose();
  CHECK(hears_hangup(other, "c1", Error));
  CHECK_FALSE(net.is_live("c1"));
  SECTION("and hears so when it is back") {
    gone.reconnect();
    CHECK(hears_hangup(gone, "c1", Error));
  }
  SECTION("but not when the call is forgotten") {
    net.bench.run_for(30s);
    gone.reconnect();
    CHECK(gone.heard_nothing());
  }
}

TEST_CASE("an active call waits 15 s for a party that lost its registration", "[relay][timeout][V-12]") {
  OneRelay net;
  REQUIRE(ring_and_answer(net.alice, net.bob, "c1"));
  const bool caller = GENERATE(false, true);
  auto& gone = caller ? net.alice : net.bob;
  auto& other = caller ? net.bob : net.alice;
  gone.lose();
  net.bench.run_for(15s - 1ns);
  CHECK(net.is_live("c1"));
  CHECK(other.heard_nothing());
  SECTION("it does not come back") {
    net.bench.run_for(1ns);
    CHECK(hears_hangup(other, "c1", Error));
    CHECK_FALSE(net.is_live("c1"));
    gone.reconnect();
    CHECK(hears_hangup(gone, "c1", Error));
  }
  SECTION("it comes back in time and can hang up") {
    gone.reconnect();
    net.bench.run_for(1h);
    CHECK(net.is_live("c1"));
    CHECK(other.heard_nothing());
    CHECK(gone.heard_nothing());
    gone.send(hangup("c1"));
    CHECK(hears_hangup(other, "c1", Normal));
  }
  SECTION("the other side hangs up meanwhile, and it hears so when it is back") {
    other.send(hangup("c1"));
    gone.reconnect();
    CHECK(hears_hangup(gone, "c1", Normal));
    gone.lose();
    gone.reconnect();
    CHECK(gone.heard_nothing());
  }
}

TEST_CASE("live direct media, reported by the other party, keeps the call longer", "[relay][timeout]") {
  OneRelay net;
  REQUIRE(ring_and_answer(net.alice, net.bob, "c1"));
  net.bob.lose();
  for (int i = 0; i < 20; ++i) {
    net.bench.run_for(10s);
    net.alice.send(proto::MediaPathReport{"c1", true, "Direct"});
  }
  CHECK(net.is_live("c1"));
  net.bench.run_for(10s);
  net.alice.send(proto::MediaPathReport{"c1", false, "Relay"});
  net.bench.run_for(5s);
  CHECK_FALSE(net.is_live("c1"));
  CHECK(hears_hangup(net.alice, "c1", Error));
}

TEST_CASE("both parties lost: nothing remains", "[relay][timeout]") {
  OneRelay net;
  REQUIRE(ring_and_answer(net.alice, net.bob, "c1"));
  net.alice.lose();
  net.bob.lose();
  net.bench.run_for(15s);
  CHECK_FALSE(net.is_live("c1"));
  net.bench.run_for(30s);
  CHECK_FALSE(net.call("c1"));
  CHECK_FALSE(net.bench.core(net.relay).deadline());
}

TEST_CASE("a call survives a re-registration in every state", "[relay][V-12]") {
  OneRelay net;
  const int steps = GENERATE(range(0, 2));
  const bool caller = GENERATE(false, true);
  net.alice.send(net.alice.offer(net.bob.fp(), "c1"));
  if (steps > 0) net.bob.send(net.bob.accept("c1"));
  net.alice.forget();
  net.bob.forget();
  auto& moved = caller ? net.alice : net.bob;
  moved.reconnect();
  net.bench.run_for(20s);
  REQUIRE(net.is_live("c1"));
  if (steps == 0) net.bob.send(net.bob.accept("c1"));
  if (steps == 0) CHECK(net.bob.take<proto::CallSetup>());
  net.alice.forget();
  net.bob.forget();
  net.alice.send(hangup("c1"));
  CHECK(hears_hangup(net.bob, "c1", Normal));
}

namespace {

/// A whole call, one step after another. Gives false when there is no such step.
bool do_step(int step, Phone& alice, Phone& bob) {
  switch (step) {
    case 0: alice.send(alice.offer(bob.fp(), "c1")); return true;
    case 1: bob.send(bob.accept("c1")); return true;
    case 2: alice.send(proto::MediaPathReport{"c1", true, "Direct"}); return true;
    case 3: bob.send(proto::MediaPathReport{"c1", true, "Direct"}); return true;
    case 4: alice.join("c1"); return true;
    case 5: bob.join("c1"); return true;
    case 6: bob.send(hangup("c1")); return true;
    default: return false;
  }
}

}  // namespace

TEST_CASE("the peer lost after every step leaves nobody in a call", "[relay]") {
  const int last_step = GENERATE(range(0, 7));
  const int who = GENERATE(range(0, 3));  // Alice, Bob, both
  const bool comes_back = GENERATE(false, true);
  INFO("after step " << last_step << " lose " << who << (comes_back ? ", and back" : ""));
  OneRelay net;
  for (int step = 0; step <= last_step; ++step) REQUIRE(do_step(step, net.alice, net.bob));
  if (who != 1) net.alice.lose();
  if (who != 0) net.bob.lose();
  net.bench.run_for(5s);
  if (comes_back) {
    if (who != 1) net.alice.reconnect();
    if (who != 0) net.bob.reconnect();
  }
  net.bench.run_for(10min);
  const bool goes_on = comes_back && last_step >= 1 && last_step <= 5;
  CHECK(net.is_live("c1") == goes_on);
  if (goes_on) {
    net.alice.forget();
    net.bob.forget();
    net.alice.send(hangup("c1"));
    CHECK(hears_hangup(net.bob, "c1", Normal));
  }
  // Whoever is here and was in the call knows that it is over.
  for (auto* phone : {&net.alice, &net.bob}) {
    const bool here = comes_back || who == (phone == &net.alice ? 1 : 0);
    const bool ended_it = goes_on ? phone == &net.alice : last_step == 6 && phone == &net.bob;
    if (!here || ended_it || goes_on) continue;
    bool told = false;
    while (!phone->heard_nothing()) {
      if (const auto h = phone->take<proto::Hangup>()) {
        told = told || h->call_id == "c1";
      } else {
        phone->end().inbox.pop_front();
      }
    }
    CHECK(told);
  }
  net.bench.run_for(1min);
  CHECK(net.bench.core(net.relay).calls().empty());
  CHECK(net.bench.core(net.relay).seats("call-c1").empty());
}

}  // namespace wzp::test
