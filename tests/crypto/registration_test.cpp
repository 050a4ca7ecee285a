#include "wzp/crypto/registration.hpp"

#include <catch2/catch_test_macros.hpp>

#include "vectors.hpp"

using namespace wzp;
using namespace wzp::crypto;
using wzp::test::filled;
using wzp::test::hex;
using wzp::test::vectors;

namespace {

RelayFingerprint relay(std::uint8_t byte) { return {filled(byte).array()}; }
ExporterValue exporter(std::uint8_t byte) { return filled(byte).array(); }

}  // namespace

TEST_CASE("registrations are signed as the vectors say", "[crypto][golden]") {
  for (const auto& v : vectors("ours.jsonl", "register_signature", 2)) {
    INFO(v.name());
    const Identity identity{v.secret("seed")};
    const Registration terms{{v.array<32>("relay_fingerprint")}, v.array<32>("exporter"), v.array<32>("identity_pub")};
    CHECK(identity.public_key() == terms.identity);
    CHECK(hex(signed_bytes(terms)) == v.text("signed_bytes"));
    CHECK(hex(sign_registration(identity, terms.relay, terms.exporter)) == v.text("signature"));
    CHECK(judge_registration(terms, v.bytes("signature")) == RegistrationProof::Signed);
  }
}

TEST_CASE("a registration counts for one key, relay and connection", "[crypto][V-02]") {
  const Identity identity{filled(1)};
  const Registration here{relay(2), exporter(3), identity.public_key()};
  const Signature signature = sign_registration(identity, here.relay, here.exporter);
  REQUIRE(judge_registration(here, signature) == RegistrationProof::Signed);

  const auto verdict = [&](Registration claimed) { return judge_registration(claimed, signature); };
  CHECK(verdict({relay(9), here.exporter, here.identity}) == RegistrationProof::Invalid);
  CHECK(verdict({here.relay, exporter(9), here.identity}) == RegistrationProof::Invalid);
  CHECK(verdict({here.relay, here.exporter, Identity{filled(9)}.public_key()}) == RegistrationProof::Invalid);
}

TEST_CASE("a registration without signature is unsigned, any other is invalid", "[crypto]") {
  const Identity identity{filled(1)};
  const Registration here{relay(2), exporter(3), identity.public_key()};
  const Signature signature = sign_registration(identity, here.relay, here.exporter);
  CHECK(judge_registration(here, {}) == RegistrationProof::Unsigned);
  CHECK(judge_registration(here, Bytes(64, 0)) == RegistrationProof::Invalid);
  CHECK(judge_registration(here, ByteView{signature}.first(63)) == RegistrationProof::Invalid);
  SECTION("nobody is asked to sign for the all-zero key") {
    CHECK(judge_registration({here.relay, here.exporter, {}}, {}) == RegistrationProof::Anonymous);
    CHECK(judge_registration({here.relay, here.exporter, {}}, signature) == RegistrationProof::Anonymous);
  }
}

TEST_CASE("room bindings are signed as the vectors say", "[crypto][golden]") {
  for (const auto& v : vectors("ours.jsonl", "room_binding", 1)) {
    INFO(v.name());
    const Identity identity{v.secret("seed")};
    const RoomBinding terms{{v.array<32>("relay_fingerprint")},
                            v.array<32>("exporter"),
                            v.array<32>("ephemeral_pub"),
                            v.array<32>("identity_pub")};
    CHECK(hex(signed_bytes(terms)) == v.text("signed_bytes"));
    CHECK(hex(sign_room_binding(identity, terms.relay, terms.exporter, terms.ephemeral)) == v.text("signature"));
    CHECK(verify_room_binding(terms, v.bytes("signature")));
  }
}

TEST_CASE("a room binding cannot be used elsewhere", "[crypto][V-15]") {
  const Identity identity{filled(1)};
  const RoomBinding here{relay(2), exporter(3), filled(4).array(), identity.public_key()};
  const Signature signature = sign_room_binding(identity, here.relay, here.exporter, here.ephemeral);
  REQUIRE(verify_room_binding(here, signature));
  RoomBinding other = here;
  SECTION("at another relay") { other.relay = relay(9); }
  SECTION("on another connection, which is another room") { other.exporter = exporter(9); }
  SECTION("with another ephemeral key") { other.ephemeral = filled(9).array(); }
  SECTION("by another member") { other.identity = Identity{filled(9)}.public_key(); }
  CHECK_FALSE(verify_room_binding(other, signature));
  CHECK_FALSE(verify_room_binding(here, {}));
}

TEST_CASE("what a member signs for a WebSocket is good for that one and for no QUIC connection", "[crypto][V-15]") {
  ByteArray<32> bytes{};
  bytes.fill(1);
  const auto exporter = websocket_exporter(bytes, "tea");
  // SHA-256("wzp-websocket-v1" | 01 x 32 | "tea"), computed by another program.
  CHECK(hex(exporter) == "183dfa39c6fc16f8700ea61fedd99b547f2acb40867afdb0deb0bfe5114a98f2");
  CHECK(exporter != bytes);
  CHECK(exporter != websocket_exporter(bytes, "teb"));
  bytes[31] ^= 1;
  CHECK(exporter != websocket_exporter(bytes, "tea"));
}

TEST_CASE("a registration is no room binding, whatever stands in it", "[crypto]") {
  const Identity identity{filled(1)};
  const Signature registered = sign_registration(identity, relay(2), exporter(3));
  CHECK_FALSE(verify_room_binding({relay(2), exporter(3), {}, identity.public_key()}, registered));
}
