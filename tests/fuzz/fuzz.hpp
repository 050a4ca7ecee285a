#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "wzp/base/bytes.hpp"

namespace wzp::fuzz {

/// A property that must hold for every input; in all builds, unlike assert.
inline void require(bool holds) {
  if (!holds) std::abort();
}

/// Takes an input apart from the front. What is not there any more reads as zero, or as nothing.
class Reader {
 public:
  explicit Reader(ByteView input) : rest_{input} {}

  [[nodiscard]] bool done() const noexcept { return rest_.empty(); }
  std::uint8_t byte() { return rest_.empty() ? 0 : take(1)[0]; }
  /// 0 to `bound` - 1.
  std::size_t below(std::size_t bound) { return byte() % bound; }
  ByteView take(std::size_t count) {
    const auto front = rest_.first(std::min(count, rest_.size()));
    rest_ = rest_.subspan(front.size());
    return front;
  }
  /// A length byte, and as many bytes.
  ByteView chunk() { return take(byte()); }

 private:
  ByteView rest_;
};

/// RFC 3629, written apart from what the library uses.
inline bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80                   ? 1
                               : lead >= 0xC2 && lead < 0xE0 ? 2
                               : lead >= 0xE0 && lead < 0xF0 ? 3
                               : lead >= 0xF0 && lead < 0xF5 ? 4
                                                             : 0;
    if (length == 0 || i + length > text.size()) return false;
    std::uint32_t value = length == 1 ? lead : lead & (0xFFU >> (length + 1));
    for (std::size_t k = 1; k < length; ++k) {
      const auto byte = static_cast<unsigned char>(text[i + k]);
      if ((byte & 0xC0) != 0x80) return false;
      value = (value << 6) | (byte & 0x3F);
    }
    if ((length == 3 && value < 0x800) || (length == 4 && value < 0x10000)) return false;
    if ((value >= 0xD800 && value <= 0xDFFF) || value > 0x10FFFF) return false;
    i += length;
  }
  return true;
}

}  // namespace wzp::fuzz
