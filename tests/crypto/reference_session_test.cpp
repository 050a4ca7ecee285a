// The session and sealing scheme in the reference's library (wire.md 4.4 to 4.6). No reference program uses it,
// and nothing of ours may: both directions share one key and one row of nonces, and a single lost packet ends
// it ([D-02]). It therefore lives in this test alone, built from our primitives, which the vectors check
// once more.

#include <catch2/catch_test_macros.hpp>

#include "aead.hpp"
#include "vectors.hpp"
#include "wzp/crypto/call_keys.hpp"
#include "wzp/crypto/replay_window.hpp"

using namespace wzp;
using namespace wzp::crypto;
using wzp::test::hex;
using wzp::test::vectors;

namespace {

ByteArray<4> session_id(const Secret<32>& key) {
  const Digest digest = sha256(key.view());
  return {digest[0], digest[1], digest[2], digest[3]};
}

ByteArray<12> nonce(const ByteArray<4>& session, std::uint32_t counter, std::uint8_t direction) {
  ByteArray<12> out{session[0], session[1], session[2], session[3]};
  store_be32(out.data() + 4, counter);
  out[8] = direction;
  return out;
}

}  // namespace

TEST_CASE("reference vectors: session key, id and authentication string", "[crypto][golden]") {
  for (const auto& v : vectors("crypto.jsonl", "session", 1)) {
    INFO(v.name());
    const EphemeralKey a{v.secret("ephemeral_secret_a")}, b{v.secret("ephemeral_secret_b")};
    CHECK(hex(a.public_key()) == v.text("ephemeral_pub_a"));
    CHECK(hex(b.public_key()) == v.text("ephemeral_pub_b"));
    const auto shared = a.agree(b.public_key());
    REQUIRE(shared);
    CHECK(*b.agree(a.public_key()) == *shared);
    CHECK(hex(shared->view()) == v.text("x25519_shared"));
    const auto key = hkdf(shared->view(), "warzone-session-key");
    CHECK(hex(key.view()) == v.text("session_key"));
    CHECK(hex(session_id(key)) == v.text("session_id"));
    const auto sas = hkdf_expand<4>(hkdf_extract({}, shared->view()), "warzone-sas-code");
    CHECK(hex(sas.view()) == v.text("sas_bytes"));
    CHECK(load_be32(sas.view().data()) % 10000 == v.number("sas_code"));
  }
}

TEST_CASE("reference vectors: nonces", "[crypto][golden]") {
  for (const auto& v : vectors("crypto.jsonl", "nonce", 4)) {
    INFO(v.name());
    CHECK(hex(nonce(v.array<4>("session_id"), static_cast<std::uint32_t>(v.number("seq")),
                    static_cast<std::uint8_t>(v.number("direction")))) == v.text("nonce"));
  }
}

TEST_CASE("reference vectors: sealed packets", "[crypto][golden]") {
  for (const auto& v : vectors("crypto.jsonl", "sealed", 3)) {
    INFO(v.name());
    CHECK(session_id(v.secret("key")) == v.array<4>("session_id"));
    const auto used = nonce(v.array<4>("session_id"), static_cast<std::uint32_t>(v.number("counter")), 0);
    CHECK(hex(used) == v.text("nonce"));
    const Bytes plaintext = v.bytes("plaintext");
    Bytes sealed(plaintext.size() + Aead::kTag);
    Aead{v.secret("key")}.seal(used, v.bytes("aad"), plaintext, sealed.data());
    CHECK(hex(sealed) == v.text("sealed"));
  }
}

TEST_CASE("reference vectors: rekeying", "[crypto][golden]") {
  for (const auto& v : vectors("crypto.jsonl", "rekey", 1)) {
    const EphemeralKey own{v.secret("our_secret")};
    CHECK(hex(own.public_key()) == v.text("our_pub"));
    const auto shared = own.agree(v.array<32>("peer_pub"));
    REQUIRE(shared);
    const auto key = hkdf_expand<32>(hkdf_extract(v.bytes("old_key"), shared->view()), "warzone-rekey");
    CHECK(hex(key.view()) == v.text("new_key"));
    CHECK(hex(session_id(key)) == v.text("new_session_id"));
  }
}

TEST_CASE("reference vectors: when rekeying is due", "[crypto][golden]") {
  constexpr std::uint64_t kRekeyAfter = 65536;  // wire.md 4.6; a number of the reference, not of ours
  for (const auto& v : vectors("crypto.jsonl", "rekey_threshold", 1)) {
    REQUIRE(v.at("checks").Size() == 4);
    for (const auto& check : v.at("checks").GetArray())
      CHECK((check[0].GetUint64() >= kRekeyAfter) == check[1].GetBool());
  }
}

TEST_CASE("reference vectors: our replay window judges sequence numbers as the reference's does", "[crypto][golden]") {
  // Ours counts from 0 and measures from the expected number; there, the first packet sets the base and
  // distances are taken from the highest.
  for (const auto& v : vectors("crypto.jsonl", "anti_replay", 6)) {
    INFO(v.name());
    ReplayWindow window;
    const auto& seqs = v.at("seqs");
    for (rapidjson::SizeType i = 0; i < seqs.Size(); ++i) {
      const auto seq = static_cast<std::uint16_t>(seqs[i].GetUint());
      const auto highest = window.highest();
      const auto number = highest ? recover_packet_number(*highest, seq) : std::uint64_t{65536} + seq;
      REQUIRE(number);
      const bool fresh = window.look(*number) == ReplayWindow::Verdict::Fresh;
      INFO("step " << i << ", sequence " << seq);
      CHECK(fresh == v.at("accepted")[i].GetBool());
      if (fresh) window.mark(*number);
    }
  }
}
