#include "wzp/base/fingerprint.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace wzp;

TEST_CASE("an identity fingerprint is read with or without colons, in either case", "[base]") {
  const auto fp = Fingerprint::parse("27ba:36eb:371e:ea99:e7d0:ee57:3165:e50e");
  REQUIRE(fp);
  CHECK(to_string(*fp) == "27ba:36eb:371e:ea99:e7d0:ee57:3165:e50e");
  CHECK(Fingerprint::parse("27BA36EB371EEA99E7D0EE573165E50E") == fp);
  CHECK_FALSE(Fingerprint::parse("27ba:36eb:371e:ea99:e7d0:ee57:3165:e50"));
  CHECK_FALSE(Fingerprint::parse("27ba:36eb:371e:ea99:e7d0:ee57:3165:e50e00"));
  CHECK_FALSE(Fingerprint::parse("27ba 36eb 371e ea99 e7d0 ee57 3165 e50e"));
  CHECK_FALSE(Fingerprint::parse(""));
}

TEST_CASE("a relay fingerprint prints one byte a group", "[base]") {
  const std::string hex = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
  const auto fp = RelayFingerprint::parse(hex);
  REQUIRE(fp);
  CHECK(to_string(*fp).size() == 95);
  CHECK(to_string(*fp).substr(0, 8) == "00:01:02");
  CHECK(RelayFingerprint::parse(to_string(*fp)) == fp);
  CHECK_FALSE(RelayFingerprint::parse(hex + "20"));
}
