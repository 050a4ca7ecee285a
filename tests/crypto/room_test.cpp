#include "wzp/crypto/room.hpp"

#include <catch2/catch_test_macros.hpp>

#include "vectors.hpp"

using namespace wzp;
using namespace wzp::crypto;
using wzp::test::filled;
using wzp::test::hex;
using wzp::test::vectors;

TEST_CASE("rooms have the tags and hashed names of the reference", "[crypto][golden]") {
  for (const auto& v : vectors("crypto.jsonl", "room", 6)) {
    INFO(v.name());
    CHECK(hex(room_tag(v.text("room"))) == v.text("federation_room_hash"));
    CHECK(hashed_room_name(v.text("room")) == v.text("hash_room_name"));
  }
}

TEST_CASE("both hop signatures are those of the reference", "[crypto][golden]") {
  for (const auto& v : vectors("crypto.jsonl", "signature", 3)) {
    INFO(v.name());
    const Identity identity{v.secret("seed")};
    if (v.name() == "signature.CallOffer") {
      CHECK(hex(sign_call_offer(identity, v.array<32>("ephemeral_pub"))) == v.text("signature"));
      CHECK(verify_call_offer(identity.public_key(), v.array<32>("ephemeral_pub"), v.bytes("signature")));
    } else if (v.name() == "signature.CallAnswer") {
      CHECK(hex(sign_call_answer(identity, v.array<32>("ephemeral_pub"))) == v.text("signature"));
      CHECK(verify_call_answer(identity.public_key(), v.array<32>("ephemeral_pub"), v.bytes("signature")));
    }
  }
}

TEST_CASE("an offer's hop signature is no answer's, nor one for another key", "[crypto]") {
  const Identity identity{filled(1)};
  const auto ephemeral = filled(2).array();
  const Signature offer = sign_call_offer(identity, ephemeral);
  REQUIRE(verify_call_offer(identity.public_key(), ephemeral, offer));
  CHECK_FALSE(verify_call_answer(identity.public_key(), ephemeral, offer));
  CHECK_FALSE(verify_call_offer(identity.public_key(), filled(3).array(), offer));
  CHECK_FALSE(verify_call_offer(Identity{filled(3)}.public_key(), ephemeral, offer));
}
