#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <initializer_list>

#include "wzp/base/bytes.hpp"

namespace wzp::crypto {

/// `a | b | c` of the specification where the length is fixed.
template <std::size_t N>
[[nodiscard]] ByteArray<N> concat(std::initializer_list<ByteView> parts) {
  ByteArray<N> out{};
  auto at = out.begin();
  for (const ByteView part : parts) {
    assert(part.size() <= static_cast<std::size_t>(out.end() - at));
    at = std::copy(part.begin(), part.end(), at);
  }
  assert(at == out.end());
  return out;
}

}  // namespace wzp::crypto
