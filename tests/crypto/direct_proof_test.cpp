#include "wzp/crypto/direct_proof.hpp"

#include <catch2/catch_test_macros.hpp>

#include "vectors.hpp"

using namespace wzp;
using namespace wzp::crypto;
using wzp::test::filled;
using wzp::test::hex;
using wzp::test::vectors;

TEST_CASE("direct proofs are those of the vectors", "[crypto][golden]") {
  for (const auto& v : vectors("ours.jsonl", "direct_proof", 2)) {
    INFO(v.name());
    const CallRole role = v.text("role") == "Caller" ? CallRole::Caller : CallRole::Callee;
    CHECK(hex(direct_proof(v.secret("direct_key"), role, v.array<32>("exporter"))) == v.text("proof"));
    CHECK(direct_proof_valid(v.secret("direct_key"), role, v.array<32>("exporter"), v.bytes("proof")));
  }
}

TEST_CASE("a proof holds for one key, one role and one connection", "[crypto]") {
  const auto key = filled(1);
  const auto exporter = filled(2).array();
  const Digest proof = direct_proof(key, CallRole::Caller, exporter);
  REQUIRE(direct_proof_valid(key, CallRole::Caller, exporter, proof));
  CHECK_FALSE(direct_proof_valid(key, CallRole::Callee, exporter, proof));  // sent back to its maker
  CHECK_FALSE(direct_proof_valid(key, CallRole::Caller, filled(3).array(), proof));
  CHECK_FALSE(direct_proof_valid(filled(3), CallRole::Caller, exporter, proof));
  CHECK_FALSE(direct_proof_valid(key, CallRole::Caller, exporter, ByteView{proof}.first(31)));
  CHECK_FALSE(direct_proof_valid(key, CallRole::Caller, exporter, {}));
}
