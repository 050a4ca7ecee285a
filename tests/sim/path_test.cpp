#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "sim/pair.hpp"

// Which path a call takes behind which NATs.

using namespace wzp;
using namespace wzp::sim;
using namespace std::chrono_literals;
using proto::CallAcceptMode;

TEST_CASE("both behind port-restricted cones on two relays go direct", "[sim][V-64]") {
  AliceAndBob t{{.alice_nat = kPortRestrictedCone, .bob_nat = kPortRestrictedCone}};
  REQUIRE(t.call());
  CHECK(t.until(&AliceAndBob::both_direct, 3s));
  CHECK(t.until(&AliceAndBob::active, 1s));
  t.world.run_for(5s);
  CHECK(t.both_direct());
  CHECK(t.part(0).played.size() > 200);
  CHECK(t.part(1).played.size() > 200);
  t.world.drain();
}

TEST_CASE("both behind symmetric NATs talk through their relay, or the link between their relays", "[sim][H-11]") {
  const int relays = GENERATE(1, 2);
  AliceAndBob t{{.relays = relays, .alice_nat = kSymmetric, .bob_nat = kSymmetric}};
  REQUIRE(t.call());
  REQUIRE(t.until(&AliceAndBob::active, 3s));
  t.world.run_for(10s);
  CHECK(t.active());
  CHECK(t.part(0).path == client::PathKind::Relay);
  CHECK(t.part(1).path == client::PathKind::Relay);
  CHECK(t.world.judge().seen().direct == 0);
  CHECK(t.part(0).played.size() > 450);
  t.world.drain();
}

TEST_CASE("neighbours behind one NAT without hairpin find each other by their private addresses", "[sim][H-07]") {
  const auto nat = GENERATE(kFullCone, kPortRestrictedCone, kSymmetric);
  AliceAndBob t{{.alice_nat = nat, .same_home = true}};
  REQUIRE(t.call());
  CHECK(t.until(&AliceAndBob::both_direct, 3s));
  t.world.run_for(2s);
  CHECK(t.active());
  t.world.drain();
}

TEST_CASE("the table of NAT pairs holds across two relays, and the room helps on one", "[sim]") {
  using Nat = std::optional<NatType>;
  const int relays = GENERATE(1, 2);
  const auto a = GENERATE(values<Nat>({std::nullopt, kFullCone, kRestrictedCone, kPortRestrictedCone, kSymmetric}));
  const auto b = GENERATE(values<Nat>({std::nullopt, kFullCone, kRestrictedCone, kPortRestrictedCone, kSymmetric}));
  const auto name = [](const Nat& nat) { return nat ? to_string(*nat) : "open"; };
  INFO(name(a) << " calls " << name(b) << ", relays: " << relays);
  const bool impossible = (a == kSymmetric && (b == kSymmetric || b == kPortRestrictedCone)) || (b == kSymmetric && a == kPortRestrictedCone);
  AliceAndBob t{{.relays = relays, .alice_nat = a, .bob_nat = b}};
  REQUIRE(t.call());
  if (!impossible) {
    CHECK(t.until(&AliceAndBob::both_direct, 4s));
    CHECK(t.until(&AliceAndBob::active, 1s));
  } else {
    CHECK(t.until(&AliceAndBob::active, 3s));
    t.world.run_for(6s);
    CHECK(t.active());
    CHECK_FALSE(t.both_direct());
  }
  t.world.drain();
}

TEST_CASE("a private answer reveals nobody and goes through the relay", "[sim][V-73]") {
  AliceAndBob t{{.relays = 1, .answer = CallAcceptMode::AcceptGeneric}};
  REQUIRE(t.call());
  REQUIRE(t.until(&AliceAndBob::active, 3s));
  t.world.run_for(5s);
  CHECK(t.part(0).path == client::PathKind::Relay);
  CHECK(t.world.judge().seen().direct == 0);
  t.world.drain();
}

TEST_CASE("a phone that must not show its addresses is reached through the relay", "[sim][D-19]") {
  const bool alice = GENERATE(true, false);
  AliceAndBob t{{.relays = 1, .alice = {.relay_only = alice}, .bob = {.relay_only = !alice}}};
  REQUIRE(t.call());
  REQUIRE(t.until(&AliceAndBob::active, 3s));
  t.world.run_for(5s);
  CHECK(t.world.judge().seen().direct == 0);
  t.world.drain();
}

TEST_CASE("a relay that is faster than the direct path does not win", "[sim][H-08]") {
  AliceAndBob t{{.relays = 1, .alice_nat = kPortRestrictedCone, .bob_nat = kPortRestrictedCone}};
  t.world.net().set_quality(t.alice_home, {.delay = 40ms});
  t.world.net().set_quality(t.bob_home, {.delay = 40ms});
  REQUIRE(t.call());
  REQUIRE(t.until(&AliceAndBob::active, 3s));
  CHECK(t.until(&AliceAndBob::both_direct, 3s));
  t.world.run_for(3s);
  CHECK(t.part(0).path == client::PathKind::Direct);
  CHECK(t.part(1).path == client::PathKind::Direct);
  t.world.drain();
}

TEST_CASE("one side's hang-up ends the other within a second", "[sim][H-04][V-07]") {
  const auto [relays, mode] = GENERATE(table<int, CallAcceptMode>({
      {1, CallAcceptMode::AcceptTrusted},
      {1, CallAcceptMode::AcceptGeneric},
      {2, CallAcceptMode::AcceptTrusted},
  }));
  const bool caller = GENERATE(true, false);
  AliceAndBob t{{.relays = relays, .answer = mode}};
  REQUIRE(t.call());
  REQUIRE(t.until(&AliceAndBob::active, 3s));
  t.world.run_for(3s);
  (caller ? t.alice : t.bob).hang_up();
  CHECK(t.until(&AliceAndBob::idle, 1s));
  CHECK(t.part(caller ? 0 : 1).reason == client::EndReason::HungUp);
  CHECK(t.part(caller ? 1 : 0).reason == client::EndReason::PeerHungUp);
  t.world.drain();
}
