#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "wzp/base/bytes.hpp"
#include "wzp/base/secret.hpp"

namespace wzp::net {

/// Fills `out` from the operating system's generator. Ends the process if there is none: no program can
/// go on safely without it.
void fill_random(std::span<std::uint8_t> out) noexcept;

/// N fresh bytes that may become public: ids, nonces.
template <std::size_t N>
[[nodiscard]] ByteArray<N> random_array() noexcept {
  ByteArray<N> out;
  fill_random(out);
  return out;
}

/// N fresh bytes that stay secret.
template <std::size_t N>
[[nodiscard]] Secret<N> random_secret() noexcept {
  Secret<N> out;
  fill_random(out.fill());
  return out;
}

}  // namespace wzp::net
