#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "calls_bench.hpp"

// Deployed clients: no capabilities, no signature, hang-ups without call id, and any Hangup ends whatever they do.

using namespace std::chrono_literals;

namespace wzp::test {

using enum proto::HangupReason;

namespace {

struct Stock {
  RelayBench bench;
  std::size_t relay = bench.add_relay(1, [](auto& c) { c.allow_unsigned_registration = true; });
  Phone alice = phone(10);
  Phone bob = phone(20);
  Phone carol = phone(30);

  Phone phone(std::uint8_t name) { return Phone{bench, relay, name, {.is_signed = false, .caps = {}}}; }
  [[nodiscard]] bool is_live(const std::string& id) {
    const auto call = bench.core(relay).call(call_id(id));
    return call && call->is_live();
  }
  void forget() {
    for (auto* p : {&alice, &bob, &carol}) p->forget();
  }
};

}  // namespace

TEST_CASE("stock clients call, answer and hang up without call id", "[relay]") {
  Stock net;
  auto offer = net.alice.offer(net.bob.fp(), "00000000deadbeef");
  offer.signature.clear();
  offer.identity_pub = {};
  offer.ephemeral_pub = {};
  net.alice.send(offer);
  CHECK(net.alice.take<proto::CallRinging>());
  REQUIRE(net.bob.take<proto::DirectCallOffer>());
  net.bob.send(net.bob.accept(offer.call_id));
  CHECK(net.alice.take<proto::DirectCallAnswer>());
  CHECK(net.alice.take<proto::CallSetup>()->peer_direct_addr == net.bob.reflexive());
  CHECK(net.bob.take<proto::CallSetup>()->peer_direct_addr == net.alice.reflexive());
  auto& from = GENERATE(false, true) ? net.alice : net.bob;
  from.send(proto::Hangup{});
  CHECK(hears_hangup(&from == &net.alice ? net.bob : net.alice, offer.call_id, Normal));
  CHECK_FALSE(net.is_live(offer.call_id));
}

TEST_CASE("a cancelled second call does not end the first one of a stock client", "[relay][V-59]") {
  Stock net;
  REQUIRE(ring_and_answer(net.alice, net.bob, "c1"));
  net.carol.send(net.carol.offer(net.bob.fp(), "c2"));
  REQUIRE(net.bob.take<proto::DirectCallOffer>());
  SECTION("cancelled by the caller") { net.carol.send(proto::Hangup{}); }
  SECTION("not answered in time") { net.bench.run_for(60s); }
  SECTION("caller lost") { net.carol.lose(); }
  CHECK_FALSE(net.is_live("c2"));
  CHECK(net.is_live("c1"));
  CHECK(net.bob.heard_nothing());
  CHECK(net.bench.core(net.relay).counters().drops("hangup-withheld") == 1);
  net.alice.send(proto::Hangup{});
  CHECK(hears_hangup(net.bob, "c1", Normal));
}

TEST_CASE("a refused second offer does not end the call of a stock client", "[relay][V-59]") {
  Stock net;
  REQUIRE(ring_and_answer(net.alice, net.bob, "c1"));
  net.bob.send(net.bob.offer(crypto::Identity{RelayBench::seed(99)}.fingerprint(), "c2"));
  CHECK(net.bob.heard_nothing());
  CHECK(net.is_live("c1"));
}

TEST_CASE("a refused offer of a stock client that is in no call is told", "[relay]") {
  Stock net;
  net.alice.send(net.alice.offer(crypto::Identity{RelayBench::seed(99)}.fingerprint(), "c1"));
  CHECK(hears_hangup(net.alice, "c1", Error));
}

TEST_CASE("a stale hang-up without call id leaves the next call alone", "[relay][H-21]") {
  Stock net;
  REQUIRE(ring_and_answer(net.alice, net.bob, "c1"));
  const bool with_id = GENERATE(false, true);
  const proto::SignalMessage goodbye = with_id ? hangup("c1") : proto::SignalMessage{proto::Hangup{}};
  SECTION("the hang-up comes twice, and the second one finds the next call ringing") {
    net.alice.send(goodbye);
    net.bob.send(net.bob.offer(net.alice.fp(), "c2"));
    net.alice.send(goodbye);
    CHECK(net.is_live("c2"));
  }
  SECTION("both parties hang up, and one calls again at once") {
    net.alice.send(goodbye);
    net.bob.send(net.bob.offer(net.alice.fp(), "c2"));
    net.alice.send(goodbye);
    CHECK(net.is_live("c2"));
  }
  SECTION("the offer of the next call overtakes the hang-up") {
    net.bob.send(net.bob.offer(net.alice.fp(), "c2"));
    net.alice.send(goodbye);
    CHECK(net.is_live("c2"));
    CHECK_FALSE(net.is_live("c1"));
  }
}

TEST_CASE("a hang-up without call id refuses the one call that rings", "[relay]") {
  Stock net;
  net.alice.send(net.alice.offer(net.bob.fp(), "c1"));
  net.forget();
  net.bob.send(proto::Hangup{});
  CHECK(hears_hangup(net.alice, "c1", Normal));
  CHECK_FALSE(net.is_live("c1"));
}

TEST_CASE("a hang-up without call id takes the own calls before the offered ones", "[relay]") {
  Stock net;
  net.alice.send(net.alice.offer(net.bob.fp(), "c1"));
  net.bench.run_for(5s);
  net.bob.send(net.bob.offer(net.carol.fp(), "c2"));
  net.bob.send(proto::Hangup{});
  CHECK(net.is_live("c1"));
  CHECK_FALSE(net.is_live("c2"));
  net.bob.send(proto::Hangup{});
  CHECK_FALSE(net.is_live("c1"));
}

TEST_CASE("path reports are not sent to a program that may not know them", "[relay]") {
  Stock net;
  auto offer = net.alice.offer(net.bob.fp(), "c1");
  const bool new_caller = GENERATE(false, true);
  if (new_caller) offer.caller_build_version = "9377a90";
  net.alice.send(offer);
  net.bob.send(net.bob.accept("c1"));
  net.forget();
  net.bob.send(proto::MediaPathReport{"c1", true, "Direct"});
  CHECK(net.alice.take<proto::MediaPathReport>().has_value() == new_caller);
  net.alice.send(proto::MediaPathReport{"c1", true, "Direct"});
  CHECK(net.bob.heard_nothing());
}

}  // namespace wzp::test
