#include "aead.hpp"

#include <ngtcp2/ngtcp2_crypto.h>
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/aes.h>
#include <wolfssl/wolfcrypt/chacha20_poly1305.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace wzp::quic {
namespace {

constexpr std::size_t kTag = 16;

WOLFSSL_EVP_CIPHER_CTX* context_of(void* handle) { return static_cast<WOLFSSL_EVP_CIPHER_CTX*>(handle); }

bool is_gcm(const WOLFSSL_EVP_CIPHER_CTX& context) {
  return context.cipherType == AES_128_GCM_TYPE || context.cipherType == AES_256_GCM_TYPE;
}

bool is_chacha(const WOLFSSL_EVP_CIPHER_CTX& context) {
  return context.cipherType == CHACHA20_POLY1305_TYPE && context.key;
}

int encrypt(std::uint8_t* dest, const ngtcp2_crypto_aead* aead, const ngtcp2_crypto_aead_ctx* ctx,
            const std::uint8_t* plain, std::size_t size, const std::uint8_t* nonce, std::size_t nonce_size,
            const std::uint8_t* aad, std::size_t aad_size) {
  auto* context = context_of(ctx->native_handle);
  int rc = 0;
  if (is_gcm(*context)) {
    rc = wc_AesGcmEncrypt(&context->cipher.aes, dest, plain, static_cast<word32>(size), nonce,
                          static_cast<word32>(nonce_size), dest + size, kTag, aad, static_cast<word32>(aad_size));
  } else if (is_chacha(*context)) {
    rc = wc_ChaCha20Poly1305_Encrypt(context->key, nonce, aad, static_cast<word32>(aad_size), plain,
                                     static_cast<word32>(size), dest, dest + size);
  } else {
    return ngtcp2_crypto_encrypt_cb(dest, aead, ctx, plain, size, nonce, nonce_size, aad, aad_size);
  }
  return rc == 0 ? 0 : NGTCP2_ERR_CALLBACK_FAILURE;
}

int decrypt(std::uint8_t* dest, const ngtcp2_crypto_aead* /*aead*/, const ngtcp2_crypto_aead_ctx* ctx,
            const std::uint8_t* sealed, std::size_t size, const std::uint8_t* nonce, std::size_t nonce_size,
            const std::uint8_t* aad, std::size_t aad_size) {
  if (size < kTag) return NGTCP2_ERR_DECRYPT;
  auto* context = context_of(ctx->native_handle);
  const auto body = size - kTag;
  int rc = -1;  // never the helper, which does not look at the tag of ChaCha20-Poly1305
  if (is_gcm(*context)) {
    rc = wc_AesGcmDecrypt(&context->cipher.aes, dest, sealed, static_cast<word32>(body), nonce,
                          static_cast<word32>(nonce_size), sealed + body, kTag, aad, static_cast<word32>(aad_size));
  } else if (is_chacha(*context)) {
    rc = wc_ChaCha20Poly1305_Decrypt(context->key, nonce, aad, static_cast<word32>(aad_size), sealed,
                                     static_cast<word32>(body), sealed + body, dest);
  }
  return rc == 0 ? 0 : NGTCP2_ERR_DECRYPT;
}

int hp_mask(std::uint8_t* dest, const ngtcp2_crypto_cipher* hp, const ngtcp2_crypto_cipher_ctx* ctx,
            const std::uint8_t* sample) {
  auto* context = context_of(ctx->native_handle);
  if (context->cipherType != AES_128_CTR_TYPE && context->cipherType != AES_256_CTR_TYPE) {
    return ngtcp2_crypto_hp_mask_cb(dest, hp, ctx, sample);
  }
  std::uint8_t block[16];
  if (wc_AesEncryptDirect(&context->cipher.aes, block, sample) != 0) return NGTCP2_ERR_CALLBACK_FAILURE;
  std::memcpy(dest, block, NGTCP2_HP_MASKLEN);
  return 0;
}

}  // namespace

void use_direct_aead(ngtcp2_callbacks& callbacks) {
  callbacks.encrypt = encrypt;
  callbacks.decrypt = decrypt;
  callbacks.hp_mask = hp_mask;
}

}  // namespace wzp::quic
