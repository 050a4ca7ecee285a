#include "wzp/crypto/hash.hpp"

#include <catch2/catch_test_macros.hpp>

#include "wzp/base/hex.hpp"

using namespace wzp;
using namespace wzp::crypto;

TEST_CASE("SHA-256 gives the digests of FIPS 180", "[crypto]") {
  CHECK(to_hex(sha256({})) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(to_hex(sha256(bytes_of("abc"))) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("hashing pieces is hashing them joined", "[crypto]") {
  CHECK(sha256_of({bytes_of("a"), {}, bytes_of("bc")}) == sha256(bytes_of("abc")));
  CHECK(sha256_of({}) == sha256({}));
}

TEST_CASE("HMAC-SHA256 agrees with RFC 4231", "[crypto]") {
  CHECK(to_hex(hmac_sha256(Bytes(20, 0x0b), {bytes_of("Hi "), bytes_of("There")})) ==
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  CHECK(to_hex(hmac_sha256(Bytes(131, 0xaa), {bytes_of("Test Using Larger Than Block-Size Key - Hash Key First")})) ==
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST_CASE("HKDF-SHA256 agrees with RFC 5869", "[crypto]") {
  const Bytes ikm(22, 0x0b);
  SECTION("with salt and info") {
    const auto prk = hkdf_extract(*from_hex("000102030405060708090a0b0c"), ikm);
    CHECK(to_hex(prk.view()) == "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
    const Bytes info = *from_hex("f0f1f2f3f4f5f6f7f8f9");
    CHECK(to_hex(hkdf_expand<42>(prk, text_of(info)).view()) ==
          "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
  }
  SECTION("without either") {
    const auto prk = hkdf_extract({}, ikm);
    CHECK(to_hex(prk.view()) == "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04");
    CHECK(to_hex(hkdf_expand<42>(prk, "").view()) ==
          "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
  }
  SECTION("no salt is 32 zero bytes") { CHECK(hkdf_extract({}, ikm) == hkdf_extract(Bytes(32, 0), ikm)); }
}
