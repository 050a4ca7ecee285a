#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "envelopes.hpp"
#include "mesh.hpp"
#include "played_relay.hpp"
#include "wzp/crypto/callee_proof.hpp"

using namespace std::chrono_literals;

// Relays that say that they have somebody, and what it is worth.

namespace wzp::test {

using enum proto::HangupReason;
using proto::CallAcceptMode;
using proto::CallRinging;
using proto::CallSetup;
using proto::DirectCallAnswer;
using proto::DirectCallOffer;
using registry::CallState;

namespace {

/// An accepting answer that nobody has signed.
DirectCallAnswer claimed_answer(const std::string& id) {
  DirectCallAnswer answer;
  answer.call_id = id;
  answer.accept_mode = CallAcceptMode::AcceptTrusted;
  return answer;
}

DirectCallAnswer signed_answer(const crypto::Identity& callee, const DirectCallOffer& offer) {
  auto answer = claimed_answer(offer.call_id);
  const crypto::OfferTerms terms{offer.ephemeral_pub, offer.identity_pub, *Fingerprint::parse(offer.target_fingerprint),
                                 call_id(offer.call_id)};
  const crypto::AnswerTerms own{{7}, callee.public_key(), crypto::sha256(crypto::signed_bytes(terms))};
  const auto signature = callee.sign(crypto::signed_bytes(own));
  answer.identity_pub = own.identity;
  answer.ephemeral_pub = own.ephemeral;
  answer.signature = Bytes{signature.begin(), signature.end()};
  return answer;
}

}  // namespace

TEST_CASE("a relay that merely says that it has the callee keeps no call", "[relay][claim][V-25]") {
  Hub net;
  const auto offer = net.offer("c1");
  net.b.says(CallRinging{"c1"});
  CHECK(net.alice.take<CallRinging>());  // it may be so
  CHECK_FALSE(net.call("c1")->peer_relay_fp());
  CHECK(net.b.end->inbox.empty());  // and is shown nobody's address
  SECTION("nor when it says so again and again") {
    for (int i = 0; i < 10; ++i) net.b.says(CallRinging{"c1"});
    CHECK(net.drops("ringing-repeated") == 10);
  }
  SECTION("nor when it answers") { net.b.says(claimed_answer("c1")); }
  CHECK(net.alice.heard_nothing());
  net.c.says(signed_ringing(net.bob_key, offer));
  CHECK(net.call("c1")->peer_relay_fp() == net.c.fp);
  CHECK(net.b.hears<proto::Hangup>() == proto::Hangup{Normal, "c1"});
  CHECK(net.c.hears<DirectCallOffer>()->caller_reflexive_addr == net.alice.reflexive());
  net.b.says(claimed_answer("c1"));
  CHECK(net.alice.heard_nothing());
  net.c.says(signed_answer(net.bob_key, offer));
  CHECK(net.alice.take<DirectCallAnswer>());
  CHECK(net.alice.take<CallSetup>());
}

TEST_CASE("an answer that the callee has not signed waits until nobody else can have the callee", "[relay][claim][V-25]") {
  Hub net;
  const auto offer = net.offer("c1");
  net.b.says(claimed_answer("c1"));
  CHECK(net.alice.heard_nothing());
  CHECK(net.call("c1")->is_unanswered());
  SECTION("all others say no") { net.c.says(hangup("c1", Error)); }
  SECTION("the link to the last other one goes") { net.bench.lose(*net.c.end); }
  SECTION("the others say nothing for 4 s") {
    net.bench.run_for(4s - 1ns);
    CHECK(net.alice.heard_nothing());
    net.bench.run_for(1ns);
  }
  SECTION("another one only rings, for 4 s") {
    net.c.says(CallRinging{"c1"});
    CHECK(net.alice.take<CallRinging>());
    net.bench.run_for(4s);
    CHECK(net.c.hears<proto::Hangup>() == proto::Hangup{Normal, "c1"});
  }
  CHECK(net.alice.take<DirectCallAnswer>());
  CHECK(net.alice.take<CallSetup>());
  CHECK(net.call("c1")->state == CallState::Active);
  CHECK(net.call("c1")->peer_relay_fp() == net.b.fp);
}

TEST_CASE("what the callee has signed counts at once", "[relay][claim]") {
  Hub net;
  const auto offer = net.offer("c1");
  const bool liar_first = GENERATE(false, true);
  if (liar_first) {
    net.b.says(CallRinging{"c1"});
    net.alice.forget();
  }
  net.c.says(signed_answer(net.bob_key, offer));
  CHECK(net.alice.take<DirectCallAnswer>());
  CHECK(net.alice.take<CallSetup>());
  CHECK(net.b.hears<proto::Hangup>().has_value() == liar_first);
}

TEST_CASE("a signature of somebody else, or for something else, is no proof but a misdeed", "[relay][claim]") {
  Hub net;
  const auto offer = net.offer("c1");
  auto forged = signed_ringing(net.bob_key, offer);
  SECTION("signed by the relay's own friend") { forged = signed_ringing(net.alice.identity(), offer); }
  SECTION("for an offer with another key") {
    auto other = offer;
    other.ephemeral_pub[0] ^= 1;
    forged.signature = signed_ringing(net.bob_key, other).signature;
  }
  SECTION("for another call") {
    auto other = offer;
    other.call_id = "c2";
    forged.signature = signed_ringing(net.bob_key, other).signature;
  }
  SECTION("cut") { forged.signature->pop_back(); }
  SECTION("empty") { forged.signature->clear(); }
  SECTION("without the key") { forged.identity_pub.reset(); }
  net.b.says(forged);
  CHECK(net.drops("ringing-bad-signature") == 1);
  CHECK(net.alice.heard_nothing());
  CHECK_FALSE(net.call("c1")->peer_relay_fp());
  net.c.says(signed_ringing(net.bob_key, offer));
  CHECK(net.call("c1")->peer_relay_fp() == net.c.fp);
}

TEST_CASE("a no without proof is that relay's no", "[relay][claim][V-07]") {
  Hub net;
  const auto offer = net.offer("c1");
  const bool rang = GENERATE(false, true);
  if (rang) net.b.says(CallRinging{"c1"});
  net.alice.forget();
  net.b.says(reject("c1"));
  CHECK(net.alice.heard_nothing());
  SECTION("the callee is with another one") {
    net.c.says(signed_ringing(net.bob_key, offer));
    CHECK(net.call("c1")->peer_relay_fp() == net.c.fp);
    net.alice.forget();
    net.c.says(reject("c1"));
    CHECK(hears_hangup(net.alice, "c1", Declined));
  }
  SECTION("nobody else has the callee") {
    net.c.says(hangup("c1", Error));
    CHECK(hears_hangup(net.alice, "c1", Declined));
  }
  SECTION("nobody else says anything") {
    net.bench.run_for(4s);
    CHECK(hears_hangup(net.alice, "c1", Declined));
  }
}

TEST_CASE("the callee's proof goes all the way, and each relay on it believes it", "[relay][claim][route]") {
  Mesh mesh{4, Mesh::line(4)};
  Phone alice{mesh.bench, 0, 10};
  Phone bob{mesh.bench, 3, 20};
  mesh.bench.run_for(1s);
  alice.send(alice.offer(bob.fp(), "c1"));
  const auto offer = bob.take<DirectCallOffer>();
  REQUIRE(offer);
  CHECK(alice.take<CallRinging>());
  SECTION("with it") {
    mesh.bench.between_relays.clear();
    bob.send(bob.rings(*offer));
    for (int relay = 0; relay < 3; ++relay) CHECK(mesh.call(relay, "c1")->relay_toward(registry::Role::Callee));
    std::size_t proofs = 0;
    for (const auto& [relay, message] : mesh.bench.between_relays) {
      const auto unwrapped = unwrap(message);
      const auto* ringing = unwrapped ? std::get_if<CallRinging>(&unwrapped->inner) : nullptr;
      if (ringing != nullptr && *ringing == bob.rings(*offer)) ++proofs;
    }
    CHECK(proofs == 3);  // once over each link
    CHECK(alice.heard_nothing());
    bob.send(bob.rings(*offer));
    CHECK(mesh.drops(3, "ringing-repeated") == 1);
  }
  SECTION("without it, as soon as nobody else can have the callee") {
    mesh.bench.run_for(2s);
    for (int relay = 0; relay < 3; ++relay) CHECK(mesh.call(relay, "c1")->relay_toward(registry::Role::Callee));
  }
  bob.send(bob.accept("c1"));
  CHECK(alice.take<DirectCallAnswer>());
}

TEST_CASE("a client proves nothing about the calls of others", "[relay][claim][V-03]") {
  TwoRelays net;
  Phone eve{net.bench, net.b, 66};
  const auto offer = net.alice.offer(net.bob.fp(), "c1");
  net.alice.send(offer);
  net.alice.forget();
  net.bench.between_relays.clear();
  SECTION("in its own name") { eve.send(eve.rings(offer)); }
  SECTION("in the callee's") { eve.send(net.bob.rings(offer)); }
  SECTION("the callee, about another offer") {
    auto other = offer;
    other.ephemeral_pub[0] ^= 1;
    net.bob.send(net.bob.rings(other));
    CHECK(net.drops(net.b, "ringing-bad-signature") == 1);
  }
  SECTION("the callee, without a signature") { net.bob.send(CallRinging{"c1"}); }
  SECTION("the caller") { net.alice.send(net.bob.rings(offer)); }
  CHECK(net.bench.between_relays.empty());
  CHECK(net.alice.heard_nothing());
}

TEST_CASE("a phone that shows no sign of life does not keep the calls of a person who is elsewhere unannounced",
          "[relay][claim]") {
  Mesh mesh{3, Mesh::full(3)};
  Phone alice{mesh.bench, 0, 10};
  Phone left_behind{mesh.bench, 1, 20};
  mesh.bench.run_for(1s);
  left_behind.end().is_dead = true;
  Phone bob{mesh.bench, 2, 20, {.caps = {"relay-media", "no-announce"}}};
  alice.send(alice.offer(bob.fp(), "c1"));
  CHECK(alice.take<CallRinging>());
  CHECK(bob.heard_nothing());  // announced is the relay that he has left
  mesh.bench.run_for(2s);
  const auto offer = bob.take<DirectCallOffer>();
  REQUIRE(offer);
  bob.send(bob.rings(*offer));
  bob.send(bob.accept("c1"));
  CHECK(alice.take<DirectCallAnswer>());
}

TEST_CASE("whoever rings or answers for a call that is no more is told so", "[relay][claim][V-10]") {
  Hub net;
  const auto offer = net.offer("c1");
  const bool was_known = GENERATE(true, false);  // false: as after a restart
  const auto id = was_known ? "c1" : "c2";
  if (was_known) net.alice.send(hangup("c1"));
  net.b.end->inbox.clear();
  const bool rings = GENERATE(true, false);
  rings ? net.b.says(CallRinging{id}) : net.b.says(claimed_answer(id));
  CHECK(net.b.hears<proto::Hangup>() == proto::Hangup{Normal, id});
  CHECK(net.drops(rings ? "ringing-unknown-call" : "answer-unknown-call") == 1);
  net.b.says(hangup(id));  // and nobody answers that
  CHECK(net.b.end->inbox.empty());
  CHECK(net.alice.heard_nothing());
}

}  // namespace wzp::test
