#include "wzp/crypto/call_keys.hpp"

#include <catch2/catch_test_macros.hpp>

#include "epoch.hpp"
#include "vectors.hpp"

using namespace wzp;
using namespace wzp::crypto;
using wzp::test::filled;
using wzp::test::hex;
using wzp::test::vectors;

TEST_CASE("call keys are those of the vectors", "[crypto][golden]") {
  for (const auto& v : vectors("ours.jsonl", "call_keys", 3)) {
    INFO(v.name());
    const EphemeralKey own{v.secret("caller_ephemeral_secret")};
    const auto peer = v.array<32>("callee_ephemeral_pub");
    CHECK(hex(own.agree(peer)->view()) == v.text("shared"));
    const Digest transcript =
        sha256_of({bytes_of("wzp-call-v1"), v.array<32>("offer_hash"), v.array<32>("answer_hash")});
    CHECK(hex(transcript) == v.text("transcript"));
    CHECK(hex(hkdf_extract(transcript, v.bytes("shared")).view()) == v.text("prk"));

    const auto keys = derive_call_keys(own, peer, v.array<32>("offer_hash"), v.array<32>("answer_hash"));
    REQUIRE(keys);
    CHECK(hex(keys->chain_caller.view()) == v.text("caller_chain_0"));
    CHECK(hex(keys->chain_callee.view()) == v.text("callee_chain_0"));
    CHECK(hex(keys->direct_key.view()) == v.text("direct_key"));
    CHECK(keys->check == load_be32(v.bytes("check_bytes").data()));
    CHECK(keys->check_code() == v.text("check_code"));
  }
}

TEST_CASE("each epoch has the key and salt of the vectors", "[crypto][golden]") {
  for (const auto& v : vectors("ours.jsonl", "epoch_keys", 4)) {
    INFO(v.name());
    Secret<32> chain = v.secret("chain_0");
    for (std::uint64_t e = 0; e < v.number("epoch"); ++e) chain = next_chain(chain);
    CHECK(hex(chain.view()) == v.text("chain"));
    CHECK(hex(Epoch{chain}.salt.view()) == v.text("salt"));
    // The key itself is inside the cipher: compare what it makes of an empty message.
    ByteArray<16> by_epoch, by_key;
    Epoch{chain}.aead.seal({}, {}, {}, by_epoch.data());
    Aead{v.secret("key")}.seal({}, {}, {}, by_key.data());
    CHECK(by_epoch == by_key);
  }
}

TEST_CASE("X25519 agrees with RFC 7748", "[crypto]") {
  const auto agree = [](const char* secret, const char* point) {
    return hex(EphemeralKey{Secret<32>{*array_from_hex<32>(secret)}}.agree(*array_from_hex<32>(point))->view());
  };
  CHECK(agree("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
              "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c") ==
        "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
  CHECK(agree("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
              "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493") ==
        "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957");
}

TEST_CASE("keys of low order are refused", "[crypto]") {
  const EphemeralKey own{filled(5)};
  for (const char* point : {
           "0000000000000000000000000000000000000000000000000000000000000000",
           "0100000000000000000000000000000000000000000000000000000000000000",
           "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
           "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
           "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
           "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
           "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
           // The same with the top bit, which does not count.
           "0000000000000000000000000000000000000000000000000000000000000080",
           "0100000000000000000000000000000000000000000000000000000000000080",
           "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
       }) {
    INFO(point);
    const auto shared = own.agree(*array_from_hex<32>(point));
    REQUIRE_FALSE(shared);
    CHECK(shared.error().code == Errc::BadKey);
    CHECK(derive_call_keys(own, *array_from_hex<32>(point), {}, {}).error().code == Errc::BadKey);
  }
}

TEST_CASE("both sides derive the same keys, and every input matters", "[crypto]") {
  const EphemeralKey a{filled(1)}, b{filled(2)};
  const Digest offer = sha256(bytes_of("offer")), answer = sha256(bytes_of("answer"));
  const auto keys = *derive_call_keys(a, b.public_key(), offer, answer);
  CHECK(*derive_call_keys(b, a.public_key(), offer, answer) == keys);

  CHECK(keys.chain_caller != keys.chain_callee);
  CHECK(keys.sending(CallRole::Caller) == keys.receiving(CallRole::Callee));
  CHECK(keys.sending(CallRole::Callee) == keys.chain_callee);

  CHECK(derive_call_keys(a, b.public_key(), answer, offer)->chain_caller != keys.chain_caller);
  CHECK(derive_call_keys(a, b.public_key(), offer, offer)->chain_caller != keys.chain_caller);
  CHECK(derive_call_keys(a, EphemeralKey{filled(3)}.public_key(), offer, answer)->direct_key != keys.direct_key);
}

TEST_CASE("a check code always has four digits", "[crypto]") {
  CallKeys keys;
  CHECK(keys.check_code() == "0000");
  keys.check = 10007;
  CHECK(keys.check_code() == "0007");
  keys.check = 4294967295;
  CHECK(keys.check_code() == "7295");
}
