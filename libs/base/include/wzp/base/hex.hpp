#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "wzp/base/bytes.hpp"

namespace wzp {

/// Two lowercase digits a byte.
[[nodiscard]] std::string to_hex(ByteView bytes);

/// The inverse of `to_hex`, either case. Empty for an odd number of digits or any other character.
[[nodiscard]] std::optional<Bytes> from_hex(std::string_view text);

/// Exactly N bytes of hex, or nothing.
template <std::size_t N>
[[nodiscard]] std::optional<ByteArray<N>> array_from_hex(std::string_view text) {
  const auto bytes = from_hex(text);
  if (!bytes || bytes->size() != N) return std::nullopt;
  ByteArray<N> out;
  for (std::size_t i = 0; i < N; ++i) out[i] = (*bytes)[i];
  return out;
}

}  // namespace wzp
