#include "tls_init.hpp"

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/aes.h>
#include <wolfssl/wolfcrypt/chacha20_poly1305.h>
#include <wolfssl/wolfcrypt/sha256.h>
#include <wolfssl/wolfcrypt/sha512.h>

#include <array>
#include <cstdint>
#include <mutex>

namespace wzp::quic {
namespace {

// wolfSSL finds out the CPU's abilities when an algorithm is first used, without a lock.
void use_each_algorithm_once() {
  std::array<std::uint8_t, 64> buffer{};
  std::array<std::uint8_t, 64> out{};
  std::array<std::uint8_t, 16> tag{};
  wc_Sha256Hash(buffer.data(), 32, out.data());
  wc_Sha512Hash(buffer.data(), 32, out.data());
  wc_ChaCha20Poly1305_Encrypt(buffer.data(), buffer.data(), nullptr, 0, buffer.data(), 16, out.data(), tag.data());
  Aes aes;
  if (wc_AesInit(&aes, nullptr, INVALID_DEVID) != 0) return;
  if (wc_AesGcmSetKey(&aes, buffer.data(), 16) == 0) {
    wc_AesGcmEncrypt(&aes, out.data(), buffer.data(), 16, buffer.data(), 12, tag.data(), 16, nullptr, 0);
  }
  wc_AesFree(&aes);
}

}  // namespace

void init_tls() {
  static std::once_flag once;
  std::call_once(once, [] {
    wolfSSL_Init();
    use_each_algorithm_once();
  });
}

}  // namespace wzp::quic
