#include <catch2/catch_test_macros.hpp>

#include "wzp/crypto/certificate.hpp"
#include "wzp/crypto/routed.hpp"

namespace wzp::crypto {
namespace {

Seed seed_of(std::uint8_t byte) {
  ByteArray<32> bytes{};
  bytes.fill(byte);
  return Seed{bytes};
}

struct Signed {
  RoutedHeader header;
  Bytes body{'{', '}'};
  Bytes proof;
  Bytes signature;

  [[nodiscard]] bool valid() const { return verify_routed(header, body, proof, signature); }
};

Signed sample(std::uint8_t relay = 0xAA) {
  Signed out;
  out.header.origin = relay_fingerprint(relay_certificate(seed_of(relay)).der);
  out.header.route_id.fill(7);
  out.header.attempt = 3;
  const RelaySigner signer{seed_of(relay)};
  const auto signature = signer.sign(out.header, out.body);
  out.proof = {signer.proof().begin(), signer.proof().end()};
  out.signature = {signature.begin(), signature.end()};
  return out;
}

}  // namespace

TEST_CASE("a routed signal is verified against the fingerprint of its origin", "[crypto][route]") {
  // Several keys, because the serial number in a certificate has a length that depends on the key.
  for (int relay = 0; relay < 64; ++relay) CHECK(sample(static_cast<std::uint8_t>(relay)).valid());
}

TEST_CASE("nothing that a routed signal's origin says can be changed on the way", "[crypto][route]") {
  auto s = sample();
  REQUIRE(s.valid());
  SECTION("origin") { s.header.origin = sample(0xBB).header.origin; }
  SECTION("origin and proof of another relay") {
    s.header.origin = sample(0xBB).header.origin;
    s.proof = sample(0xBB).proof;
  }
  SECTION("target") { s.header.target = s.header.origin; }
  SECTION("route id") { s.header.route_id[15] ^= 1; }
  SECTION("attempt") { ++s.header.attempt; }
  SECTION("body") { s.body.push_back(' '); }
  SECTION("key") { s.proof[0] ^= 1; }
  SECTION("signature in the certificate") { s.proof[95] ^= 1; }
  SECTION("signature") { s.signature[0] ^= 1; }
  SECTION("shorter proof") { s.proof.pop_back(); }
  SECTION("no proof") { s.proof.clear(); }
  SECTION("no signature") { s.signature.clear(); }
  CHECK_FALSE(s.valid());
}

}  // namespace wzp::crypto
