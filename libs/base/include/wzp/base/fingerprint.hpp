#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "wzp/base/bytes.hpp"

namespace wzp {

/// Who a person is: the first 16 bytes of SHA-256 over the Ed25519 identity key.
/// Text: eight groups of four lowercase hex digits joined with ':' (wire.md 1.3).
struct Fingerprint {
  ByteArray<16> bytes{};

  auto operator<=>(const Fingerprint&) const = default;

  /// Strict enough for files and flags, lenient in form: 32 hex digits of either case, with or without ':'.
  [[nodiscard]] static std::optional<Fingerprint> parse(std::string_view text);
};

/// Which relay it is: SHA-256 over its certificate (DER).
/// Text: 32 groups of two lowercase hex digits joined with ':' (wire.md 1.3).
struct RelayFingerprint {
  ByteArray<32> bytes{};

  auto operator<=>(const RelayFingerprint&) const = default;

  /// 64 hex digits of either case, with or without ':'.
  [[nodiscard]] static std::optional<RelayFingerprint> parse(std::string_view text);
};

/// The canonical forms: what goes on the wire and on the screen.
[[nodiscard]] std::string to_string(const Fingerprint& fp);
[[nodiscard]] std::string to_string(const RelayFingerprint& fp);

}  // namespace wzp

template <>
struct std::hash<wzp::Fingerprint> {
  std::size_t operator()(const wzp::Fingerprint& fp) const noexcept {
    return static_cast<std::size_t>(wzp::load_be64(fp.bytes.data()));  // already a hash
  }
};
template <>
struct std::hash<wzp::RelayFingerprint> {
  std::size_t operator()(const wzp::RelayFingerprint& fp) const noexcept {
    return static_cast<std::size_t>(wzp::load_be64(fp.bytes.data()));
  }
};
