#include "wzp/crypto/callee_proof.hpp"

#include <catch2/catch_test_macros.hpp>

#include "vectors.hpp"

using namespace wzp;
using namespace wzp::crypto;
using wzp::test::filled;
using wzp::test::hex;
using wzp::test::vectors;

namespace {

const Identity kCallee{filled(0xbb)};
const Identity kStranger{filled(0xcc)};

OfferTerms an_offer() {
  return {EphemeralKey{filled(0x11)}.public_key(), Identity{filled(0xaa)}.public_key(), kCallee.fingerprint(),
          *CallId::parse("c1")};
}

}  // namespace

TEST_CASE("ringing is signed as the vectors say", "[crypto][golden]") {
  const auto offers = vectors("ours.jsonl", "offer_signature", 3);
  const auto ringing = vectors("protocol.jsonl", "ringing_signature", 3);
  for (std::size_t i = 0; i < offers.size(); ++i) {
    INFO(ringing[i].name());
    REQUIRE(ringing[i].text("offer") == offers[i].name());
    const OfferTerms offer{offers[i].array<32>("ephemeral_pub"), offers[i].array<32>("identity_pub"),
                           Fingerprint{offers[i].array<16>("target_fingerprint")},
                           *CallId::parse(offers[i].text("call_id"))};
    const Identity callee{ringing[i].secret("callee_seed")};
    CHECK(hex(callee.public_key()) == ringing[i].text("identity_pub"));
    CHECK(hex(ringing_signed_bytes(offer, callee.public_key())) == ringing[i].text("signed_bytes"));
    CHECK(hex(sign_ringing(callee, offer)) == ringing[i].text("signature"));
    CHECK(verify_ringing(offer, callee.public_key(), ringing[i].bytes("signature")));
  }
}

TEST_CASE("only the person whom an offer is for can say that it has reached them", "[crypto][hostile]") {
  auto offer = an_offer();
  auto key = kCallee.public_key();
  auto signature = sign_ringing(kCallee, offer);
  REQUIRE(verify_ringing(offer, key, signature));
  SECTION("somebody else, by name") {
    key = kStranger.public_key();
    signature = sign_ringing(kStranger, offer);
  }
  SECTION("somebody else, in the callee's name") { signature = sign_ringing(kStranger, offer); }
  SECTION("another call") { offer.call_id = *CallId::parse("c2"); }
  SECTION("another target") { offer.target = kStranger.fingerprint(); }
  SECTION("another caller") { offer.identity = kStranger.public_key(); }
  SECTION("another key of the caller") { offer.ephemeral[0] ^= 1; }
  SECTION("a changed signature") { signature[63] ^= 1; }
  CHECK_FALSE(verify_ringing(offer, key, signature));
}

TEST_CASE("an accepting answer is checked by whoever knows the offer", "[crypto][hostile]") {
  auto offer = an_offer();
  const auto answer = answer_offer(kCallee, EphemeralKey{filled(0x22)}, offer);
  REQUIRE(answer);
  auto key = answer->terms.identity;
  auto ephemeral = answer->terms.ephemeral;
  auto signature = answer->signature;
  REQUIRE(verify_answer(offer, key, ephemeral, signature));
  SECTION("of somebody else") { key = kStranger.public_key(); }
  SECTION("to another offer") { offer.ephemeral[0] ^= 1; }
  SECTION("with another key") { ephemeral[0] ^= 1; }
  SECTION("that is none, but says that it rings") { signature = sign_ringing(kCallee, offer); }
  CHECK_FALSE(verify_answer(offer, key, ephemeral, signature));
}
