#include "wzp/crypto/call_agreement.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "vectors.hpp"

using namespace wzp;
using namespace wzp::crypto;
using wzp::test::filled;
using wzp::test::hex;
using wzp::test::vectors;

namespace {

const Identity kCaller{filled(0xaa)};
const Identity kCallee{filled(0xbb)};
const Identity kStranger{filled(0xcc)};
const CallId kCall = *CallId::parse("0123456789abcdef0123456789abcdef");

PlacedOffer an_offer() { return place_offer(kCaller, EphemeralKey{filled(0x11)}, kCallee.fingerprint(), kCall); }

OfferFields fields_of(const PlacedOffer& offer) {
  return {kCaller.fingerprint(), offer.terms.target,    offer.terms.call_id,
          offer.terms.identity,  offer.terms.ephemeral, offer.signature};
}

SignedAnswer an_answer(const PlacedOffer& offer) {
  const auto verdict = judge_offer(fields_of(offer), kCallee.fingerprint());
  REQUIRE(verdict.agreement == Agreement::Sealed);
  auto answer = answer_offer(kCallee, EphemeralKey{filled(0x22)}, *verdict.terms);
  REQUIRE(answer);
  return *answer;
}

AnswerFields fields_of(const SignedAnswer& answer) {
  return {kCall, answer.terms.identity, answer.terms.ephemeral, answer.signature};
}

}  // namespace

TEST_CASE("offers are signed as the vectors say", "[crypto][golden]") {
  for (const auto& v : vectors("ours.jsonl", "offer_signature", 3)) {
    INFO(v.name());
    const Fingerprint target{v.array<16>("target_fingerprint")};
    const PlacedOffer offer = place_offer(Identity{v.secret("caller_seed")}, EphemeralKey{v.secret("ephemeral_secret")},
                                          target, *CallId::parse(v.text("call_id")));
    CHECK(hex(offer.terms.identity) == v.text("identity_pub"));
    CHECK(hex(offer.terms.ephemeral) == v.text("ephemeral_pub"));
    CHECK(hex(signed_bytes(offer.terms)) == v.text("signed_bytes"));
    CHECK(hex(offer.signature) == v.text("signature"));
    const OfferFields fields{fingerprint_of(offer.terms.identity),
                             target,
                             offer.terms.call_id,
                             offer.terms.identity,
                             offer.terms.ephemeral,
                             offer.signature};
    CHECK(judge_offer(fields, target).agreement == Agreement::Sealed);
  }
}

TEST_CASE("answers are signed as the vectors say", "[crypto][golden]") {
  for (const auto& v : vectors("ours.jsonl", "answer_signature", 3)) {
    INFO(v.name());
    const Identity callee{v.secret("callee_seed")};
    const AnswerTerms terms{EphemeralKey{v.secret("ephemeral_secret")}.public_key(), callee.public_key(),
                            v.array<32>("offer_hash")};
    CHECK(hex(terms.ephemeral) == v.text("ephemeral_pub"));
    CHECK(hex(signed_bytes(terms)) == v.text("signed_bytes"));
    CHECK(hex(callee.sign(signed_bytes(terms))) == v.text("signature"));
  }
}

TEST_CASE("a whole agreement gives the vectors' signatures and keys on both sides", "[crypto][golden]") {
  const auto offers = vectors("ours.jsonl", "offer_signature", 3);
  const auto answers = vectors("ours.jsonl", "answer_signature", 3);
  const auto keys = vectors("ours.jsonl", "call_keys", 3);
  const auto i = GENERATE(std::size_t{0}, std::size_t{1}, std::size_t{2});
  const Identity caller{offers[i].secret("caller_seed")}, callee{answers[i].secret("callee_seed")};

  const PlacedOffer offer = place_offer(caller, EphemeralKey{offers[i].secret("ephemeral_secret")},
                                        callee.fingerprint(), *CallId::parse(offers[i].text("call_id")));
  const auto heard = judge_offer({caller.fingerprint(), offer.terms.target, offer.terms.call_id, offer.terms.identity,
                                  offer.terms.ephemeral, offer.signature},
                                 callee.fingerprint());
  REQUIRE(heard.agreement == Agreement::Sealed);
  const auto answer = answer_offer(callee, EphemeralKey{answers[i].secret("ephemeral_secret")}, *heard.terms);
  REQUIRE(answer);
  CHECK(hex(answer->signature) == answers[i].text("signature"));
  CHECK(hex(answer->keys.chain_caller.view()) == keys[i].text("caller_chain_0"));
  CHECK(answer->keys.check_code() == keys[i].text("check_code"));

  const auto verdict =
      judge_answer(offer, {offer.terms.call_id, answer->terms.identity, answer->terms.ephemeral, answer->signature});
  REQUIRE(verdict.agreement == Agreement::Sealed);
  CHECK(*verdict.keys == answer->keys);
}

TEST_CASE("an offer changed on the way is invalid", "[crypto]") {
  const PlacedOffer offer = an_offer();
  OfferFields fields = fields_of(offer);
  Signature changed = offer.signature;
  SECTION("another ephemeral key") { fields.ephemeral_pub = EphemeralKey{filled(0x33)}.public_key(); }
  SECTION("no ephemeral key") { fields.ephemeral_pub = {}; }
  SECTION("another identity key") { fields.identity_pub = kStranger.public_key(); }
  SECTION("no identity key") { fields.identity_pub = {}; }
  SECTION("another caller's name") { fields.caller = kStranger.fingerprint(); }
  SECTION("another caller's name and key") {
    fields.caller = kStranger.fingerprint();
    fields.identity_pub = kStranger.public_key();
  }
  SECTION("another call id") { fields.call_id = *CallId::parse("0123456789abcdef0123456789abcdee"); }
  SECTION("a call id cut short") { fields.call_id = *CallId::parse("0123456789abcdef"); }
  SECTION("no call id") { fields.call_id = {}; }
  SECTION("another target") { fields.target = kStranger.fingerprint(); }
  SECTION("a flipped bit in the signature") {
    changed[40] ^= 1;
    fields.signature = changed;
  }
  SECTION("a signature cut short") { fields.signature = ByteView{changed}.first(32); }
  SECTION("a signature of zeros") {
    changed.fill(0);
    fields.signature = changed;
  }
  const auto verdict = judge_offer(fields, kCallee.fingerprint());
  CHECK(verdict.agreement == Agreement::Invalid);
  CHECK_FALSE(verdict.why.empty());
  CHECK_FALSE(verdict.terms);
}

TEST_CASE("an offer for somebody else is invalid, though its signature verifies", "[crypto]") {
  const auto verdict = judge_offer(fields_of(an_offer()), kStranger.fingerprint());
  CHECK(verdict.agreement == Agreement::Invalid);
  CHECK(verdict.why == "the offer is for somebody else");
}

TEST_CASE("an offer without signature is unsigned, whatever keys it shows", "[crypto]") {
  OfferFields fields = fields_of(an_offer());
  fields.signature = {};
  CHECK(judge_offer(fields, kCallee.fingerprint()).agreement == Agreement::Unsigned);
  fields.identity_pub = {};
  fields.ephemeral_pub = {};
  const auto verdict = judge_offer(fields, kCallee.fingerprint());
  CHECK(verdict.agreement == Agreement::Unsigned);
  CHECK_FALSE(verdict.terms);
}

TEST_CASE("a signed offer with an ephemeral key of low order cannot be answered", "[crypto]") {
  OfferTerms terms{{1}, kCaller.public_key(), kCallee.fingerprint(), kCall};
  const Signature signature = kCaller.sign(signed_bytes(terms));
  const auto verdict = judge_offer(
      {kCaller.fingerprint(), terms.target, kCall, terms.identity, terms.ephemeral, signature}, kCallee.fingerprint());
  REQUIRE(verdict.agreement == Agreement::Sealed);
  const auto answer = answer_offer(kCallee, EphemeralKey{filled(0x22)}, *verdict.terms);
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code == Errc::BadKey);
}

TEST_CASE("an answer changed on the way is invalid", "[crypto]") {
  const PlacedOffer offer = an_offer();
  const SignedAnswer answer = an_answer(offer);
  AnswerFields fields = fields_of(answer);
  Signature changed = answer.signature;
  REQUIRE(judge_answer(offer, fields).agreement == Agreement::Sealed);
  SECTION("another call id") { fields.call_id = *CallId::parse("other"); }
  SECTION("another ephemeral key") { fields.ephemeral_pub = EphemeralKey{filled(0x33)}.public_key(); }
  SECTION("an ephemeral key of zeros") { fields.ephemeral_pub = EphemeralPublic{}; }
  SECTION("no ephemeral key") { fields.ephemeral_pub.reset(); }
  SECTION("another identity key") { fields.identity_pub = kStranger.public_key(); }
  SECTION("no identity key") { fields.identity_pub.reset(); }
  SECTION("a flipped bit in the signature") {
    changed[0] ^= 0x80;
    fields.signature = changed;
  }
  SECTION("a signature cut short") { fields.signature = ByteView{changed}.first(63); }
  const auto verdict = judge_answer(offer, fields);
  CHECK(verdict.agreement == Agreement::Invalid);
  CHECK_FALSE(verdict.why.empty());
  CHECK_FALSE(verdict.keys);
}

TEST_CASE("an answer by anybody but the person dialled is invalid", "[crypto]") {
  const PlacedOffer offer = an_offer();
  const auto answer = answer_offer(kStranger, EphemeralKey{filled(0x22)}, offer.terms);
  REQUIRE(answer);
  const auto verdict = judge_answer(offer, fields_of(*answer));
  CHECK(verdict.agreement == Agreement::Invalid);
  CHECK(verdict.why == "the answer's key is not that of the person dialled");
}

TEST_CASE("an answer to another offer with the same call id is invalid", "[crypto]") {
  const PlacedOffer first = an_offer();
  const PlacedOffer second = place_offer(kCaller, EphemeralKey{filled(0x44)}, kCallee.fingerprint(), kCall);
  const auto verdict = judge_answer(second, fields_of(an_answer(first)));
  CHECK(verdict.agreement == Agreement::Invalid);
  CHECK(verdict.why == "the answer's signature does not verify");
}

TEST_CASE("a signed answer with an ephemeral key of low order is invalid", "[crypto]") {
  const PlacedOffer offer = an_offer();
  const AnswerTerms terms{{1}, kCallee.public_key(), sha256(signed_bytes(offer.terms))};
  const Signature signature = kCallee.sign(signed_bytes(terms));
  CHECK(judge_answer(offer, {kCall, terms.identity, terms.ephemeral, signature}).agreement == Agreement::Invalid);
}

TEST_CASE("an answer without signature is unsigned", "[crypto]") {
  const PlacedOffer offer = an_offer();
  CHECK(judge_answer(offer, {kCall, std::nullopt, std::nullopt, {}}).agreement == Agreement::Unsigned);
  AnswerFields stripped = fields_of(an_answer(offer));
  stripped.signature = {};
  const auto verdict = judge_answer(offer, stripped);
  CHECK(verdict.agreement == Agreement::Unsigned);
  CHECK_FALSE(verdict.keys);
}

TEST_CASE("a person in the middle who re-signs is noticed on both sides", "[crypto]") {
  // The stranger knows both fingerprints and holds the only relay; all it lacks is the two identities.
  const PlacedOffer offer = an_offer();
  const PlacedOffer forged =
      place_offer(kStranger, EphemeralKey{filled(0x55)}, kCallee.fingerprint(), offer.terms.call_id);
  OfferFields to_callee = fields_of(forged);  // claims to be the caller
  CHECK(judge_offer(to_callee, kCallee.fingerprint()).agreement == Agreement::Invalid);
  const auto answer = answer_offer(kStranger, EphemeralKey{filled(0x66)}, offer.terms);
  REQUIRE(answer);
  AnswerFields to_caller = fields_of(*answer);
  to_caller.identity_pub = kCallee.public_key();
  CHECK(judge_answer(offer, to_caller).agreement == Agreement::Invalid);
}

TEST_CASE("only an unsigned call of a peer that never signed may go on, and only when allowed", "[crypto]") {
  const bool allowed = GENERATE(false, true), signed_before = GENERATE(false, true);
  INFO("allowed " << allowed << ", signed before " << signed_before);
  CHECK(may_proceed(Agreement::Sealed, allowed, signed_before));
  CHECK_FALSE(may_proceed(Agreement::Invalid, allowed, signed_before));
  CHECK(may_proceed(Agreement::Unsigned, allowed, signed_before) == (allowed && !signed_before));
}
