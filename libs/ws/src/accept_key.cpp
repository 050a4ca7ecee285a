#include "accept_key.hpp"

#include <array>
#include <cstdint>

#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/coding.h>
#include <wolfssl/wolfcrypt/hash.h>

#include "wzp/base/bytes.hpp"

namespace wzp::ws {
namespace {

/// Source: RFC 6455 1.3.
constexpr std::string_view kMagic = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
constexpr std::size_t kKeyLength = 24;  // base64 of 16 bytes

bool is_key(std::string_view key) {
  std::array<std::uint8_t, 18> nonce{};
  auto size = static_cast<word32>(nonce.size());
  const auto bytes = bytes_of(key);
  return key.size() == kKeyLength && Base64_Decode(bytes.data(), kKeyLength, nonce.data(), &size) == 0 && size == 16;
}

}  // namespace

std::optional<std::string> accept_key(std::string_view key) {
  if (!is_key(key)) return std::nullopt;
  const auto text = std::string{key}.append(kMagic);
  std::array<std::uint8_t, WC_SHA_DIGEST_SIZE> digest{};
  if (wc_ShaHash(bytes_of(text).data(), static_cast<word32>(text.size()), digest.data()) != 0) return std::nullopt;
  std::array<std::uint8_t, 32> encoded{};
  auto size = static_cast<word32>(encoded.size());
  if (Base64_Encode_NoNl(digest.data(), WC_SHA_DIGEST_SIZE, encoded.data(), &size) != 0) return std::nullopt;
  return std::string{text_of(ByteView{encoded}.first(size))};
}

}  // namespace wzp::ws
