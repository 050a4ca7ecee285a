#pragma once

#include <cstddef>
#include <cstdint>

#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/chacha.h>

#include "wzp/base/bytes.hpp"
#include "wzp/base/secret.hpp"

namespace wzp::crypto {

/// ChaCha20-Poly1305 (RFC 8439) under one key, which is expanded once. wolfCrypt's one-call functions expand
/// it for every packet. Allocates nothing.
class Aead {
 public:
  static constexpr std::size_t kTag = 16;

  explicit Aead(const Secret<32>& key);
  ~Aead() { wipe(&chacha_, sizeof chacha_); }
  Aead(const Aead&) = default;
  Aead& operator=(const Aead&) = default;

  /// Writes ciphertext and tag, plaintext.size() + 16 bytes, to `out`.
  void seal(const ByteArray<12>& nonce, ByteView aad, ByteView plaintext, std::uint8_t* out);
  /// `sealed` is ciphertext and tag, at least 16 bytes. Writes sealed.size() - 16 bytes to `out`, and only
  /// if the tag is right.
  [[nodiscard]] bool open(const ByteArray<12>& nonce, ByteView aad, ByteView sealed, std::uint8_t* out);

 private:
  [[nodiscard]] ByteArray<kTag> tag(const ByteArray<12>& nonce, ByteView aad, ByteView ciphertext);
  void crypt(const ByteArray<12>& nonce, std::uint32_t block, ByteView in, std::uint8_t* out);

  ChaCha chacha_;
};

}  // namespace wzp::crypto
