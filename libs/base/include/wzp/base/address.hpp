#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "wzp/base/bytes.hpp"

namespace wzp {

/// An IPv4 or IPv6 address without a port. IPv4 is kept in its mapped form, so bytes compare across families.
struct IpAddress {
  ByteArray<16> bytes{};

  [[nodiscard]] static IpAddress v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) noexcept;
  /// Numeric text only: "192.0.2.1", "2001:db8::1".
  [[nodiscard]] static std::optional<IpAddress> parse(std::string_view text);

  [[nodiscard]] bool is_v4() const noexcept;
  [[nodiscard]] bool is_unspecified() const noexcept;
  [[nodiscard]] bool is_loopback() const noexcept;
  /// 169.254/16, fe80::/10.
  [[nodiscard]] bool is_link_local() const noexcept;
  /// RFC 1918 and fc00::/7.
  [[nodiscard]] bool is_private() const noexcept;
  /// 100.64/10 (RFC 6598).
  [[nodiscard]] bool is_shared() const noexcept;
  /// Multicast of either family, and 255.255.255.255.
  [[nodiscard]] bool is_multicast_or_broadcast() const noexcept;
  /// 192.0.2/24, 198.51.100/24, 203.0.113/24 (RFC 5737), 2001:db8::/32 (RFC 3849).
  [[nodiscard]] bool is_documentation() const noexcept;

  /// What bounds count as one place: an IPv4 address itself, of IPv6 the whole /64, which one host has to itself.
  [[nodiscard]] IpAddress place() const noexcept;

  auto operator<=>(const IpAddress&) const = default;
};

/// An address and a UDP port. Text as in wire.md 1.9: "a.b.c.d:port" or "[v6]:port", RFC 5952.
struct SocketAddress {
  IpAddress ip;
  std::uint16_t port = 0;

  /// Strict: numeric host, port required, brackets around IPv6. An IPv4-mapped IPv6 address becomes plain IPv4.
  [[nodiscard]] static std::optional<SocketAddress> parse(std::string_view text);

  auto operator<=>(const SocketAddress&) const = default;
};

[[nodiscard]] std::string to_string(const IpAddress& ip);
[[nodiscard]] std::string to_string(const SocketAddress& address);

}  // namespace wzp

template <>
struct std::hash<wzp::SocketAddress> {
  std::size_t operator()(const wzp::SocketAddress& a) const noexcept {
    // FNV-1a: short, and the table it serves is bounded elsewhere.
    std::size_t h = 14695981039346656037ULL;
    for (const auto b : a.ip.bytes) h = (h ^ b) * 1099511628211ULL;
    return (h ^ a.port) * 1099511628211ULL;
  }
};
