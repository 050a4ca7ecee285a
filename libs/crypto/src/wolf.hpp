#pragma once

#include <cstdint>
#include <cstdlib>
#include <limits>

#include "wzp/base/bytes.hpp"

namespace wzp::crypto {

/// For wolfCrypt functions that can fail only on arguments we never pass. To go on with a key or digest
/// that was not computed would be worse than to end.
inline void must(int wolfcrypt_result) noexcept {
  if (wolfcrypt_result != 0) std::abort();
}

/// wolfCrypt counts in 32 bits.
[[nodiscard]] inline std::uint32_t size32(ByteView bytes) noexcept {
  if (bytes.size() > std::numeric_limits<std::uint32_t>::max()) std::abort();
  return static_cast<std::uint32_t>(bytes.size());
}

/// wolfCrypt takes no null pointers, not even for nothing.
[[nodiscard]] inline const std::uint8_t* data_of(ByteView bytes) noexcept {
  static constexpr std::uint8_t kNothing = 0;
  return bytes.empty() ? &kNothing : bytes.data();
}

}  // namespace wzp::crypto
