#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "solo.hpp"
#include "wzp/crypto/callee_proof.hpp"

using namespace wzp;
using namespace wzp::client;
using namespace wzp::test;
using proto::CallAcceptMode;
using proto::HangupReason;

namespace {

Solo registered(std::string_view name = "alice", bool allow_unsealed = false) {
  auto c = config(name);
  c.allow_unsealed = allow_unsealed;
  Solo s{std::move(c)};
  s.make_registered();
  return s;
}

bool is_reject(const Actions& out, const CallId& id) {
  const auto answers = sent<proto::DirectCallAnswer>(out);
  if (answers.size() != 1) return false;
  const auto& m = answers[0];
  return m.accept_mode == CallAcceptMode::Reject && m.call_id == id.text() && !m.identity_pub && !m.ephemeral_pub &&
         !m.signature && !m.callee_reflexive_addr && m.callee_local_addrs.empty();
}

/// Two names in the order of their fingerprints.
std::pair<std::string, std::string> by_fingerprint() {
  std::pair<std::string, std::string> out{"alice", "bob"};
  if (identity("bob").fingerprint() < identity("alice").fingerprint()) std::swap(out.first, out.second);
  return out;
}

}  // namespace

TEST_CASE("a signed offer rings as a sealed call", "[client]") {
  auto s = registered();
  const auto out = s.signal(offer_from("bob", "alice", call_id("1")));
  CHECK(told<Incoming>(out) == std::vector{Incoming{call_id("1"), identity("bob").fingerprint(), "bob", true, false}});
  CHECK(told<SignerLearned>(out).size() == 1);
  CHECK(all<SendSignal>(out).empty());  // no ringing message from the callee
  CHECK(s.core.call_state() == CallState::Incoming);
}

TEST_CASE("an offer that is not quite right never rings", "[client][V-05]") {
  auto s = registered("alice", GENERATE(true, false));
  auto offer = offer_from("bob", "alice", call_id("1"));
  SECTION("a flipped signature") { offer.signature[5] ^= 1; }
  SECTION("another caller's name on it") { offer.caller_fingerprint = to_string(identity("carol").fingerprint()); }
  SECTION("another key") { offer.identity_pub = identity("carol").public_key(); }
  SECTION("another ephemeral key") { offer.ephemeral_pub[0] ^= 1; }
  SECTION("another call") { offer.call_id = call_id("2").text(); }
  SECTION("signed for somebody else") { offer.target_fingerprint = to_string(identity("carol").fingerprint()); }
  SECTION("zero keys with a signature") { offer.identity_pub = {}; }
  SECTION("half a signature") { offer.signature.resize(32); }
  const auto out = s.signal(offer);
  CHECK(told<Incoming>(out).empty());
  CHECK(told<MissedCall>(out).size() == 1);
  CHECK(is_reject(out, *CallId::parse(offer.call_id)));
  CHECK(s.core.call_state() == CallState::None);
}

TEST_CASE("an offer with unusable texts is refused or dropped", "[client]") {
  auto s = registered();
  auto offer = offer_from("bob", "alice", call_id("1"));
  SECTION("call id") {
    offer.call_id = "Not An Id";
    CHECK(all<SendSignal>(s.signal(offer)).empty());
  }
  SECTION("caller") {
    offer.caller_fingerprint = "nobody";
    CHECK(is_reject(s.signal(offer), call_id("1")));
  }
  SECTION("target") {
    offer.target_fingerprint = "";
    CHECK(is_reject(s.signal(offer), call_id("1")));
  }
  CHECK(s.core.call_state() == CallState::None);
}

TEST_CASE("an unsigned offer is refused unless that was allowed and the caller never signed", "[client]") {
  const bool allowed = GENERATE(true, false);
  const bool signed_before = GENERATE(true, false);
  auto c = config("alice");
  c.allow_unsealed = allowed;
  if (signed_before) c.known_signers = {identity("bob").fingerprint()};
  Solo s{std::move(c)};
  s.make_registered();
  const auto out = s.signal(unsigned_offer_from("bob", "alice", call_id("1")));
  if (allowed && !signed_before) {
    REQUIRE(told<Incoming>(out).size() == 1);
    CHECK_FALSE(told<Incoming>(out)[0].sealed);
    const auto answers =
        sent<proto::DirectCallAnswer>(s.give(Answer{call_id("1"), CallAcceptMode::AcceptGeneric, secret("e")}));
    REQUIRE(answers.size() == 1);
    CHECK_FALSE(answers[0].identity_pub);  // without keys toward an unsigned offer
    CHECK_FALSE(answers[0].signature);
  } else {
    CHECK(is_reject(out, call_id("1")));
    CHECK(told<MissedCall>(out).size() == 1);
  }
}

TEST_CASE("who signed once may never come unsigned again", "[client]") {
  auto s = registered("alice", true);
  REQUIRE(told<Incoming>(s.signal(offer_from("bob", "alice", call_id("1")))).size() == 1);
  (void)s.signal(proto::Hangup{HangupReason::Normal, call_id("1").text()});
  CHECK(is_reject(s.signal(unsigned_offer_from("bob", "alice", call_id("2"))), call_id("2")));
}

TEST_CASE("an answer decides whether the call is sealed, and a bad one ends it", "[client]") {
  const bool allowed = GENERATE(true, false);
  auto s = registered("alice", allowed);
  const auto offer = s.place();
  auto answer = answer_from("bob", offer);
  SECTION("signed") {
    const auto out = s.signal(answer);
    REQUIRE(told<Answered>(out).size() == 1);
    CHECK(told<Answered>(out)[0].sealed);
    CHECK(told<CheckCode>(out).size() == 1);
    CHECK(told<CheckCode>(out)[0].digits.size() == 4);
  }
  SECTION("unsigned") {
    answer.identity_pub.reset();
    answer.ephemeral_pub.reset();
    answer.signature.reset();
    const auto out = s.signal(answer);
    if (allowed) {
      REQUIRE(told<Answered>(out).size() == 1);
      CHECK_FALSE(told<Answered>(out)[0].sealed);
      CHECK(told<CheckCode>(out).empty());
    } else {
      CHECK(told<Ended>(out)[0].reason == EndReason::IdentityRefused);
      CHECK(sent<proto::Hangup>(out) == std::vector{proto::Hangup{HangupReason::Error, call_id("1").text()}});
    }
  }
  SECTION("of somebody else") {
    const auto other = answer_from("carol", offer);
    const auto out = s.signal(other);
    CHECK(told<Ended>(out)[0].reason == EndReason::IdentityRefused);
    CHECK(exit_code(told<Ended>(out)[0].reason) == 4);
  }
  SECTION("to another offer") {
    auto changed = offer;
    changed.ephemeral_pub = crypto::EphemeralKey{secret("another")}.public_key();
    CHECK(told<Ended>(s.signal(answer_from("bob", changed)))[0].reason == EndReason::IdentityRefused);
  }
}

TEST_CASE("an unsigned answer of somebody who signed before ends the call", "[client]") {
  auto c = config("alice");
  c.allow_unsealed = true;
  c.known_signers = {identity("bob").fingerprint()};
  Solo s{std::move(c)};
  s.make_registered();
  auto answer = answer_from("bob", s.place());
  answer.signature.reset();
  CHECK(told<Ended>(s.signal(answer))[0].reason == EndReason::IdentityRefused);
}

TEST_CASE("a call id rings once in ten minutes", "[client][V-15]") {
  auto s = registered();
  const auto offer = offer_from("bob", "alice", call_id("1"));
  REQUIRE(told<Incoming>(s.signal(offer)).size() == 1);
  CHECK(s.signal(offer).empty());  // the same call, once more: not a second one, and not its end
  (void)s.signal(proto::Hangup{HangupReason::Normal, call_id("1").text()});
  SECTION("replayed") {
    s.now += 10min - 1ns;
    CHECK(is_reject(s.signal(offer), call_id("1")));
  }
  SECTION("after ten minutes it is forgotten") {
    s.now += 10min;
    CHECK(told<Incoming>(s.signal(offer)).size() == 1);
  }
  SECTION("after 256 others it is forgotten") {
    for (int i = 0; i < 255; ++i) (void)s.signal(unsigned_offer_from("bob", "alice", call_id("n" + std::to_string(i))));
    CHECK(is_reject(s.signal(offer), call_id("1")));
    (void)s.signal(unsigned_offer_from("bob", "alice", call_id("last")));
    CHECK(told<Incoming>(s.signal(offer)).size() == 1);
  }
}

TEST_CASE("whoever is called signs that the offer is here, for relays that pass it on", "[client]") {
  Solo s;
  const bool reads = GENERATE(true, false);
  s.make_registered(s.ack(reads ? proto::Caps{"relay-media", "ring-proof"} : proto::Caps{"relay-media"}));
  if (GENERATE(false, true)) (void)s.place();  // busy, or not: it has reached us
  const auto offer = offer_from("bob", "alice", call_id("2"));
  const auto said = sent<proto::CallRinging>(s.signal(offer));
  REQUIRE(said.size() == (reads ? 1 : 0));
  if (reads) {
    const crypto::OfferTerms terms{offer.ephemeral_pub, offer.identity_pub, identity("alice").fingerprint(),
                                   call_id("2")};
    CHECK(said[0].call_id == call_id("2").text());
    CHECK(said[0].identity_pub == identity("alice").public_key());
    CHECK(crypto::verify_ringing(terms, said[0].identity_pub.value(), said[0].signature.value()));
  }
  SECTION("not what is refused for what it is") {
    auto forged = offer_from("bob", "alice", call_id("3"));
    forged.signature[0] ^= 1;
    CHECK(sent<proto::CallRinging>(s.signal(forged)).empty());
  }
  SECTION("nor a second time") { CHECK(sent<proto::CallRinging>(s.signal(offer)).empty()); }
}

TEST_CASE("a second caller is told that we are busy, in words the relay understands", "[client][D-41]") {
  const bool ours = GENERATE(true, false);
  Solo s;
  s.make_registered(s.ack(ours ? proto::Caps{"relay-media"} : proto::Caps{}));
  const bool calling = GENERATE(true, false);
  if (calling) {
    (void)s.place();
  } else {
    REQUIRE(told<Incoming>(s.signal(offer_from("bob", "alice", call_id("1")))).size() == 1);
  }
  const auto state = s.core.call_state();
  const auto out = s.signal(offer_from("carol", "alice", call_id("2")));
  CHECK(told<MissedCall>(out).size() == 1);
  CHECK(told<Incoming>(out).empty());
  if (ours) {
    CHECK(sent<proto::Hangup>(out) == std::vector{proto::Hangup{HangupReason::Busy, call_id("2").text()}});
  } else {
    CHECK(sent<proto::Hangup>(out).empty());  // a base relay would end all our calls
    CHECK(is_reject(out, call_id("2")));
  }
  CHECK(s.core.call_state() == state);
  CHECK(s.core.call_id() == call_id("1"));
}

TEST_CASE("if both call each other, the smaller fingerprint's call survives", "[client][D-41]") {
  const auto [smaller, larger] = by_fingerprint();
  const bool ring_first = GENERATE(true, false);
  SECTION("ours survives") {
    Solo s{config(smaller)};
    s.make_registered();
    (void)s.give(PlaceCall{identity(larger).fingerprint(), call_id("1"), secret("e")});
    (void)s.signal(proto::ReflectResponse{"8.8.8.8:4000"});
    if (ring_first) (void)s.signal(proto::CallRinging{call_id("1").text()});
    const auto out = s.signal(offer_from(larger, smaller, call_id("2")));
    CHECK(is_reject(out, call_id("2")));
    CHECK(told<Incoming>(out).empty());
    CHECK(s.core.call_id() == call_id("1"));
  }
  SECTION("theirs survives") {
    Solo s{config(larger)};
    s.make_registered();
    (void)s.give(PlaceCall{identity(smaller).fingerprint(), call_id("1"), secret("e")});
    (void)s.signal(proto::ReflectResponse{"8.8.8.8:4000"});
    if (ring_first) (void)s.signal(proto::CallRinging{call_id("1").text()});
    const auto out = s.signal(offer_from(smaller, larger, call_id("2")));
    CHECK(sent<proto::Hangup>(out) == std::vector{proto::Hangup{HangupReason::Normal, call_id("1").text()}});
    REQUIRE(told<Incoming>(out).size() == 1);
    CHECK(told<Incoming>(out)[0].mutual);
    CHECK(told<Ended>(out).empty());
    CHECK(s.core.call_id() == call_id("2"));
    CHECK(s.signal(proto::Hangup{HangupReason::Declined, call_id("1").text()}).empty());
  }
}

TEST_CASE("an offer that comes before ours went out is simply taken", "[client][D-41]") {
  const auto [smaller, larger] = by_fingerprint();
  Solo s{config(smaller)};
  s.make_registered();
  (void)s.give(PlaceCall{identity(larger).fingerprint(), call_id("1"), secret("e")});
  const auto out = s.signal(offer_from(larger, smaller, call_id("2")));
  CHECK(all<SendSignal>(out).empty());  // nobody knows of our call yet
  REQUIRE(told<Incoming>(out).size() == 1);
  CHECK(told<Incoming>(out)[0].mutual);
}

TEST_CASE("what cannot be called is refused at once", "[client]") {
  Solo s;
  const auto try_to_call = [&](std::string_view whom) {
    const auto out = s.give(PlaceCall{identity(whom).fingerprint(), call_id("9"), secret("e")});
    REQUIRE(told<Ended>(out).size() == 1);
    CHECK(all<SendSignal>(out).empty());
    return told<Ended>(out)[0].reason;
  };
  CHECK(try_to_call("bob") == EndReason::NotConnected);
  s.make_registered();
  CHECK(try_to_call("alice") == EndReason::Failed);
  (void)s.place();
  CHECK(try_to_call("carol") == EndReason::Failed);
  CHECK(s.core.call_id() == call_id("1"));
}

TEST_CASE("an offer says all it must", "[client]") {
  Solo s;
  s.make_registered();
  const auto offer = s.place();
  CHECK(offer.caller_fingerprint == to_string(identity("alice").fingerprint()));
  CHECK(offer.target_fingerprint == to_string(identity("bob").fingerprint()));
  CHECK(offer.caller_reflexive_addr == "8.8.8.8:4000");
  CHECK(offer.caller_local_addrs == std::vector<std::string>{"10.0.0.1:4000"});
  CHECK(offer.caller_build_version == "wzp test");
  CHECK_FALSE(offer.caps.empty());
  CHECK(offer.supported_profiles == std::vector{proto::kGood});
  const crypto::OfferFields fields{identity("alice").fingerprint(),
                                   identity("bob").fingerprint(),
                                   call_id("1"),
                                   offer.identity_pub,
                                   offer.ephemeral_pub,
                                   offer.signature};
  CHECK(crypto::judge_offer(fields, identity("bob").fingerprint()).agreement == crypto::Agreement::Sealed);
}

TEST_CASE("with relay-only no address leaves us", "[client]") {
  auto c = config("alice");
  c.relay_only = true;
  Solo s{std::move(c)};
  s.make_registered();
  SECTION("as caller") {
    const auto offers =
        sent<proto::DirectCallOffer>(s.give(PlaceCall{identity("bob").fingerprint(), call_id("1"), secret("e")}));
    REQUIRE(offers.size() == 1);  // at once: nobody is asked for our address
    CHECK_FALSE(offers[0].caller_reflexive_addr);
    CHECK(offers[0].caller_local_addrs.empty());
  }
  SECTION("as callee") {
    (void)s.signal(offer_from("bob", "alice", call_id("1")));
    const auto answers =
        sent<proto::DirectCallAnswer>(s.give(Answer{call_id("1"), CallAcceptMode::AcceptTrusted, secret("e")}));
    REQUIRE(answers.size() == 1);
    CHECK(answers[0].accept_mode == CallAcceptMode::AcceptGeneric);
    CHECK_FALSE(answers[0].callee_reflexive_addr);
    CHECK(answers[0].callee_local_addrs.empty());
  }
}

TEST_CASE("a private answer asks for no address and shows none, a trusted one does both", "[client][D-09][D-19]") {
  Solo s;
  s.make_registered();
  (void)s.signal(offer_from("bob", "alice", call_id("1")));
  SECTION("private") {
    const auto out = s.give(Answer{call_id("1"), CallAcceptMode::AcceptGeneric, secret("e")});
    CHECK(sent<proto::Reflect>(out).empty());
    REQUIRE(sent<proto::DirectCallAnswer>(out).size() == 1);
    CHECK(sent<proto::DirectCallAnswer>(out)[0].callee_local_addrs.empty());
    CHECK_FALSE(sent<proto::DirectCallAnswer>(out)[0].callee_reflexive_addr);
  }
  SECTION("trusted") {
    const auto out = s.give(Answer{call_id("1"), CallAcceptMode::AcceptTrusted, secret("e")});
    CHECK(sent<proto::Reflect>(out).size() == 1);
    CHECK(sent<proto::DirectCallAnswer>(out).empty());
    const auto answers = sent<proto::DirectCallAnswer>(s.signal(proto::ReflectResponse{"8.8.8.8:4000"}));
    REQUIRE(answers.size() == 1);
    CHECK(answers[0].callee_reflexive_addr == "8.8.8.8:4000");
    CHECK(answers[0].callee_local_addrs == std::vector<std::string>{"10.0.0.1:4000"});
    CHECK(answers[0].callee_build_version == "wzp test");
    CHECK(answers[0].signature);
  }
}

TEST_CASE("the address in an offer is that of this registration, not of an earlier one", "[client][D-14]") {
  Solo s;
  s.make_registered();
  CHECK(s.place().caller_reflexive_addr == "8.8.8.8:4000");
  (void)s.give(HangUp{});
  s.now += 1min;
  (void)s.give(Lost{Solo::kSignal, {}, "x"});
  const auto dial = all<DialRelay>(s.tick())[0].dial;
  (void)s.give(s.connected(dial, conn(11)));
  (void)s.give(Signal{conn(11), s.ack()});
  (void)s.give(PlaceCall{identity("bob").fingerprint(), call_id("2"), secret("e")});
  const auto offers = sent<proto::DirectCallOffer>(s.give(Signal{conn(11), proto::ReflectResponse{"8.8.4.4:5000"}}));
  REQUIRE(offers.size() == 1);
  CHECK(offers[0].caller_reflexive_addr == "8.8.4.4:5000");
}
