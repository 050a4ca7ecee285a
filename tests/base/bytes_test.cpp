#include "wzp/base/bytes.hpp"

#include <catch2/catch_test_macros.hpp>

#include "wzp/base/box.hpp"
#include "wzp/base/hex.hpp"
#include "wzp/base/log.hpp"
#include "wzp/base/secret.hpp"

using namespace wzp;

TEST_CASE("big-endian integers come back as they were stored", "[base]") {
  ByteArray<8> b{};
  store_be64(b.data(), 0x0123456789abcdefULL);
  CHECK(to_hex(b) == "0123456789abcdef");
  CHECK(load_be16(b.data()) == 0x0123);
  CHECK(load_be32(b.data()) == 0x01234567);
  CHECK(load_be64(b.data()) == 0x0123456789abcdefULL);
}

TEST_CASE("hex is read in either case and refused when it is none", "[base]") {
  CHECK(from_hex("00fFaB") == Bytes{0x00, 0xff, 0xab});
  CHECK(from_hex("") == Bytes{});
  CHECK_FALSE(from_hex("0"));
  CHECK_FALSE(from_hex("0g"));
  CHECK_FALSE(from_hex("0x"));
  CHECK_FALSE(array_from_hex<2>("00"));
  CHECK(array_from_hex<1>("7f") == ByteArray<1>{0x7f});
}

TEST_CASE("secrets are compared by content and length", "[base]") {
  CHECK(equal_in_constant_time(Bytes{1, 2}, Bytes{1, 2}));
  CHECK_FALSE(equal_in_constant_time(Bytes{1, 2}, Bytes{1, 3}));
  CHECK_FALSE(equal_in_constant_time(Bytes{1, 2}, Bytes{1, 2, 3}));
  CHECK(equal_in_constant_time({}, {}));
}

TEST_CASE("wiping leaves zeros", "[base]") {
  ByteArray<4> b{1, 2, 3, 4};
  wipe(b.data(), b.size());
  CHECK(b == ByteArray<4>{});
}

TEST_CASE("a box copies its content", "[base]") {
  Box<int> a{7};
  Box<int> b{a};
  *b = 8;
  CHECK(*a == 7);
  CHECK_FALSE(a == b);
  a = b;
  CHECK(a == b);
}

TEST_CASE("text from outside is made safe for a log line", "[base]") {
  CHECK(printable("ok text") == "ok text");
  CHECK(printable("a\nb\x1b[31m\xc3\xa9") == "a?b?[31m??");
  CHECK(printable("abcdef", 3) == "abc...");
}
