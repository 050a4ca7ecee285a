#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "calls_bench.hpp"

using namespace std::chrono_literals;

namespace wzp::test {

using enum proto::HangupReason;
using proto::CallAcceptMode;
using proto::CallRinging;
using proto::CallSetup;
using proto::DirectCallAnswer;
using proto::DirectCallOffer;
using registry::CallState;

TEST_CASE("an offer rings, without the caller's addresses", "[relay][V-09]") {
  OneRelay net;
  const auto sent = net.alice.offer(net.bob.fp(), "c1");
  net.alice.send(sent);
  const auto offer = net.bob.take<DirectCallOffer>();
  REQUIRE(offer);
  auto expected = sent;
  expected.caller_reflexive_addr.reset();
  expected.caller_local_addrs.clear();
  CHECK(*offer == expected);
  CHECK(net.alice.take<CallRinging>() == CallRinging{"c1"});
  CHECK(net.call("c1")->state == CallState::Ringing);
  CHECK(net.alice.heard_nothing());
}

TEST_CASE("an operator may share addresses in the offer", "[relay][V-09]") {
  OneRelay net{[](auto& c) { c.share_addrs_in_offer = true; }};
  net.alice.send(net.alice.offer(net.bob.fp(), "c1"));
  CHECK(net.bob.take<DirectCallOffer>()->caller_reflexive_addr == net.alice.reflexive());
}

TEST_CASE("a trusted answer gives both sides each other's addresses, in the reference's order", "[relay][H-06]") {
  OneRelay net;
  net.alice.send(net.alice.offer(net.bob.fp(), "c1"));
  (void)net.alice.take<CallRinging>();
  (void)net.bob.take<DirectCallOffer>();
  const auto sent = net.bob.accept("c1");
  net.bob.send(sent);
  CHECK(net.alice.take<DirectCallAnswer>() == sent);
  const auto for_alice = net.alice.take<CallSetup>();
  REQUIRE(for_alice);
  CHECK(*for_alice ==
        CallSetup{"c1", "call-c1", "203.0.113.1:4433", net.bob.reflexive(), {net.bob.local()}, {"relay-media"}});
  const auto for_bob = net.bob.take<CallSetup>();
  REQUIRE(for_bob);
  CHECK(*for_bob ==
        CallSetup{"c1", "call-c1", "203.0.113.1:4433", net.alice.reflexive(), {net.alice.local()}, {"relay-media"}});
  CHECK(net.call("c1")->state == CallState::Active);
  CHECK(net.bench.core(net.relay).counters().calls_answered == 1);
}

TEST_CASE("a private answer gives nobody's address to anybody", "[relay][V-73][H-06]") {
  OneRelay net;
  net.alice.send(net.alice.offer(net.bob.fp(), "c1"));
  (void)net.alice.take<CallRinging>();
  (void)net.bob.take<DirectCallOffer>();
  net.bob.send(net.bob.accept("c1", CallAcceptMode::AcceptGeneric));  // it carries addresses all the same
  const auto answer = net.alice.take<DirectCallAnswer>();
  REQUIRE(answer);
  CHECK_FALSE(answer->callee_reflexive_addr);
  CHECK(answer->callee_local_addrs.empty());
  for (auto* phone : {&net.alice, &net.bob}) {
    const auto setup = phone->take<CallSetup>();
    REQUIRE(setup);
    CHECK_FALSE(setup->peer_direct_addr);
    CHECK(setup->peer_local_addrs.empty());
    CHECK(setup->caps == proto::Caps{"relay-media"});
  }
  CHECK(net.call("c1")->callee_addrs.empty());
}

TEST_CASE("a missing address on one side leaves out one field of the other", "[relay]") {
  OneRelay net;
  auto offer = net.alice.offer(net.bob.fp(), "c1");
  offer.caller_reflexive_addr.reset();
  offer.caller_local_addrs.clear();
  net.alice.send(offer);
  net.alice.forget();
  net.bob.forget();
  net.bob.send(net.bob.accept("c1"));
  (void)net.alice.take<DirectCallAnswer>();
  CHECK(net.alice.take<CallSetup>()->peer_direct_addr == net.bob.reflexive());
  CHECK_FALSE(net.bob.take<CallSetup>()->peer_direct_addr);
}

TEST_CASE("the advertised address replaces the connection's own", "[relay][V-54][H-27]") {
  OneRelay net{[](auto& c) { c.advertise_addr = SocketAddress{*IpAddress::parse("2001:db8::1"), 4433}; }};
  net.alice.send(net.alice.offer(net.bob.fp(), "c1"));
  net.bob.forget();
  net.bob.send(net.bob.accept("c1"));
  CHECK(net.bob.take<CallSetup>()->relay_addr == "[2001:db8::1]:4433");
}

TEST_CASE("a reject is told as declined, and ends the call", "[relay]") {
  OneRelay net;
  net.alice.send(net.alice.offer(net.bob.fp(), "c1"));
  (void)net.alice.take<CallRinging>();
  net.bob.forget();
  net.bob.send(reject("c1"));
  CHECK(hears_hangup(net.alice, "c1", Declined));
  CHECK(net.bob.heard_nothing());
  CHECK_FALSE(net.is_live("c1"));
  CHECK(net.call("c1")->end_reason == Declined);
}

TEST_CASE("every hang-up reaches the other side with call id and reason", "[relay][H-04][V-59]") {
  OneRelay net;
  const auto answered = GENERATE(false, true);
  const auto by_caller = GENERATE(false, true);
  const auto reason = GENERATE(Normal, Busy, Error);
  net.alice.send(net.alice.offer(net.bob.fp(), "c1"));
  if (answered) net.bob.send(net.bob.accept("c1"));
  net.alice.forget();
  net.bob.forget();
  auto& from = by_caller ? net.alice : net.bob;
  auto& to = by_caller ? net.bob : net.alice;
  from.send(hangup("c1", reason));
  CHECK(hears_hangup(to, "c1", reason));
  CHECK(from.heard_nothing());
  CHECK_FALSE(net.is_live("c1"));
  net.bench.run_for(30s);
  CHECK_FALSE(net.call("c1"));
}

TEST_CASE("busy is a hang-up with that reason, the other call goes on", "[relay][V-62]") {
  OneRelay net;
  Phone carol{net.bench, net.relay, 30};
  REQUIRE(ring_and_answer(net.alice, net.bob, "c1"));
  carol.send(carol.offer(net.bob.fp(), "c2"));
  (void)carol.take<CallRinging>();
  REQUIRE(net.bob.take<DirectCallOffer>());
  net.bob.send(hangup("c2", Busy));
  CHECK(hears_hangup(carol, "c2", Busy));
  CHECK(net.is_live("c1"));
  CHECK(net.alice.heard_nothing());
}

TEST_CASE("two people who call each other have two calls, and either may go", "[relay][V-62]") {
  OneRelay net;
  net.alice.send(net.alice.offer(net.bob.fp(), "c1"));
  net.bob.send(net.bob.offer(net.alice.fp(), "c2"));
  net.alice.forget();
  net.bob.forget();
  net.alice.send(reject("c2"));
  net.bob.send(net.bob.accept("c1"));
  CHECK(hears_hangup(net.bob, "c2", Declined));
  CHECK(net.bob.take<CallSetup>());
  CHECK(net.is_live("c1"));
  CHECK_FALSE(net.is_live("c2"));
}

TEST_CASE("an unanswered call ends for both after the ring timeout", "[relay][timeout][V-10]") {
  OneRelay net;
  net.alice.send(net.alice.offer(net.bob.fp(), "c1"));
  net.alice.forget();
  net.bob.forget();
  net.bench.run_for(60s - 1ns);
  CHECK(net.alice.heard_nothing());
  net.bench.run_for(1ns);
  CHECK(hears_hangup(net.alice, "c1", Timeout));
  CHECK(hears_hangup(net.bob, "c1", Timeout));
  net.bench.run_for(30s);
  CHECK_FALSE(net.call("c1"));
  CHECK(net.bench.core(net.relay).calls().empty());
  CHECK_FALSE(net.bench.core(net.relay).deadline());
}

TEST_CASE("an offer for nobody fails at once", "[relay]") {
  OneRelay net;
  const crypto::Identity nobody{RelayBench::seed(99)};
  net.alice.send(net.alice.offer(nobody.fingerprint(), "c1"));
  CHECK(hears_hangup(net.alice, "c1", Error));
  CHECK_FALSE(net.call("c1"));
}

TEST_CASE("a caller who writes another name than its own is refused", "[relay][V-05]") {
  OneRelay net;
  Phone eve{net.bench, net.relay, 30};
  auto offer = eve.offer(net.bob.fp(), "c1");
  offer.caller_fingerprint = net.alice.text();
  eve.send(offer);
  CHECK(hears_hangup(eve, "c1", Error));
  CHECK(net.bob.heard_nothing());
  CHECK(net.drops("offer-wrong-caller") == 1);
  SECTION("its own name may be spelled in any way, and is shown in one") {
    offer.caller_fingerprint = eve.text();
    std::erase(offer.caller_fingerprint, ':');
    offer.call_id = "c2";
    eve.send(offer);
    CHECK(net.bob.take<DirectCallOffer>()->caller_fingerprint == eve.text());
  }
}

TEST_CASE("a call id that is in use is refused, and its call goes on", "[relay][V-04]") {
  OneRelay net;
  Phone eve{net.bench, net.relay, 30};
  REQUIRE(ring_and_answer(net.alice, net.bob, "c1"));
  const auto before = *net.call("c1");
  eve.send(eve.offer(net.bob.fp(), "c1"));
  CHECK(hears_hangup(eve, "c1", Error));
  CHECK(net.call("c1") == before);
  CHECK(net.alice.heard_nothing());
  CHECK(net.bob.heard_nothing());
  SECTION("also when it has just ended") {
    net.alice.send(hangup("c1"));
    net.bob.forget();
    eve.send(eve.offer(net.bob.fp(), "c1"));
    CHECK(hears_hangup(eve, "c1", Error));
    CHECK(net.bob.heard_nothing());
  }
}

TEST_CASE("nobody but the parties can say anything about a call", "[relay][V-03]") {
  OneRelay net;
  Phone eve{net.bench, net.relay, 30};
  const bool answered = GENERATE(false, true);
  net.alice.send(net.alice.offer(net.bob.fp(), "c1"));
  if (answered) net.bob.send(net.bob.accept("c1"));
  net.alice.forget();
  net.bob.forget();
  const auto before = *net.call("c1");
  eve.send(eve.accept("c1"));
  eve.send(reject("c1"));
  eve.send(hangup("c1"));
  eve.send(proto::MediaPathReport{"c1", true, "Direct"});
  eve.send(CallRinging{"c1"});
  eve.send(proto::Hangup{});
  CHECK(net.call("c1") == before);
  CHECK(net.alice.heard_nothing());
  CHECK(net.bob.heard_nothing());
  CHECK(eve.heard_nothing());
  CHECK(net.drops("answer-not-callee") == 2);
  CHECK(net.drops("hangup-not-party") == 1);
  CHECK(net.drops("report-not-party") == 1);
}

TEST_CASE("the caller cannot answer its own call, and the first answer wins", "[relay][V-03]") {
  OneRelay net;
  net.alice.send(net.alice.offer(net.bob.fp(), "c1"));
  net.alice.forget();
  net.bob.forget();
  net.alice.send(net.alice.accept("c1"));
  CHECK(net.call("c1")->state == CallState::Ringing);
  net.bob.send(net.bob.accept("c1", CallAcceptMode::AcceptGeneric));
  net.alice.forget();
  net.bob.forget();
  net.bob.send(net.bob.accept("c1"));
  net.bob.send(reject("c1"));
  CHECK(net.call("c1")->accept_mode == CallAcceptMode::AcceptGeneric);
  CHECK(net.is_live("c1"));
  CHECK(net.alice.heard_nothing());
  CHECK(net.bob.heard_nothing());
  CHECK(net.drops("answer-late") == 2);
}

TEST_CASE("bad fields are refused with an error for that call", "[relay]") {
  OneRelay net;
  auto offer = net.alice.offer(net.bob.fp(), "c1");
  SECTION("alias") { offer.caller_alias = std::string(65, 'x'); }
  SECTION("target") { offer.target_fingerprint = "bob"; }
  SECTION("reflexive address") { offer.caller_reflexive_addr = "example.org:1"; }
  SECTION("local address") { offer.caller_local_addrs = {"10.0.0.1"}; }
  SECTION("too many local addresses") { offer.caller_local_addrs.assign(17, "10.0.0.1:1"); }
  SECTION("signature") { offer.signature = Bytes(65, 1); }
  SECTION("profiles") { offer.supported_profiles.assign(33, proto::kGood); }
  SECTION("build") { offer.caller_build_version = std::string(65, 'x'); }
  SECTION("call id") { offer.call_id = "Not An Id"; }
  SECTION("itself") { offer.target_fingerprint = net.alice.text(); }
  net.alice.send(offer);
  CHECK(hears_hangup(net.alice, offer.call_id, Error));
  CHECK(net.bob.heard_nothing());
  CHECK(net.bench.core(net.relay).calls().empty());
}

TEST_CASE("a call id of absurd length is not even echoed", "[relay]") {
  OneRelay net;
  net.alice.send(net.alice.offer(net.bob.fp(), std::string(10'000, 'x')));
  CHECK(net.alice.heard_nothing());
  CHECK(net.drops("offer-bad-field") == 1);
}

TEST_CASE("an answer with bad fields ends the call for both", "[relay]") {
  OneRelay net;
  net.alice.send(net.alice.offer(net.bob.fp(), "c1"));
  net.alice.forget();
  net.bob.forget();
  auto answer = net.bob.accept("c1");
  answer.callee_local_addrs.assign(17, "10.0.0.1:1");
  net.bob.send(answer);
  CHECK(hears_hangup(net.alice, "c1", Error));
  CHECK(hears_hangup(net.bob, "c1", Error));
  CHECK_FALSE(net.is_live("c1"));
}

TEST_CASE("calls and offers are limited per person, address and relay", "[relay][V-61][V-27]") {
  SECTION("live calls of one caller") {
    OneRelay net;
    for (int i = 0; i < 8; ++i) net.alice.send(net.alice.offer(net.bob.fp(), "c" + std::to_string(i)));
    net.alice.forget();
    net.alice.send(net.alice.offer(net.bob.fp(), "c8"));
    CHECK(hears_hangup(net.alice, "c8", Busy));
    CHECK(net.bench.core(net.relay).calls().size() == 8);
  }
  SECTION("offers per minute of one caller") {
    OneRelay net{[](auto& c) { c.offers_per_client = 30; }};
    for (int i = 0; i < 30; ++i) {
      net.alice.send(net.alice.offer(net.bob.fp(), "c" + std::to_string(i)));
      net.alice.send(hangup("c" + std::to_string(i)));
    }
    net.alice.forget();
    net.alice.send(net.alice.offer(net.bob.fp(), "more"));
    CHECK(hears_hangup(net.alice, "more", Busy));
    net.bob.forget();
    net.bob.send(net.bob.offer(net.alice.fp(), "back"));
    CHECK(net.bob.take<CallRinging>());
    net.bench.run_for(2s);
    net.alice.forget();
    net.alice.send(net.alice.offer(net.bob.fp(), "later"));
    CHECK(net.alice.take<CallRinging>());
  }
  SECTION("offers per minute of one address") {
    OneRelay net{[](auto& c) { c.offers_per_address = 1; }};
    net.alice.send(net.alice.offer(net.bob.fp(), "c1"));
    Phone near{net.bench, net.relay, 30};
    near.send(near.offer(net.bob.fp(), "c2"));
    CHECK(hears_hangup(near, "c2", Busy));
    Phone far{net.bench, net.relay, 31, {.remote = {IpAddress::v4(192, 0, 2, 55), 1}}};
    far.send(far.offer(net.bob.fp(), "c3"));
    CHECK(far.take<CallRinging>());
  }
  SECTION("a whole IPv6 network counts as one address") {
    OneRelay net{[](auto& c) { c.offers_per_address = 1; }};
    Phone one{net.bench, net.relay, 30, {.remote = {*IpAddress::parse("2001:db8::1"), 1}}};
    Phone two{net.bench, net.relay, 31, {.remote = {*IpAddress::parse("2001:db8::2"), 1}}};
    one.send(one.offer(net.bob.fp(), "c1"));
    two.send(two.offer(net.bob.fp(), "c2"));
    CHECK(one.take<CallRinging>());
    CHECK(hears_hangup(two, "c2", Busy));
  }
  SECTION("calls in all") {
    OneRelay net{[](auto& c) { c.max_calls = 1; }};
    net.alice.send(net.alice.offer(net.bob.fp(), "c1"));
    net.bob.forget();
    net.bob.send(net.bob.offer(net.alice.fp(), "c2"));
    CHECK(hears_hangup(net.bob, "c2", Busy));
  }
}

TEST_CASE("somebody who reads nothing holds nobody up", "[relay][V-20][V-21]") {
  OneRelay net{[](auto& c) { c.max_calls_per_client = 10'000; }};
  Phone carol{net.bench, net.relay, 30};
  Phone dave{net.bench, net.relay, 40};
  // Bob never reads. Every one of these is one more message for him.
  for (int i = 0; i < 500; ++i) net.alice.send(net.alice.offer(net.bob.fp(), "flood" + std::to_string(i)));
  CHECK(ring_and_answer(carol, dave, "c1"));
  SECTION("and is closed by the shell when its queue is full, which ends its own calls only") {
    net.bob.lose();
    CHECK(net.is_live("c1"));
    CHECK(net.bench.core(net.relay).calls().size() == 1);
  }
}

TEST_CASE("path reports go to the other party of an active call", "[relay]") {
  OneRelay net;
  net.alice.send(net.alice.offer(net.bob.fp(), "c1"));
  net.alice.send(proto::MediaPathReport{"c1", true, "Direct"});
  net.bob.send(net.bob.accept("c1"));
  net.alice.forget();
  net.bob.forget();
  net.alice.send(proto::MediaPathReport{"c1", true, "Direct"});
  net.bob.send(proto::MediaPathReport{"c1", false, "Relay"});
  CHECK(net.bob.take<proto::MediaPathReport>() == proto::MediaPathReport{"c1", true, "Direct"});
  CHECK(net.alice.take<proto::MediaPathReport>() == proto::MediaPathReport{"c1", false, "Relay"});
  CHECK(net.drops("report-before-answer") == 1);
}

TEST_CASE("a hang-up of an ended call does nothing to the next one", "[relay][H-21]") {
  OneRelay net;
  REQUIRE(ring_and_answer(net.alice, net.bob, "c1"));
  net.alice.send(hangup("c1"));
  net.bob.forget();
  REQUIRE(ring_and_answer(net.bob, net.alice, "c2"));
  net.alice.send(hangup("c1"));
  net.bob.send(hangup("c1"));
  CHECK(net.is_live("c2"));
  CHECK(net.alice.heard_nothing());
  CHECK(net.bob.heard_nothing());
}

}  // namespace wzp::test
