#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "envelopes.hpp"
#include "mesh.hpp"
#include "played_relay.hpp"

using namespace std::chrono_literals;

// Somebody who is registered at two relays, because the phone at one of them is gone without a word, or because there are
// two phones.

namespace wzp::test {

using proto::HangupReason;

namespace {

Phone::Options with_caps(bool is_announced) {
  return {.caps = is_announced ? proto::Caps{"relay-media"} : proto::Caps{"relay-media", "no-announce"}};
}

/// Bob was on one relay, and is on another one now.
struct Moved {
  Moved(int relays, std::size_t before, std::size_t after, bool is_dead, bool is_announced = true)
      : mesh{relays, Mesh::line(relays)},
        old{mesh.bench, before, 120, with_caps(is_announced)},
        bob{mesh.bench, after, 120, with_caps(is_announced)} {
    old.end().is_dead = is_dead;
    mesh.bench.run_for(1s);
  }
  void call(Phone& alice) { alice.send(alice.offer(bob.fp(), "c1")); }
  /// Bob, where he is now, has the offer and takes the call.
  void answer() {
    const auto offer = bob.take<proto::DirectCallOffer>();
    REQUIRE(offer);
    bob.send(bob.rings(*offer));
    bob.send(bob.accept("c1"));
  }

  Mesh mesh;
  Phone old;
  Phone bob;
};

}  // namespace

TEST_CASE("who has left a dead phone behind is called where he is", "[relay][route]") {
  // Alice is with the dead phone, with the new one, beyond the dead one, beyond the new one.
  const auto [relays, before, after, caller] = GENERATE(table<int, std::size_t, std::size_t, std::size_t>(
      {{2, 0, 1, 0}, {2, 0, 1, 1}, {3, 1, 2, 0}, {3, 1, 0, 0}, {4, 1, 3, 0}, {4, 0, 2, 1}}));
  Moved net{relays, before, after, true, GENERATE(true, false)};
  Phone alice{net.mesh.bench, caller, 100};
  net.call(alice);
  net.mesh.bench.run_for(1s);
  REQUIRE(alice.take<proto::CallRinging>());
  net.answer();
  net.mesh.bench.run_for(100ms);  // the addresses, too, are where he is
  CHECK(alice.take<proto::DirectCallAnswer>());
  const auto at_alice = alice.take<proto::CallSetup>();
  const auto at_bob = net.bob.take<proto::CallSetup>();
  REQUIRE((at_alice && at_bob));
  CHECK(at_alice->peer_direct_addr == net.bob.reflexive());
  CHECK(at_bob->peer_direct_addr == alice.reflexive());
  CHECK(alice.heard_nothing());
  if (net.old.take<proto::DirectCallOffer>()) CHECK(hears_hangup(net.old, "c1", HangupReason::Normal));
}

TEST_CASE("a phone that shows no life and is nowhere else keeps the call, and may wake up", "[relay][route]") {
  const bool is_announced = GENERATE(true, false);
  Moved net{3, 1, 2, true, is_announced};
  const auto caller = std::size_t(GENERATE(0, 1));
  Phone alice{net.mesh.bench, caller, 100};
  net.bob.lose();
  net.mesh.bench.cut(1, 2);  // what was announced there is still known for a while
  net.call(alice);
  net.mesh.bench.run_for(1500ms);
  CHECK(alice.take<proto::CallRinging>());
  const auto offer = net.old.take<proto::DirectCallOffer>();
  REQUIRE(offer);
  net.old.send(net.old.rings(*offer));
  net.old.send(net.old.accept("c1"));
  net.mesh.bench.run_for(1100ms);
  CHECK(alice.take<proto::DirectCallAnswer>());
  CHECK(alice.take<proto::CallSetup>());
  CHECK(net.old.take<proto::CallSetup>());
  CHECK(alice.heard_nothing());
}

TEST_CASE("of two silent phones the first to wake up has the call, and the other forgets it", "[relay][route]") {
  Moved net{2, 0, 1, true, false};
  net.bob.end().is_dead = true;
  Phone alice{net.mesh.bench, 0, 100};
  net.call(alice);
  net.mesh.bench.run_for(3s);
  const auto here = net.old.take<proto::DirectCallOffer>();
  const auto there = net.bob.take<proto::DirectCallOffer>();
  REQUIRE((here && there));
  CHECK(net.old.heard_nothing());
  CHECK(net.bob.heard_nothing());
  const bool is_here = GENERATE(true, false);
  auto& wakes = is_here ? net.old : net.bob;
  auto& sleeps = is_here ? net.bob : net.old;
  alice.forget();
  SECTION("it rings first") {
    wakes.send(wakes.rings(*here));
    wakes.send(wakes.accept("c1"));
  }
  SECTION("it answers at once") { wakes.send(wakes.accept("c1")); }
  net.mesh.bench.run_for(3s);  // until then a phone here might have answered, too
  CHECK(alice.take<proto::DirectCallAnswer>());
  CHECK(alice.take<proto::CallSetup>());
  CHECK(wakes.take<proto::CallSetup>());
  CHECK(hears_hangup(sleeps, "c1", HangupReason::Normal));
  CHECK(sleeps.heard_nothing());
}

TEST_CASE("who declines at one of two silent phones declines for both, where it is proven who that is",
          "[relay][route]") {
  Moved net{2, 0, 1, true, false};
  net.bob.end().is_dead = true;
  Phone alice{net.mesh.bench, 0, 100};
  net.call(alice);
  net.mesh.bench.run_for(3s);
  REQUIRE(alice.take<proto::CallRinging>());
  const auto here = net.old.take<proto::DirectCallOffer>();
  const auto there = net.bob.take<proto::DirectCallOffer>();
  REQUIRE((here && there));
  SECTION("here") {
    net.old.send(reject("c1"));
    CHECK(hears_hangup(alice, "c1", HangupReason::Declined));
    net.mesh.bench.run_for(100ms);
    CHECK(net.bob.take<proto::Hangup>());
  }
  SECTION("there, signed") {
    net.bob.send(net.bob.rings(*there));
    net.bob.send(reject("c1"));
    net.mesh.bench.run_for(100ms);
    CHECK(hears_hangup(alice, "c1", HangupReason::Declined));
    CHECK(net.old.take<proto::Hangup>());
  }
  SECTION("there, unsigned") {
    net.bob.send(reject("c1"));
    net.mesh.bench.run_for(100ms);
    CHECK(alice.heard_nothing());
    CHECK(net.mesh.is_live(0, "c1"));
    net.old.send(net.old.accept("c1"));
    CHECK(alice.take<proto::DirectCallAnswer>());
  }
}

TEST_CASE("the unproven word of another relay takes no call from a phone that is silent for a moment",
          "[relay][route][V-25]") {
  Hub net;
  Phone bob{net.bench, net.a, 20, with_caps(false)};
  bob.end().is_dead = true;
  const auto offer = net.offer("c1");
  net.bench.run_for(1s);
  REQUIRE(net.b.hears<proto::DirectCallOffer>());
  REQUIRE(net.c.hears<proto::DirectCallOffer>());
  net.b.says(proto::CallRinging{"c1"});
  net.c.says(hangup("c1", HangupReason::Error));
  net.bench.run_for(10s);
  CHECK(net.call("c1")->is_here(registry::Role::Callee));
  CHECK(net.b.end->inbox.empty());  // no address
  bob.forget();
  bob.send(bob.accept("c1"));
  CHECK(bob.take<proto::CallSetup>());
  CHECK(net.b.hears<proto::Hangup>() == proto::Hangup{HangupReason::Normal, "c1"});
  CHECK(net.c.end->inbox.empty());
}

TEST_CASE("a single lying relay takes no call from a phone that wakes up in time", "[relay][route][V-25]") {
  RelayBench bench;
  const auto a = bench.add_relay(1, [](auto& config) { config.trusted = {RelayBench::trusted(2)}; });
  Played liar{bench, a, 2};
  Phone alice{bench, a, 10};
  Phone bob{bench, a, 20, with_caps(false)};
  bob.end().is_dead = true;
  alice.send(alice.offer(bob.fp(), "c1"));
  bench.run_for(810ms);
  REQUIRE(liar.hears<proto::DirectCallOffer>());
  proto::DirectCallAnswer answer;
  answer.call_id = "c1";
  answer.accept_mode = proto::CallAcceptMode::AcceptTrusted;
  liar.says(answer);
  bench.run_for(1s);
  CHECK(liar.end->inbox.empty());
  alice.forget();
  bench.wake(bob.end());
  CHECK(liar.hears<proto::Hangup>() == proto::Hangup{HangupReason::Normal, "c1"});
  bob.send(bob.accept("c1"));
  CHECK(alice.take<proto::DirectCallAnswer>());
  CHECK(alice.take<proto::CallSetup>());
}

TEST_CASE("of a dead phone and a living one beside the caller's relay the living one has the call", "[relay][route]") {
  // Neither signs that it rings. Who has the dead one can ask nobody who was not asked.
  const std::size_t dead_at = std::size_t(GENERATE(1, 2));
  Mesh mesh{3, Mesh::star(3)};
  Phone dead{mesh.bench, dead_at, 120};
  Phone bob{mesh.bench, 3 - dead_at, 120};
  dead.end().is_dead = true;
  mesh.bench.run_for(1s);
  Phone alice{mesh.bench, 0, 100};
  alice.send(alice.offer(bob.fp(), "c1"));
  mesh.bench.run_for(5s);
  CHECK(mesh.call(0, "c1")->peer_relay_fp() == mesh.bench.fp(3 - dead_at));
  bob.send(bob.accept("c1"));
  mesh.bench.run_for(100ms);
  CHECK(alice.take<proto::CallRinging>());
  CHECK(alice.take<proto::DirectCallAnswer>());
  CHECK_FALSE(bob.take<proto::Hangup>());
}

TEST_CASE("an asked relay that the operator removes takes no call with it that others may have",
          "[relay][route][reload]") {
  Hub net;
  Phone bob{net.bench, net.a, 20, with_caps(false)};
  bob.end().is_dead = true;
  (void)net.offer("c1");
  net.bench.run_for(1s);
  REQUIRE(net.b.hears<proto::DirectCallOffer>());
  net.bench.reload(net.a, {.trusted = {RelayBench::trusted(3)}});
  CHECK(net.b.end->closed);
  CHECK(net.is_live("c1"));
  bob.forget();
  bob.send(bob.accept("c1"));
  CHECK(bob.take<proto::CallSetup>());
}

TEST_CASE("who registers while being looked for elsewhere is offered the call", "[relay][route]") {
  Hub net;
  std::optional<Phone> before;
  if (GENERATE(true, false)) {
    before.emplace(net.bench, net.a, std::uint8_t{20}, with_caps(false));
    before->end().is_dead = true;
  }
  (void)net.offer("c1");
  net.bench.run_for(1s);
  if (before) before->lose();
  CHECK_FALSE(net.call("c1")->is_here(registry::Role::Callee));
  Phone bob{net.bench, net.a, 20, with_caps(false)};
  REQUIRE(bob.take<proto::DirectCallOffer>());
  net.bench.run_for(10ms);
  CHECK(net.call("c1")->is_here(registry::Role::Callee));
  CHECK(net.alice.take<proto::CallRinging>());
  for (auto* played : {&net.b, &net.c}) {
    if (before) CHECK(played->hears<proto::DirectCallOffer>());
    CHECK(played->hears<proto::Hangup>() == proto::Hangup{HangupReason::Normal, "c1"});
  }
  bob.send(bob.accept("c1"));
  CHECK(bob.take<proto::CallSetup>());
}

TEST_CASE("an offer with addresses goes to no more relays than announced the callee", "[relay][route][V-73]") {
  // 1 is all that 0 has, and no delegate of it, but one in the middle: 0 shows it the addresses at once.
  Mesh mesh{4, {{0, 1}, {1, 2}, {1, 3}}, [](relay::Config& c) {
              if (c.fingerprint != RelayBench::fingerprint(Mesh::name(0))) return;
              for (auto& peer : c.peers) peer.delegate = false;
            }};
  Phone bob{mesh.bench, 2, 120};
  mesh.bench.run_for(1s);
  Phone alice{mesh.bench, 0, 100};
  mesh.bench.link_delay = 50ms;
  alice.send(alice.offer(bob.fp(), "c1"));
  bob.lose();  // 1 hears so after the offer
  mesh.bench.run_for(10s);
  std::map<std::size_t, int> shown;  // by relay: how often it passed the addresses on
  for (const auto& [relay, message] : mesh.bench.between_relays) {
    const auto signal = unwrap(message);
    const auto* offer = signal ? std::get_if<proto::DirectCallOffer>(&signal->inner) : nullptr;
    if (offer != nullptr && offer->caller_reflexive_addr) ++shown[relay];
  }
  CHECK(shown == std::map<std::size_t, int>{{0, 1}, {1, 1}});
  CHECK_FALSE(mesh.is_live(0, "c1"));
}

TEST_CASE("a silent phone whose connection ends leaves the call to those that were asked", "[relay][route]") {
  Hub net;
  Phone bob{net.bench, net.a, 20, with_caps(false)};
  bob.end().is_dead = true;
  const auto offer = net.offer("c1");
  const bool was_asked = GENERATE(true, false);
  net.bench.run_for(was_asked ? 1s : 100ms);
  bob.lose();
  CHECK(net.is_live("c1"));
  CHECK_FALSE(net.call("c1")->is_here(registry::Role::Callee));
  REQUIRE(net.b.hears<proto::DirectCallOffer>());
  SECTION("one of them has the callee") {
    net.b.says(signed_ringing(net.bob_key, offer));
    CHECK(net.call("c1")->peer_relay_fp() == net.b.fp);
  }
  SECTION("none has") {
    net.b.says(hangup("c1", HangupReason::Error));
    net.c.says(hangup("c1", HangupReason::Error));
    CHECK(net.alice.take<proto::CallRinging>());
    CHECK(hears_hangup(net.alice, "c1", HangupReason::Error));
  }
}

TEST_CASE("when an offer that looks for a silent callee ends, everybody who has it is told", "[relay][route][V-07]") {
  Hub net;
  Phone bob{net.bench, net.a, 20, with_caps(false)};
  bob.end().is_dead = true;
  (void)net.offer("c1");
  net.bench.run_for(1s);
  REQUIRE(net.b.hears<proto::DirectCallOffer>());
  REQUIRE(bob.take<proto::DirectCallOffer>());
  const bool by_caller = GENERATE(true, false);
  by_caller ? net.alice.send(hangup("c1")) : net.bench.run_for(60s);
  const auto reason = by_caller ? HangupReason::Normal : HangupReason::Timeout;
  CHECK(hears_hangup(bob, "c1", reason));
  CHECK(net.b.hears<proto::Hangup>() == proto::Hangup{reason, "c1"});
  CHECK_FALSE(net.is_live("c1"));
}

TEST_CASE("a phone that wakes up later is told that the call is elsewhere, and keeps its registration",
          "[relay][route]") {
  Moved net{2, 0, 1, true};
  Phone alice{net.mesh.bench, 0, 100};
  net.call(alice);
  net.mesh.bench.run_for(3s);
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
  net.old.lose();
  net.mesh.bench.run_for(3s);
  CHECK(alice.take<proto::CallRinging>());
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
