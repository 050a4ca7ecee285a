#include "wzp/crypto/certificate.hpp"

#include <catch2/catch_test_macros.hpp>

#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ed25519.h>

#include "vectors.hpp"
#include "wzp/crypto/hash.hpp"

using namespace wzp;
using namespace wzp::crypto;
using wzp::test::filled;
using wzp::test::hex;
using wzp::test::vectors;

namespace {

/// The Ed25519 secret that wolfSSL reads from a key file.
Bytes loaded_secret(const Secret<48>& key_der) {
  ed25519_key key;
  REQUIRE(wc_ed25519_init(&key) == 0);
  word32 at = 0;
  REQUIRE(wc_Ed25519PrivateKeyDecode(key_der.view().data(), &at, &key, 48) == 0);
  CHECK(at == 48);
  Bytes secret(32);
  word32 size = 32;
  REQUIRE(wc_ed25519_export_private_only(&key, secret.data(), &size) == 0);
  wc_ed25519_free(&key);
  return secret;
}

/// Where the parts of a certificate made by our recipe stand. `tbs` is what is signed.
struct Parts {
  ByteView tbs, serial, signature;
};

Parts parts_of(ByteView der) {
  REQUIRE(der.size() > 100);
  REQUIRE(der[0] == 0x30);
  REQUIRE(der[1] == 0x82);
  REQUIRE(load_be16(der.data() + 2) == der.size() - 4);
  REQUIRE(der[4] == 0x30);
  REQUIRE(der[5] == 0x81);
  const ByteView tbs = der.subspan(4, 3U + der[6]);
  const ByteView serial = tbs.subspan(3 + 5);  // after its header and the version
  REQUIRE(serial[0] == 0x02);
  return {tbs, serial.subspan(2, serial[1]), der.last(64)};
}

}  // namespace

TEST_CASE("a relay's certificate is the reference's, byte for byte", "[crypto][golden]") {
  for (const auto& v : vectors("crypto.jsonl", "tls_cert", 3)) {
    INFO(v.name());
    const Certificate made = relay_certificate(v.secret("seed"));
    CHECK(hex(made.der) == v.text("cert_der"));
    CHECK(to_string(relay_fingerprint(made.der)) == v.text("tls_fingerprint"));
    // The reference stores version 2, with the public key behind; the secret in it is the same.
    CHECK(v.text("pkcs8_der").substr(32, 64) == hex(made.key_der.view().last(32)));
    CHECK(hex(loaded_secret(made.key_der)) == hex(made.key_der.view().last(32)));
  }
}

TEST_CASE("serial numbers are positive and minimal for every key", "[crypto]") {
  // One key in 128 has a serial number that begins with a zero byte; some of those need it put back.
  int shortened = 0, put_back = 0;
  for (unsigned n = 0; n < 1500; ++n) {
    ByteArray<32> random{};
    store_be32(random.data(), n);
    const auto der = ephemeral_certificate(Secret<32>{random}).der;
    const auto [tbs, serial, signature] = parts_of(der);
    const IdentityKey key = Identity::from_secret(Secret<32>{random}).public_key();
    Digest digest = sha256(key);
    digest[0] &= 0x7f;
    INFO("key " << n << ", serial " << hex(serial));
    REQUIRE(serial[0] < 0x80);
    if (digest[0] != 0) {
      REQUIRE(hex(serial) == hex(ByteView{digest}.first(20)));
      REQUIRE(der.size() == 289);
    } else if (digest[1] >= 0x80) {
      REQUIRE(hex(serial) == hex(ByteView{digest}.first(20)));
      ++put_back;
    } else if (digest[1] != 0) {
      REQUIRE(hex(serial) == hex(ByteView{digest}.subspan(1, 19)));
      REQUIRE(der.size() == 288);
      ++shortened;
    }
    REQUIRE(verify(key, tbs, signature));
  }
  CHECK(shortened > 0);
  CHECK(put_back > 0);
}

TEST_CASE("a throw-away certificate carries the key that it was given", "[crypto]") {
  const Certificate one = ephemeral_certificate(filled(7));
  CHECK(loaded_secret(one.key_der) == Bytes(32, 7));
  CHECK(ephemeral_certificate(filled(8)).der != one.der);
  CHECK(ephemeral_certificate(filled(7)).der == one.der);
}

TEST_CASE("the stateless-reset key follows from the relay's seed", "[crypto][golden]") {
  for (const auto& v : vectors("ours.jsonl", "relay_static_key", 1)) {
    CHECK(v.text("info") == "wzp-reset-v1");
    CHECK(hex(stateless_reset_key(v.secret("seed")).view()) == v.text("key"));
  }
}
