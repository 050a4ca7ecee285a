#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <cctype>

#include "calls_bench.hpp"
#include "envelopes.hpp"
#include "played_relay.hpp"

using namespace std::chrono_literals;

namespace wzp::test {

using enum proto::HangupReason;
using proto::CallAcceptMode;
using proto::CallRinging;
using proto::CallSetup;
using proto::DirectCallAnswer;
using proto::DirectCallOffer;
using registry::CallState;
using registry::Incoming;
using registry::Outgoing;

TEST_CASE("cross_relay_offer_forwards_and_stashes_peer_relay_fp", "[relay][federation][H-20]") {
  TwoRelays net;
  const auto offer = net.alice.offer(net.bob.fp(), "c1");
  net.alice.send(offer);
  // A forwarded it in its own name, and B keeps where it came from.
  REQUIRE_FALSE(net.bench.between_relays.empty());
  const auto first = unwrap(net.bench.between_relays[0].second);
  REQUIRE(first);
  CHECK(net.bench.between_relays[0].first == net.a);
  CHECK(first->origin_relay_fp == to_string(net.bench.fp(net.a)));
  CHECK(std::get<DirectCallOffer>(first->inner).call_id == "c1");
  CHECK(net.call(net.b, "c1")->peer_relay_fp() == net.bench.fp(net.a));
  CHECK(net.call(net.b, "c1")->route == registry::Route{Incoming{net.bench.fp(net.a)}});
  // Bob's phone rings and hears nothing of addresses; A knows who claimed the call.
  const auto heard = net.bob.take<DirectCallOffer>();
  REQUIRE(heard);
  CHECK(heard->caller_fingerprint == net.alice.text());
  CHECK(heard->signature == offer.signature);
  CHECK_FALSE(heard->caller_reflexive_addr);
  CHECK(heard->caller_local_addrs.empty());
  CHECK(net.alice.take<CallRinging>() == CallRinging{"c1"});
  CHECK(net.call(net.a, "c1")->peer_relay_fp() == net.bench.fp(net.b));
  CHECK(net.call(net.a, "c1")->state == CallState::Ringing);
}

TEST_CASE("cross_relay_answer_crosswires_peer_direct_addrs", "[relay][federation][H-06][H-20]") {
  TwoRelays net;
  net.alice.send(net.alice.offer(net.bob.fp(), "c1"));
  net.alice.forget();
  net.bob.forget();
  const auto answer = net.bob.accept("c1");
  net.bob.send(answer);
  CHECK(net.alice.take<DirectCallAnswer>() == answer);
  // Each gets its own relay and the other's addresses, and that the room reaches the other.
  CHECK(net.alice.take<CallSetup>() ==
        CallSetup{"c1", "call-c1", "203.0.113.1:4433", net.bob.reflexive(), {net.bob.local()}, {"relay-media"}});
  CHECK(net.bob.take<CallSetup>() ==
        CallSetup{"c1", "call-c1", "203.0.113.2:4433", net.alice.reflexive(), {net.alice.local()}, {"relay-media"}});
  CHECK(net.call(net.a, "c1")->state == CallState::Active);
  CHECK(net.call(net.b, "c1")->state == CallState::Active);
  CHECK(net.call(net.a, "c1")->peer_relay_fp() == net.bench.fp(net.b));
  CHECK(net.call(net.b, "c1")->peer_relay_fp() == net.bench.fp(net.a));
}

TEST_CASE("cross_relay_loop_prevention_drops_self_sourced_forward", "[relay][federation][V-13]") {
  Hub net;
  Phone bob{net.bench, net.a, 20};
  auto own = to_string(net.bench.fp(net.a));
  SECTION("as we write it") {}
  SECTION("in another spelling") { std::erase(own, ':'); }
  SECTION("in capitals") {
    for (auto& c : own) c = static_cast<char>(std::toupper(c));
  }
  const proto::FederatedSignalForward looped{Box<proto::SignalMessage>{net.alice.offer(bob.fp(), "c1")}, own};
  net.bench.send(*net.b.end, looped);
  CHECK(bob.heard_nothing());
  CHECK_FALSE(net.call("c1"));
  CHECK(net.drops("forward-own-origin") == 1);
  CHECK(net.b.end->inbox.empty());
}

TEST_CASE("a private answer across relays gives nobody's address to anybody", "[relay][V-73]") {
  TwoRelays net;
  net.alice.send(net.alice.offer(net.bob.fp(), "c1"));
  net.bob.send(net.bob.accept("c1", CallAcceptMode::AcceptGeneric));
  for (const auto& [relay, message] : net.bench.between_relays) {
    const auto unwrapped = unwrap(message);
    if (!unwrapped) continue;
    const auto& inner = unwrapped->inner;
    if (const auto* answer = std::get_if<DirectCallAnswer>(&inner)) CHECK_FALSE(answer->callee_reflexive_addr);
  }
  (void)net.alice.take<CallRinging>();
  (void)net.bob.take<DirectCallOffer>();
  CHECK_FALSE(net.alice.take<DirectCallAnswer>()->callee_reflexive_addr);
  CHECK_FALSE(net.alice.take<CallSetup>()->peer_direct_addr);
  const auto for_bob = net.bob.take<CallSetup>();
  CHECK_FALSE(for_bob->peer_direct_addr);
  CHECK(for_bob->peer_local_addrs.empty());
}

TEST_CASE("a private answer that a relay did not strip is stripped on arrival", "[relay][V-73]") {
  Hub net;
  net.b.says(signed_ringing(net.bob_key, net.offer("c1")));
  net.alice.forget();
  Phone writer{net.bench, net.a, 40};  // only its pen is needed
  net.b.says(writer.accept("c1", CallAcceptMode::AcceptGeneric));
  CHECK_FALSE(net.alice.take<DirectCallAnswer>()->callee_reflexive_addr);
  CHECK_FALSE(net.alice.take<CallSetup>()->peer_direct_addr);
}

TEST_CASE("an answer that comes at once finds its call, a thousand times", "[relay][V-06]") {
  RelayBench bench;
  const auto a = bench.add_relay(1, [](auto& c) { c.trusted = {RelayBench::trusted(2)}; });
  Played b{bench, a, 2};
  Phone alice{bench, a, 10};
  const auto bob = crypto::Identity{RelayBench::seed(20)}.fingerprint();
  for (int i = 0; i < 1000; ++i) {
    const auto id = "c" + std::to_string(i);
    // Straight from the list of actions, before anything else happens.
    auto actions = bench.core(a).handle(relay::Received{alice.end().conn, alice.offer(bob, id)}, bench.now());
    REQUIRE(bench.core(a).call(call_id(id)));
    DirectCallAnswer answer;
    answer.call_id = id;
    answer.accept_mode = CallAcceptMode::AcceptTrusted;
    actions = bench.core(a).handle(relay::Received{b.end->conn, forward(b.fp, answer)}, bench.now());
    REQUIRE(bench.core(a).call(call_id(id))->state == CallState::Active);
    (void)bench.core(a).handle(relay::Received{alice.end().conn, hangup(id)}, bench.now());
  }
}

TEST_CASE("a reject crosses as a forwarded reject, and is told as declined", "[relay][V-07]") {
  TwoRelays net;
  net.alice.send(net.alice.offer(net.bob.fp(), "c1"));
  net.alice.forget();
  net.bob.forget();
  net.bench.between_relays.clear();
  net.bob.send(reject("c1"));
  REQUIRE(net.bench.between_relays.size() == 1);
  const auto unwrapped = unwrap(net.bench.between_relays[0].second);
  REQUIRE(unwrapped);
  CHECK(std::get<DirectCallAnswer>(unwrapped->inner) == reject("c1"));
  CHECK(hears_hangup(net.alice, "c1", Declined));
  CHECK_FALSE(net.is_live(net.a, "c1"));
  CHECK_FALSE(net.is_live(net.b, "c1"));
}

TEST_CASE("every hang-up crosses the link with call id and reason", "[relay][V-07][H-04]") {
  TwoRelays net;
  const bool answered = GENERATE(false, true);
  const bool by_caller = GENERATE(false, true);
  const auto reason = GENERATE(Normal, Busy);
  net.alice.send(net.alice.offer(net.bob.fp(), "c1"));
  if (answered) net.bob.send(net.bob.accept("c1"));
  net.alice.forget();
  net.bob.forget();
  auto& from = by_caller ? net.alice : net.bob;
  auto& to = by_caller ? net.bob : net.alice;
  from.send(hangup("c1", reason));
  CHECK(hears_hangup(to, "c1", reason));
  CHECK(from.heard_nothing());
  for (const auto relay : {net.a, net.b}) CHECK_FALSE(net.is_live(relay, "c1"));
  net.bench.run_for(30s);
  for (const auto relay : {net.a, net.b}) CHECK_FALSE(net.call(relay, "c1"));
}

TEST_CASE("path reports cross the link in both directions", "[relay][H-19][H-20]") {
  TwoRelays net;
  net.alice.send(net.alice.offer(net.bob.fp(), "c1"));
  net.bob.send(net.bob.accept("c1"));
  net.alice.forget();
  net.bob.forget();
  net.alice.send(proto::MediaPathReport{"c1", true, "Direct"});
  net.bob.send(proto::MediaPathReport{"c1", false, "Relay"});
  CHECK(net.bob.take<proto::MediaPathReport>() == proto::MediaPathReport{"c1", true, "Direct"});
  CHECK(net.alice.take<proto::MediaPathReport>() == proto::MediaPathReport{"c1", false, "Relay"});
}

TEST_CASE("a target that nobody has is refused by those asked, and the caller hears so", "[relay][V-10]") {
  TwoRelays net;
  net.alice.send(net.alice.offer(crypto::Identity{RelayBench::seed(99)}.fingerprint(), "c1"));
  CHECK(hears_hangup(net.alice, "c1", Error));
  CHECK_FALSE(net.call(net.b, "c1"));
  CHECK_FALSE(net.is_live(net.a, "c1"));
}

TEST_CASE("an unanswered call ends everywhere after the ring timeout", "[relay][timeout][V-10]") {
  TwoRelays net;
  net.alice.send(net.alice.offer(net.bob.fp(), "c1"));
  net.alice.forget();
  net.bob.forget();
  net.bench.run_for(60s);
  CHECK(hears_hangup(net.alice, "c1", Timeout));
  CHECK(hears_hangup(net.bob, "c1", Timeout));
  CHECK(net.alice.heard_nothing());
  CHECK(net.bob.heard_nothing());
  net.bench.run_for(31s);
  CHECK(net.bench.core(net.a).calls().empty());
  CHECK(net.bench.core(net.b).calls().empty());
  CHECK_FALSE(net.call(net.a, "c1"));
  CHECK_FALSE(net.call(net.b, "c1"));
}

TEST_CASE("one asked relay gets the addresses at once, several only once one has claimed", "[relay][V-09]") {
  Hub net;
  SECTION("one") {
    net.bench.lose(*net.c.end);
    net.alice.send(net.alice.offer(net.bob, "c1"));
    CHECK(net.b.hears<DirectCallOffer>()->caller_reflexive_addr == net.alice.reflexive());
    net.b.says(CallRinging{"c1"});
    CHECK(net.b.end->inbox.empty());
  }
  SECTION("several") {
    const auto offer = net.alice.offer(net.bob, "c1");
    net.alice.send(offer);
    for (auto* relay : {&net.b, &net.c}) {
      const auto heard = relay->hears<DirectCallOffer>();
      REQUIRE(heard);
      CHECK_FALSE(heard->caller_reflexive_addr);
      CHECK(heard->caller_local_addrs.empty());
    }
    CHECK(net.alice.heard_nothing());
    net.b.says(signed_ringing(net.bob_key, offer));
    CHECK(net.alice.take<CallRinging>());
    CHECK(net.b.hears<DirectCallOffer>() == offer);
    CHECK(net.c.end->inbox.empty());
    net.b.says(signed_ringing(net.bob_key, offer));
    CHECK(net.b.end->inbox.empty());
    CHECK(net.alice.heard_nothing());
  }
}

TEST_CASE("an answer that is faster than the caller's addresses waits for them", "[relay][V-09]") {
  RelayBench bench;
  const auto a = bench.add_relay(1, [](auto& c) { c.trusted = {RelayBench::trusted(2)}; });
  Played caller_side{bench, a, 2};
  Phone bob{bench, a, 20};
  Phone pen{bench, a, 10};
  const auto whole = pen.offer(bob.fp(), "c1");
  auto bare = whole;
  bare.caller_reflexive_addr.reset();
  bare.caller_local_addrs.clear();
  caller_side.says(bare);
  CHECK(caller_side.hears<CallRinging>());
  bob.forget();
  bob.send(bob.accept("c1"));
  CHECK(caller_side.hears<DirectCallAnswer>());
  CHECK(bob.heard_nothing());
  SECTION("they come") {
    caller_side.says(whole);
    CHECK(bob.take<CallSetup>()->peer_direct_addr == pen.reflexive());
    bench.run_for(5s);
    CHECK(bob.heard_nothing());
  }
  SECTION("they do not come") {
    bench.run_for(1s - 1ns);
    CHECK(bob.heard_nothing());
    bench.run_for(1ns);
    CHECK_FALSE(bob.take<CallSetup>()->peer_direct_addr);
    caller_side.says(whole);
    CHECK(bob.heard_nothing());
  }
  SECTION("another offer with this id is not this offer") {
    auto forged = whole;
    forged.signature[0] ^= 1;
    caller_side.says(forged);
    CHECK(bob.heard_nothing());
    CHECK(bench.core(a).counters().drops("forward-changed-offer") == 1);
    CHECK(bench.core(a).call(call_id("c1"))->caller_addrs.empty());
  }
  SECTION("the call ends before they come") {
    bob.send(hangup("c1"));
    bench.run_for(5s);
    CHECK(bob.heard_nothing());
  }
}

TEST_CASE("registered on two relays: the first proof has the call, the other stops ringing", "[relay]") {
  Hub net;
  const auto offer = net.offer("c1");
  net.c.says(signed_ringing(net.bob_key, offer));
  CHECK(net.alice.take<CallRinging>());
  CHECK(net.c.hears<DirectCallOffer>());
  net.b.says(signed_ringing(net.bob_key, offer));
  CHECK(net.b.hears<proto::Hangup>() == proto::Hangup{Normal, "c1"});
  CHECK(net.alice.heard_nothing());
  CHECK(net.call("c1")->peer_relay_fp() == net.c.fp);
  SECTION("an answer of the late one counts for nothing") {
    DirectCallAnswer answer;
    answer.call_id = "c1";
    answer.accept_mode = CallAcceptMode::AcceptTrusted;
    net.b.says(answer);
    net.b.says(reject("c1"));
    net.b.says(hangup("c1"));
    CHECK(net.call("c1")->state == CallState::Ringing);
    CHECK(net.alice.heard_nothing());
  }
  SECTION("a cancel goes to the one that has it") {
    net.alice.send(hangup("c1"));
    CHECK(net.c.hears<proto::Hangup>() == proto::Hangup{Normal, "c1"});
    CHECK(net.b.end->inbox.empty());
  }
}

TEST_CASE("a call ends when all asked relays have said no, or none has said anything for 4 s", "[relay][timeout]") {
  Hub net;
  (void)net.offer("c1");
  net.b.says(hangup("c1", Error));
  CHECK(net.is_live("c1"));
  CHECK(net.alice.heard_nothing());
  SECTION("the other says no as well") {
    net.c.says(hangup("c1", Error));
    CHECK(hears_hangup(net.alice, "c1", Error));
  }
  SECTION("one said busy") {
    net.c.says(hangup("c1", Busy));
    CHECK(hears_hangup(net.alice, "c1", Busy));
  }
  SECTION("silence") {
    net.bench.run_for(4s - 1ns);
    CHECK(net.is_live("c1"));
    net.bench.run_for(1ns);
    CHECK(hears_hangup(net.alice, "c1", Error));
    CHECK(net.c.hears<proto::Hangup>() == proto::Hangup{Error, "c1"});
    CHECK(net.b.end->inbox.empty());
  }
  SECTION("a claim stops the clock") {
    net.c.says(CallRinging{"c1"});
    net.bench.run_for(10s);
    CHECK(net.is_live("c1"));
  }
}

TEST_CASE("a relay has no say in calls that are not its own", "[relay][V-13]") {
  Hub net;
  Phone bob{net.bench, net.a, 20};
  REQUIRE(ring_and_answer(net.alice, bob, "here"));          // purely local
  net.alice.send(net.alice.offer(net.bob, "ringing-here"));  // local, unanswered
  net.alice.forget();
  bob.forget();
  const crypto::Identity carol{RelayBench::seed(50)};
  const auto offer = net.alice.offer(carol.fingerprint(), "b-only");
  net.alice.send(offer);
  net.b.says(signed_ringing(carol, offer));  // claimed by B
  net.alice.forget();
  DirectCallAnswer accept;
  accept.accept_mode = CallAcceptMode::AcceptTrusted;
  accept.callee_reflexive_addr = "192.0.2.66:6666";
  for (const auto* id : {"here", "ringing-here", "b-only"}) {
    INFO(id);
    const auto before = net.call(id)->state;
    accept.call_id = id;
    net.c.says(accept);
    net.c.says(reject(id));
    net.c.says(CallRinging{id});
    net.c.says(hangup(id));
    net.c.says(proto::MediaPathReport{id, true, "Direct"});
    CHECK(net.call(id)->state == before);
  }
  CHECK(net.alice.heard_nothing());
  CHECK(bob.heard_nothing());
  CHECK(net.call("b-only")->peer_relay_fp() == net.b.fp);
  SECTION("nor under the name of another relay") {
    accept.call_id = "b-only";
    net.bench.send(*net.c.end, forward(net.b.fp, accept));
    CHECK(net.call("b-only")->state == CallState::Ringing);
    CHECK(net.drops("forward-wrong-origin") == 1);
  }
}

TEST_CASE("a federated offer with a known id is refused, the call it names goes on", "[relay][V-04]") {
  Hub net;
  Phone bob{net.bench, net.a, 20};
  REQUIRE(ring_and_answer(net.alice, bob, "c1"));
  const auto before = *net.call("c1");
  net.b.says(net.alice.offer(bob.fp(), "c1"));
  CHECK(net.b.hears<proto::Hangup>() == proto::Hangup{Error, "c1"});
  CHECK(net.call("c1") == before);
  CHECK(bob.heard_nothing());
}

TEST_CASE("bad federated offers are refused or dropped, never delivered", "[relay]") {
  Hub net;
  Phone bob{net.bench, net.a, 20};
  auto offer = net.alice.offer(bob.fp(), "c1");
  bool answered = true;
  SECTION("call id") {
    offer.call_id = "../etc";
    answered = false;
  }
  SECTION("caller") { offer.caller_fingerprint = "alice"; }
  SECTION("address") { offer.caller_reflexive_addr = "nowhere"; }
  SECTION("to oneself") { offer.caller_fingerprint = bob.text(); }
  SECTION("target elsewhere") { offer.target_fingerprint = to_string(Fingerprint{}); }
  net.b.says(offer);
  CHECK(bob.heard_nothing());
  CHECK(net.b.hears<proto::Hangup>().has_value() == answered);
  CHECK(net.bench.core(net.a).calls().empty());
}

TEST_CASE("offers of one link are limited", "[relay][V-61]") {
  RelayBench bench;
  const auto a = bench.add_relay(1, [](auto& c) {
    c.trusted = {RelayBench::trusted(2)};
    c.offers_per_link = 3;
  });
  Played b{bench, a, 2};
  Phone bob{bench, a, 20};
  Phone pen{bench, a, 10};
  for (int i = 0; i < 4; ++i) b.says(pen.offer(bob.fp(), "c" + std::to_string(i)));
  for (int i = 0; i < 3; ++i) CHECK(b.hears<CallRinging>());
  CHECK(b.hears<proto::Hangup>() == proto::Hangup{Busy, "c3"});
  CHECK(bench.core(a).calls().size() == 3);
}

TEST_CASE("messages that nobody forwards are dropped", "[relay]") {
  Hub net;
  Phone bob{net.bench, net.a, 20};
  net.b.says(CallSetup{"c1", "call-c1", "192.0.2.1:1", {}, {}, {}});
  net.b.says(proto::Reflect{});
  net.b.says(proto::RegisterPresence{});
  CHECK(net.drops("forward-unexpected") == 3);
  CHECK(net.b.end->inbox.empty());
}

}  // namespace wzp::test
