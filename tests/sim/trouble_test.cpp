#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <cstdlib>

#include "sim/pair.hpp"

// Fixed scenarios of things that break and come back.

using namespace wzp;
using namespace wzp::sim;
using namespace std::chrono_literals;
using proto::CallAcceptMode;

namespace {

bool ringing(AliceAndBob& t) {
  return t.world.run_until(
      [&] { return t.alice.core().call_state() == client::CallState::Ringing && t.bob.core().call_state() == client::CallState::Incoming; }, 3s);
}

}  // namespace

TEST_CASE("a link that is cut while it rings carries the answer when it is back", "[sim]") {
  const auto time = GENERATE(Duration{5s}, Duration{20s});
  AliceAndBob t{{.answer = std::nullopt}};
  REQUIRE(t.call());
  REQUIRE(ringing(t));
  t.world.run_for(1s);  // a signal that finds no ears for 10 s would cost the link
  t.world.cut(t.relay_a, t.relay_b, true);
  t.world.run_for(time);
  t.world.cut(t.relay_a, t.relay_b, false);
  t.world.run_for(6s);
  REQUIRE(t.alice.core().call_state() == client::CallState::Ringing);
  t.bob.answer(t.id, CallAcceptMode::AcceptTrusted);
  CHECK(t.until(&AliceAndBob::active, 3s));
  t.world.drain();
}

TEST_CASE("a call that runs directly does not notice the relays' link", "[sim]") {
  const auto time = GENERATE(Duration{5s}, Duration{20s});
  AliceAndBob t{{}};
  REQUIRE(t.call());
  REQUIRE(t.until(&AliceAndBob::both_direct, 3s));
  t.world.run_for(1s);
  t.world.cut(t.relay_a, t.relay_b, true);
  const auto before = t.part(0).played.size();
  t.world.run_for(time);
  CHECK(t.active());
  const auto frames = static_cast<std::size_t>(time / 20ms);
  CHECK(t.part(0).played.size() - before >= frames - 5);
  t.world.cut(t.relay_a, t.relay_b, false);
  t.world.run_for(10s);
  t.bob.hang_up();
  CHECK(t.until(&AliceAndBob::idle, 1s));
  t.world.drain();
}

TEST_CASE("a phone that is cut off while it rings can answer when it is back", "[sim]") {
  AliceAndBob t{{.answer = std::nullopt}};
  REQUIRE(t.call());
  REQUIRE(ringing(t));
  t.world.isolate(t.bob.host(), true);
  t.world.run_for(5s);
  t.world.isolate(t.bob.host(), false);
  t.world.run_for(4s);
  t.bob.answer(t.id, CallAcceptMode::AcceptTrusted);
  CHECK(t.until(&AliceAndBob::active, 3s));
  t.world.drain();
}

TEST_CASE("a call survives when one side is cut off for a while", "[sim][H-13]") {
  const int relays = GENERATE(1, 2);
  const auto mode = relays == 1 ? CallAcceptMode::AcceptGeneric : CallAcceptMode::AcceptTrusted;
  const auto time = GENERATE(Duration{5s}, Duration{20s});
  AliceAndBob t{{.relays = relays, .answer = mode}};
  REQUIRE(t.call());
  REQUIRE(t.until(&AliceAndBob::active, 3s));
  t.world.run_for(6s);
  t.world.isolate(t.alice.host(), true);
  t.world.run_for(time);
  CHECK(t.active());
  t.world.isolate(t.alice.host(), false);
  const auto before = t.part(1).played.size();
  t.world.run_for(10s);
  CHECK(t.active());
  CHECK(t.part(1).played.size() > before + 400);
  t.alice.hang_up();
  CHECK(t.until(&AliceAndBob::idle, 2s));
  t.world.drain();
}

TEST_CASE("a call ends on both sides when one is cut off for good", "[sim][V-10]") {
  const int relays = GENERATE(1, 2);
  AliceAndBob t{{.relays = relays}};
  REQUIRE(t.call());
  REQUIRE(t.until(&AliceAndBob::active, 3s));
  t.world.isolate(t.alice.host(), true);
  t.world.run_for(40s);
  CHECK(t.idle());
  t.world.drain();
}

TEST_CASE("a restarted relay has its clients back within five seconds", "[sim][H-03]") {
  const int moment = GENERATE(range(0, 10));
  const bool politely = GENERATE(true, false);
  AliceAndBob t{{.relays = 1}};
  REQUIRE(t.world.settle());
  t.world.run_for(20s + moment * 500ms);
  if (politely) t.relay_a.shut_down();
  t.world.crash(t.relay_a);
  t.world.run_for(200ms);
  t.world.restart(t.relay_a);
  const auto back = t.world.queue().now();
  REQUIRE(t.world.run_until([&] { return t.relay_a.core().clients().size() == 2; }, 10s));
  // The keep-alive of 5 s is what finds a crash out; then a round trip and a half, and the registration.
  const Duration limit = politely ? Duration{5s} : Duration{5s + 300ms};
  CHECK(t.world.queue().now() - back <= limit);
  t.world.run_for(1s);
  REQUIRE(t.call());
  CHECK(t.until(&AliceAndBob::active, 3s));
  t.world.drain();
}

TEST_CASE("a direct call outlives the restart of a relay, and both hear its end", "[sim][D-12]") {
  AliceAndBob t{{}};
  REQUIRE(t.call());
  REQUIRE(t.until(&AliceAndBob::both_direct, 3s));
  t.world.crash(t.relay_a);
  t.world.run_for(1s);
  t.world.restart(t.relay_a);
  t.world.run_for(25s);
  CHECK(t.active());
  CHECK(t.both_direct());
  t.alice.hang_up();
  CHECK(t.until(&AliceAndBob::idle, 1s));
  t.world.drain();
}

TEST_CASE("two who call each other at the same moment talk", "[sim]") {
  const int relays = GENERATE(1, 2);
  const int gap = GENERATE(range(-60, 61, 12));
  INFO("relays " << relays << ", gap " << gap << " ms");
  AliceAndBob t{{.relays = relays}};
  const auto answer = [&](SimPhone& phone, const client::UserEvent& event) {
    const auto* incoming = std::get_if<client::Incoming>(&event);
    if (incoming == nullptr) return;
    t.world.later(incoming->mutual ? 1ms : 400ms, phone, [call = incoming->call](SimPhone& p) { p.answer(call, CallAcceptMode::AcceptTrusted); });
  };
  t.alice.set_person(answer);
  t.bob.set_person(answer);
  REQUIRE(t.world.settle());
  auto& first = gap < 0 ? t.bob : t.alice;
  auto& second = gap < 0 ? t.alice : t.bob;
  first.call(second.who());
  t.world.run_for(std::abs(gap) * 1ms);
  second.call(first.who());
  CHECK(t.until(&AliceAndBob::active, 4s));
  t.world.run_for(2s);
  CHECK(t.active());
  CHECK(t.alice.core().call_id() == t.bob.core().call_id());
  t.world.drain();
}

TEST_CASE("a third who calls is told that both are busy", "[sim]") {
  AliceAndBob t{{.relays = 1}, 3};
  auto& carol = t.world.add_phone("carol", t.world.add_home(), t.relay_a);
  carol.start();
  REQUIRE(t.call());
  REQUIRE(t.until(&AliceAndBob::active, 3s));
  const auto call = carol.call(t.bob.who());
  REQUIRE(t.world.run_until([&] { return carol.core().call_state() == client::CallState::None; }, 2s));
  CHECK(t.world.judge().truth(call)->parts[0].reason == client::EndReason::Busy);
  CHECK(t.active());
  t.world.drain();
}

TEST_CASE("a crashed phone leaves the other alone within half a minute and can call again", "[sim][V-12]") {
  const bool caller = GENERATE(true, false);
  AliceAndBob t{{}};
  REQUIRE(t.call());
  REQUIRE(t.until(&AliceAndBob::active, 3s));
  auto& dead = caller ? t.alice : t.bob;
  auto& other = caller ? t.bob : t.alice;
  t.world.crash(dead);
  t.world.run_for(1s);
  t.world.restart(dead);
  REQUIRE(t.world.run_until([&] { return other.core().call_state() == client::CallState::None; }, 32s));
  t.world.run_for(1s);
  REQUIRE(t.call());
  CHECK(t.until(&AliceAndBob::active, 3s));
  t.world.drain();
}

TEST_CASE("a second program with the same identity replaces the first, and calls go to it", "[sim]") {
  AliceAndBob t{{.relays = 1}, 4};
  REQUIRE(t.world.settle());
  auto& twin = t.world.add_phone("twin", t.world.add_home(), t.relay_a, {.same_identity_as = &t.bob});
  twin.set_person([&](SimPhone& phone, const client::UserEvent& event) {
    if (const auto* incoming = std::get_if<client::Incoming>(&event)) phone.answer(incoming->call, CallAcceptMode::AcceptTrusted);
  });
  twin.start();
  t.world.run_for(2s);
  CHECK(twin.core().registered());
  CHECK_FALSE(t.bob.core().registered());
  t.world.run_for(60s);
  CHECK_FALSE(t.bob.core().registered());  // it does not fight
  t.id = t.alice.call(twin.who());
  CHECK(t.world.run_until([&] { return twin.core().call_state() == client::CallState::Active; }, 3s));
  t.world.drain();
}

TEST_CASE("of two relays that know somebody, one rings on and the other stops", "[sim]") {
  const bool answer = GENERATE(true, false);
  World world{6, std::getenv("WZP_SIM_TRACE") != nullptr};
  auto& a = world.add_relay("A");
  auto& b = world.add_relay("B");
  auto& c = world.add_relay("C", {.delay = 40ms});
  world.federate(a, b);
  world.federate(a, c);
  auto& alice = world.add_phone("alice", world.add_home(), a);
  auto& bob = world.add_phone("bob", world.add_home(), b);
  auto& twin = world.add_phone("twin", world.add_home(), c, {.same_identity_as = &bob});
  world.start();
  REQUIRE(world.settle());
  const auto call = alice.call(bob.who());
  world.run_for(1s);
  CHECK(bob.core().call_state() == client::CallState::Incoming);
  CHECK(twin.core().call_state() == client::CallState::None);
  CHECK(world.judge().truth(call)->parts.size() == 3);
  if (answer) {
    bob.answer(call, CallAcceptMode::AcceptTrusted);
    CHECK(world.run_until([&] { return alice.core().call_state() == client::CallState::Active; }, 3s));
  } else {
    bob.answer(call, CallAcceptMode::Reject);
    CHECK(world.run_until([&] { return alice.core().call_state() == client::CallState::None; }, 1s));
  }
  world.drain();
}
