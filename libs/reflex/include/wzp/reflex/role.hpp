#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace wzp::reflex {

/// Who dials on the direct path toward a reference peer.
enum class Role : std::uint8_t { Acceptor, Dialer };

/// Compares the two reflexive addresses as byte strings, as the reference does: the smaller one accepts, the
/// larger one dials, so "10.0.0.1:5" accepts and "9.0.0.1:5" dials. Empty when they are equal or one is missing (an
/// empty text counts as missing): then there is no direct attempt. Both sides must pass the texts that were sent.
[[nodiscard]] std::optional<Role> determine_role(std::string_view own, std::string_view peer) noexcept;

}  // namespace wzp::reflex
