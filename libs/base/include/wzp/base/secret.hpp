#pragma once

#include <algorithm>
#include <cstddef>

#include "wzp/base/bytes.hpp"

namespace wzp {

/// Overwrites memory in a way the compiler may not remove.
void wipe(void* data, std::size_t size) noexcept;

/// Equal contents, found in a time that depends on the length alone. Different lengths are unequal.
[[nodiscard]] bool equal_in_constant_time(ByteView a, ByteView b) noexcept;

/// N secret bytes: wiped when they go, compared in constant time, never printed.
template <std::size_t N>
class Secret {
 public:
  Secret() = default;
  explicit Secret(const ByteArray<N>& bytes) : bytes_{bytes} {}
  Secret(const Secret&) = default;
  Secret& operator=(const Secret&) = default;
  ~Secret() { wipe(bytes_.data(), N); }

  static constexpr std::size_t size() { return N; }
  [[nodiscard]] ByteView view() const noexcept { return bytes_; }
  /// For the function that fills it.
  [[nodiscard]] std::span<std::uint8_t, N> fill() noexcept { return bytes_; }
  [[nodiscard]] const ByteArray<N>& array() const noexcept { return bytes_; }

  bool operator==(const Secret& other) const noexcept { return equal_in_constant_time(bytes_, other.bytes_); }

 private:
  ByteArray<N> bytes_{};
};

}  // namespace wzp
