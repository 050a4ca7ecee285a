#include "aead.hpp"

#include <catch2/catch_test_macros.hpp>

#include "vectors.hpp"

using namespace wzp;
using namespace wzp::crypto;
using wzp::test::hex;

namespace {

// RFC 8439 2.8.2.
constexpr std::string_view kText =
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be "
    "it.";
const ByteArray<12> kNonce = *array_from_hex<12>("070000004041424344454647");
const Bytes kAad = *from_hex("50515253c0c1c2c3c4c5c6c7");
const Secret<32> kKey{*array_from_hex<32>("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f")};

}  // namespace

TEST_CASE("the AEAD agrees with RFC 8439 and opens what it sealed", "[crypto]") {
  Aead aead{kKey};
  Bytes sealed(kText.size() + Aead::kTag);
  aead.seal(kNonce, kAad, bytes_of(kText), sealed.data());
  CHECK(hex(ByteView{sealed}.first(16)) == "d31a8d34648e60db7b86afbc53ef7ec2");
  CHECK(hex(ByteView{sealed}.last(18)) == "61161ae10b594f09e26a7e902ecbd0600691");

  Bytes opened(kText.size());
  REQUIRE(aead.open(kNonce, kAad, sealed, opened.data()));
  CHECK(text_of(opened) == kText);
}

TEST_CASE("one prepared key serves every length, in any order", "[crypto]") {
  Aead one{kKey};
  for (std::size_t size = 0; size < 700; size += 7) {
    INFO("size " << size);
    const Bytes plain(size, static_cast<std::uint8_t>(size));
    Bytes from_used(size + Aead::kTag), from_fresh(size + Aead::kTag), opened(size);
    one.seal(kNonce, kAad, plain, from_used.data());
    Aead{kKey}.seal(kNonce, kAad, plain, from_fresh.data());
    REQUIRE(from_used == from_fresh);
    REQUIRE(one.open(kNonce, kAad, from_used, opened.data()));
    REQUIRE(opened == plain);
  }
}

TEST_CASE("the AEAD writes nothing when the tag is wrong", "[crypto]") {
  Aead aead{kKey};
  Bytes sealed(kText.size() + Aead::kTag);
  aead.seal(kNonce, kAad, bytes_of(kText), sealed.data());
  sealed.back() ^= 1;
  Bytes out(kText.size(), 0xee);
  CHECK_FALSE(aead.open(kNonce, kAad, sealed, out.data()));
  CHECK(out == Bytes(kText.size(), 0xee));
}
