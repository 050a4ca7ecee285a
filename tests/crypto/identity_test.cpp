#include "wzp/crypto/identity.hpp"

#include <algorithm>

#include <catch2/catch_test_macros.hpp>

#include "vectors.hpp"
#include "wzp/crypto/call_keys.hpp"
#include "wzp/crypto/hash.hpp"

using namespace wzp;
using namespace wzp::crypto;
using wzp::test::filled;
using wzp::test::hex;
using wzp::test::vectors;

TEST_CASE("keys and fingerprint follow from the seed as in the reference", "[crypto][golden]") {
  for (const auto& v : vectors("crypto.jsonl", "identity", 4)) {
    INFO(v.name());
    const Seed seed = v.secret("seed");
    const Identity identity{seed};
    CHECK(hex(identity.public_key()) == v.text("ed25519_pub"));
    CHECK(Identity::from_secret(v.secret("ed25519_secret")).public_key() == identity.public_key());
    CHECK(to_string(identity.fingerprint()) == v.text("fingerprint"));
    CHECK(hex(fingerprint_of(identity.public_key()).bytes) == v.text("fingerprint_hex"));
    CHECK(hex(Identity::from_secret(hkdf(seed.view(), "wzp-tls-ed25519")).public_key()) == v.text("tls_ed25519_pub"));
    // No protocol step uses this key; it checks that secrets are clamped.
    CHECK(hex(EphemeralKey{v.secret("x25519_secret_unclamped")}.public_key()) == v.text("x25519_pub"));
    CHECK(hkdf(seed.view(), "warzone-x25519") == v.secret("x25519_secret_unclamped"));
  }
}

TEST_CASE("fingerprints are read as the reference reads them, but not from arbitrary text", "[crypto][golden]") {
  for (const auto& v : vectors("crypto.jsonl", "fingerprint_parse", 6)) {
    INFO(v.name());
    const auto parsed = Fingerprint::parse(v.text("input"));
    // The reference skips whatever is no hex digit and ignores digits after the 32nd.
    const bool only_there = v.name() == "fingerprint_parse.3" || v.name() == "fingerprint_parse.4";
    REQUIRE(parsed.has_value() == (v.flag("ok") && !only_there));
    if (parsed) CHECK(to_string(*parsed) == v.text("result"));
  }
}

TEST_CASE("signatures are those of the reference", "[crypto][golden]") {
  for (const auto& v : vectors("crypto.jsonl", "signature", 3)) {
    INFO(v.name());
    const Identity identity{v.secret("seed")};
    const Bytes message = v.bytes("signed_bytes");
    CHECK(hex(identity.public_key()) == v.text("identity_pub"));
    CHECK(hex(identity.sign(message)) == v.text("signature"));
    CHECK(verify(identity.public_key(), message, v.bytes("signature")));
  }
}

TEST_CASE("Ed25519 agrees with RFC 8032 on the empty message", "[crypto]") {
  const auto secret = *array_from_hex<32>("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
  const Identity identity = Identity::from_secret(Secret<32>{secret});
  CHECK(hex(identity.public_key()) == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  const Signature signature = identity.sign({});
  CHECK(hex(signature) ==
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b");
  CHECK(verify(identity.public_key(), {}, signature));
}

TEST_CASE("a signature fits one key, one message, and is 64 bytes", "[crypto]") {
  const Identity identity{filled(1)};
  const Signature good = identity.sign(bytes_of("message"));
  REQUIRE(verify(identity.public_key(), bytes_of("message"), good));
  CHECK_FALSE(verify(identity.public_key(), bytes_of("massage"), good));
  CHECK_FALSE(verify(Identity{filled(2)}.public_key(), bytes_of("message"), good));
  CHECK_FALSE(verify(identity.public_key(), bytes_of("message"), ByteView{good}.first(63)));
  CHECK_FALSE(verify(identity.public_key(), bytes_of("message"), {}));
  Bytes longer{good.begin(), good.end()};
  longer.push_back(0);
  CHECK_FALSE(verify(identity.public_key(), bytes_of("message"), longer));
  for (std::size_t bit = 0; bit < 512; ++bit) {
    Signature bad = good;
    bad[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    INFO("bit " << bit);
    REQUIRE_FALSE(verify(identity.public_key(), bytes_of("message"), bad));
  }
}

TEST_CASE("a signature has one form only: S below the group order", "[crypto]") {
  // L, little-endian (RFC 8032 5.1): S + L verifies under a careless implementation.
  const auto order = *array_from_hex<32>("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
  const Identity identity{filled(3)};
  Signature signature = identity.sign(bytes_of("m"));
  unsigned carry = 0;
  for (std::size_t i = 0; i < 32; ++i) {
    carry += static_cast<unsigned>(signature[32 + i]) + order[i];
    signature[32 + i] = static_cast<std::uint8_t>(carry);
    carry >>= 8;
  }
  CHECK_FALSE(verify(identity.public_key(), bytes_of("m"), signature));
}

TEST_CASE("the all-zero key verifies nothing", "[crypto]") {
  CHECK_FALSE(verify(IdentityKey{}, bytes_of("m"), Signature{}));
  Signature forged{};
  forged[0] = 1;  // R = neutral element, S = 0: fits keys of low order whenever the hash is a multiple of it
  for (int i = 0; i < 32; ++i) CHECK_FALSE(verify(IdentityKey{}, bytes_of(std::to_string(i)), forged));
}

TEST_CASE("a seed file holds 64 hex digits and white space around them", "[crypto]") {
  const std::string digits = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
  const auto seed = parse_seed(digits);
  REQUIRE(seed);
  CHECK(seed_text(*seed) == digits);
  CHECK(*parse_seed(" \t" + digits + "\r\n") == *seed);
  CHECK(*parse_seed("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F") == *seed);
  for (const std::string& bad : {std::string{}, std::string{"\n"}, digits.substr(1), digits + "0",
                                 "g" + digits.substr(1), digits.substr(0, 32) + " " + digits.substr(33)}) {
    INFO(bad);
    const auto refused = parse_seed(bad);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::BadValue);
    CHECK(refused.error().where.find("0001") == std::string::npos);  // never the seed itself
  }
}
