#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "wzp/base/address.hpp"

namespace wzp::reflex {

/// How a NAT maps one local socket, as seen by several relays. It says nothing about filtering: `Cone` does not
/// promise that an unsolicited packet gets in.
enum class NatClass : std::uint8_t {
  Unknown,        ///< fewer than two observations that count
  Cone,           ///< everybody sees the same address and port
  SymmetricPort,  ///< the same address, different ports
  Multiple,       ///< different addresses
};

[[nodiscard]] std::string_view name(NatClass nat) noexcept;

struct NatVerdict {
  NatClass nat = NatClass::Unknown;
  /// The address everybody agrees on; for `Cone` only.
  std::optional<SocketAddress> consensus;

  bool operator==(const NatVerdict&) const = default;
};

/// Whether an observed address says something about the public NAT. Loopback, private, shared, link-local and
/// unspecified ones describe a path inside our own network ([H-02]).
[[nodiscard]] bool is_public_observation(const SocketAddress& observed) noexcept;

/// The verdict over the observations of successful probes, all made from one socket. Source: relay.md 12.3.
[[nodiscard]] NatVerdict classify(std::span<const SocketAddress> observed);

}  // namespace wzp::reflex
