#include "aead.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <ngtcp2/ngtcp2_crypto.h>
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include <wolfssl/quic.h>  // after ssl.h, which it needs

#include <algorithm>
#include <array>
#include <vector>

#include "tls_init.hpp"
#include "wzp/base/bytes.hpp"
#include "wzp/net/random.hpp"

using namespace wzp;

namespace {

struct Suite {
  const char* name;
  const WOLFSSL_EVP_CIPHER* aead;
  const WOLFSSL_EVP_CIPHER* hp;
  std::size_t key;
};

std::vector<Suite> suites() {
  return {{"AES-128-GCM", wolfSSL_EVP_aes_128_gcm(), wolfSSL_EVP_aes_128_ctr(), 16},
          {"AES-256-GCM", wolfSSL_EVP_aes_256_gcm(), wolfSSL_EVP_aes_256_ctr(), 32},
          {"ChaCha20-Poly1305", wolfSSL_EVP_chacha20_poly1305(), wolfSSL_EVP_chacha20(), 32}};
}

}  // namespace

TEST_CASE("direct packet protection equals the helper's for every suite", "[quic][aead]") {
  quic::init_tls();
  const auto suite = suites()[static_cast<std::size_t>(GENERATE(0, 1, 2))];
  INFO(suite.name);
  ngtcp2_callbacks direct{};
  ngtcp2_callbacks helper{};
  quic::use_direct_aead(direct);
  helper.encrypt = ngtcp2_crypto_encrypt_cb;
  helper.decrypt = ngtcp2_crypto_decrypt_cb;
  helper.hp_mask = ngtcp2_crypto_hp_mask_cb;

  const ngtcp2_crypto_aead aead{const_cast<WOLFSSL_EVP_CIPHER*>(suite.aead), 16};
  const auto key = net::random_array<32>();
  ngtcp2_crypto_aead_ctx sealing{};
  ngtcp2_crypto_aead_ctx opening{};
  REQUIRE(ngtcp2_crypto_aead_ctx_encrypt_init(&sealing, &aead, key.data(), 12) == 0);
  REQUIRE(ngtcp2_crypto_aead_ctx_decrypt_init(&opening, &aead, key.data(), 12) == 0);
  const ngtcp2_crypto_cipher hp{const_cast<WOLFSSL_EVP_CIPHER*>(suite.hp)};
  const ngtcp2_crypto_cipher_ctx mask{wolfSSL_quic_crypt_new(suite.hp, key.data(), nullptr, 1)};
  REQUIRE(mask.native_handle);

  for (const std::size_t size : {1UL, 15UL, 16UL, 17UL, 160UL, 1171UL, 1430UL}) {
    Bytes plain(size);
    net::fill_random(plain);
    const auto nonce = net::random_array<12>();
    const auto aad = net::random_array<21>();
    Bytes a(size + 16);
    Bytes b(size + 16);
    REQUIRE(direct.encrypt(a.data(), &aead, &sealing, plain.data(), size, nonce.data(), 12, aad.data(), 21) == 0);
    REQUIRE(helper.encrypt(b.data(), &aead, &sealing, plain.data(), size, nonce.data(), 12, aad.data(), 21) == 0);
    CHECK(a == b);

    Bytes opened(size);
    REQUIRE(direct.decrypt(opened.data(), &aead, &opening, a.data(), a.size(), nonce.data(), 12, aad.data(), 21) == 0);
    CHECK(opened == plain);
    // In place, as ngtcp2 does it.
    REQUIRE(helper.decrypt(b.data(), &aead, &opening, b.data(), b.size(), nonce.data(), 12, aad.data(), 21) == 0);
    CHECK(std::equal(plain.begin(), plain.end(), b.begin()));
    // One bit of body, tag or header is wrong: the helper would let all of them pass with ChaCha20-Poly1305.
    const auto refused = [&](Bytes sealed, ByteArray<21> head) {
      return direct.decrypt(opened.data(), &aead, &opening, sealed.data(), sealed.size(), nonce.data(), 12, head.data(),
                            21) == NGTCP2_ERR_DECRYPT;
    };
    auto bad = a;
    bad[size / 2] ^= 1;
    CHECK(refused(bad, aad));
    bad = a;
    bad[size + 15] ^= 0x80;
    CHECK(refused(bad, aad));
    auto head = aad;
    head[0] ^= 1;
    CHECK(refused(a, head));

    const auto sample = net::random_array<16>();
    std::array<std::uint8_t, 32> m1{};
    std::array<std::uint8_t, 32> m2{};
    REQUIRE(direct.hp_mask(m1.data(), &hp, &mask, sample.data()) == 0);
    REQUIRE(helper.hp_mask(m2.data(), &hp, &mask, sample.data()) == 0);
    CHECK(std::equal(m1.begin(), m1.begin() + NGTCP2_HP_MASKLEN, m2.begin()));
  }
  std::uint8_t small[4]{};
  CHECK(direct.decrypt(small, &aead, &opening, small, 4, small, 12, small, 0) != 0);
  ngtcp2_crypto_aead_ctx_free(&sealing);
  ngtcp2_crypto_aead_ctx_free(&opening);
  wolfSSL_EVP_CIPHER_CTX_free(static_cast<WOLFSSL_EVP_CIPHER_CTX*>(mask.native_handle));
}
