#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include "calls_bench.hpp"

// Parties, links and relays that disappear while a call crosses them.

using namespace std::chrono_literals;

namespace wzp::test {

using enum proto::HangupReason;
using registry::CallState;

TEST_CASE("without a link an offer for elsewhere fails at once", "[relay][V-70]") {
  TwoRelays net;
  net.bench.cut(net.a, net.b);
  net.alice.send(net.alice.offer(net.bob.fp(), "c1"));
  CHECK(hears_hangup(net.alice, "c1", Error));
  CHECK(net.bob.heard_nothing());
}

TEST_CASE("a lost link ends unanswered calls for both", "[relay]") {
  TwoRelays net;
  net.alice.send(net.alice.offer(net.bob.fp(), "c1"));
  net.alice.forget();
  net.bob.forget();
  net.bench.cut(net.a, net.b);
  CHECK(hears_hangup(net.alice, "c1", Error));
  CHECK(hears_hangup(net.bob, "c1", Error));
  net.bench.heal(net.a, net.b);
  net.bench.run_for(10s);
  CHECK(net.alice.heard_nothing());
  CHECK(net.bob.heard_nothing());
}

TEST_CASE("an answered call outlives its link, and goes on when it is back within 30 s", "[relay][timeout]") {
  TwoRelays net;
  net.alice.send(net.alice.offer(net.bob.fp(), "c1"));
  net.bob.send(net.bob.accept("c1"));
  net.alice.forget();
  net.bob.forget();
  net.bench.run_for(31s);  // so that the next dial is at once
  net.bench.cut(net.a, net.b);
  SECTION("back in time") {
    net.bench.run_for(10s);
    net.bench.heal(net.a, net.b);
    net.bench.run_for(19s);
    REQUIRE(net.bench.connections_between(net.a, net.b) == 1);
    net.bench.run_for(10min);
    CHECK(net.alice.heard_nothing());
    net.alice.send(hangup("c1"));
    CHECK(hears_hangup(net.bob, "c1", Normal));
  }
  SECTION("a short loss") {
    net.bench.heal(net.a, net.b);
    net.bench.run_for(5s);
    REQUIRE(net.bench.connections_between(net.a, net.b) == 1);
    net.bob.send(hangup("c1"));
    CHECK(hears_hangup(net.alice, "c1", Normal));
    CHECK_FALSE(net.is_live(net.a, "c1"));
  }
  SECTION("never back: the parties end it, each on its own") {
    net.bench.run_for(10min);
    CHECK(net.is_live(net.a, "c1"));
    CHECK(net.is_live(net.b, "c1"));
    CHECK(net.alice.heard_nothing());
    net.alice.send(hangup("c1"));
    CHECK_FALSE(net.is_live(net.a, "c1"));
    CHECK(net.is_live(net.b, "c1"));
    net.bob.lose();
    net.bench.run_for(15s);
    CHECK_FALSE(net.is_live(net.b, "c1"));
  }
}

TEST_CASE("who hangs up while the link is away is heard when it is back", "[relay]") {
  TwoRelays net;
  net.alice.send(net.alice.offer(net.bob.fp(), "c1"));
  net.bob.send(net.bob.accept("c1"));
  net.alice.forget();
  net.bob.forget();
  net.bench.run_for(31s);
  net.bench.cut(net.a, net.b);
  const bool by_caller = GENERATE(false, true);
  (by_caller ? net.alice : net.bob).send(hangup("c1"));
  auto& other = by_caller ? net.bob : net.alice;
  CHECK(other.heard_nothing());
  net.bench.heal(net.a, net.b);
  net.bench.run_for(5s);
  CHECK(hears_hangup(other, "c1", Normal));
  for (const auto relay : {net.a, net.b}) CHECK_FALSE(net.is_live(relay, "c1"));
}

TEST_CASE("an answer to a call whose link is gone gives no set-up", "[relay]") {
  TwoRelays net;
  net.alice.send(net.alice.offer(net.bob.fp(), "c1"));
  net.bob.forget();
  net.bench.cut(net.a, net.b);
  CHECK(hears_hangup(net.bob, "c1", Error));
  net.bob.send(net.bob.accept("c1"));
  CHECK(net.bob.heard_nothing());
  CHECK_FALSE(net.is_live(net.b, "c1"));
}

TEST_CASE("a party lost across relays ends the call for the other, in every state", "[relay][V-07]") {
  TwoRelays net;
  const bool answered = GENERATE(false, true);
  const bool caller = GENERATE(false, true);
  net.alice.send(net.alice.offer(net.bob.fp(), "c1"));
  if (answered) net.bob.send(net.bob.accept("c1"));
  net.alice.forget();
  net.bob.forget();
  auto& gone = caller ? net.alice : net.bob;
  auto& other = caller ? net.bob : net.alice;
  gone.lose();
  if (answered) {
    net.bench.run_for(15s - 1ns);
    CHECK(other.heard_nothing());
    net.bench.run_for(1ns);
  }
  CHECK(hears_hangup(other, "c1", Error));
  for (const auto relay : {net.a, net.b}) CHECK_FALSE(net.is_live(relay, "c1"));
  gone.reconnect();
  CHECK(hears_hangup(gone, "c1", Error));
}

TEST_CASE("a relay that restarts has forgotten its calls, and new ones work", "[relay][H-03]") {
  TwoRelays net;
  const bool answered = GENERATE(false, true);
  net.alice.send(net.alice.offer(net.bob.fp(), "c1"));
  if (answered) net.bob.send(net.bob.accept("c1"));
  net.alice.forget();
  net.bench.run_for(31s);
  net.bench.restart(net.b);
  if (!answered) CHECK(hears_hangup(net.alice, "c1", Error));
  net.bench.run_for(2s);
  net.bob.reconnect();
  net.alice.forget();
  net.alice.send(net.alice.offer(net.bob.fp(), "c2"));
  CHECK(net.bob.take<proto::DirectCallOffer>());
  CHECK(net.alice.take<proto::CallRinging>());
}

TEST_CASE("mutual peers keep one link, and calls work one second after any loss", "[relay][V-11]") {
  RelayBench bench;
  const auto a = bench.add_relay(1, [](auto& c) { c.peers = {RelayBench::peer(2)}; });
  const auto b = bench.add_relay(2, [](auto& c) { c.peers = {RelayBench::peer(1)}; });
  bench.run_for(5s);
  REQUIRE(bench.connections_between(a, b) == 1);
  Phone alice{bench, a, 10};
  Phone bob{bench, b, 20};
  for (int round = 0; round < 100; ++round) {
    INFO("round " << round);
    bench.run_for(31s);
    bench.kill(a, b, 0);
    bench.run_for(1s);
    CHECK(bench.connections_between(a, b) == 1);
    auto& from = round % 2 == 0 ? alice : bob;
    auto& to = round % 2 == 0 ? bob : alice;
    CHECK(ring_and_answer(from, to, "c" + std::to_string(round)));
    from.send(hangup("c" + std::to_string(round)));
    CHECK(hears_hangup(to, "c" + std::to_string(round), Normal));
  }
}

TEST_CASE("a relay that dials us again has lost the call with its first link", "[relay][V-11]") {
  TwoRelays net;
  net.alice.send(net.alice.offer(net.bob.fp(), "c1"));
  net.alice.forget();
  net.bob.forget();
  // A's half of the link dies unseen by B; A dials again.
  auto& again = net.bench.open(net.b, "_federation", {.certificate = net.bench.fp(net.a)});
  net.bench.send(again, proto::FederationHello{to_string(net.bench.fp(net.a)), 1, {}, {"call-nack"}});
  CHECK(hears_hangup(net.bob, "c1", Error));
  CHECK_FALSE(net.is_live(net.b, "c1"));
}

namespace {

bool do_step(int step, Phone& alice, Phone& bob) {
  switch (step) {
    case 0: alice.send(alice.offer(bob.fp(), "c1")); return true;
    case 1: bob.send(bob.accept("c1")); return true;
    case 2: alice.send(proto::MediaPathReport{"c1", true, "Direct"}); return true;
    case 3: bob.send(proto::MediaPathReport{"c1", true, "Direct"}); return true;
    case 4: alice.send(hangup("c1")); return true;
    default: return false;
  }
}

}  // namespace

TEST_CASE("anything lost after every step leaves both relays agreeing", "[relay]") {
  enum Lost { Caller, Callee, Link, RelayA, RelayB };
  const int last_step = GENERATE(range(0, 5));
  const auto lost = GENERATE(Caller, Callee, Link, RelayA, RelayB);
  const bool comes_back = GENERATE(false, true);
  const auto delay = GENERATE(Duration{0}, Duration{40ms});
  INFO("after step " << last_step << ", lost " << static_cast<int>(lost) << (comes_back ? ", and back" : ""));
  TwoRelays net;
  net.bench.run_for(31s);
  net.bench.link_delay = delay;
  for (int step = 0; step <= last_step; ++step) {
    REQUIRE(do_step(step, net.alice, net.bob));
    // The last step may still be under way when the loss comes.
    if (step < last_step) net.bench.run_for(200ms);
  }
  switch (lost) {
    case Caller: net.alice.lose(); break;
    case Callee: net.bob.lose(); break;
    case Link: net.bench.cut(net.a, net.b); break;
    case RelayA: net.bench.restart(net.a); break;
    case RelayB: net.bench.restart(net.b); break;
  }
  net.bench.run_for(3s);
  if (comes_back || lost == RelayA || lost == RelayB) {
    if (lost == Caller || lost == RelayA) net.alice.reconnect();
    if (lost == Callee || lost == RelayB) net.bob.reconnect();
    if (lost == Link) net.bench.heal(net.a, net.b);
  }
  net.bench.run_for(10s);
  const bool a_live = net.is_live(net.a, "c1");
  const bool b_live = net.is_live(net.b, "c1");
  // Only an active call may outlive a loss, and it is known to both relays unless one of them has restarted.
  if (a_live) CHECK(net.call(net.a, "c1")->state == CallState::Active);
  if (b_live) CHECK(net.call(net.b, "c1")->state == CallState::Active);
  if (lost == Caller || lost == Callee || (lost == Link && comes_back)) CHECK(a_live == b_live);
  // When everybody has hung up or gone, nothing is left anywhere.
  net.bench.heal(net.a, net.b);
  net.bench.run_for(10min);
  if (a_live) net.alice.send(hangup("c1"));
  net.bench.run_for(1s);
  if (net.is_live(net.b, "c1")) net.bob.send(hangup("c1"));
  net.bench.run_for(1min);
  for (const auto relay : {net.a, net.b}) {
    CHECK(net.bench.core(relay).calls().empty());
    CHECK_FALSE(net.call(relay, "c1"));
  }
}

}  // namespace wzp::test
