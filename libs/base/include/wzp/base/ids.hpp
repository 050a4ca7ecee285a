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

/// Name of one call: 1 to 58 bytes of [a-z0-9-], not ending in '-', so that `call-<id>` is one label of a
/// server name (wire.md 1.2). A default-constructed one is empty and names no call.
class CallId {
 public:
  CallId() = default;

  /// Empty when the text is outside the grammar.
  [[nodiscard]] static std::optional<CallId> parse(std::string_view text);
  /// Our own ids: 128 random bits as 32 hex digits (design.md 3.1).
  [[nodiscard]] static CallId from_random(const ByteArray<16>& random);

  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  [[nodiscard]] bool empty() const noexcept { return text_.empty(); }
  /// The media room of the call: "call-<id>".
  [[nodiscard]] std::string room() const { return "call-" + text_; }

  auto operator<=>(const CallId&) const = default;

 private:
  explicit CallId(std::string text) : text_{std::move(text)} {}
  std::string text_;
};

/// One connection for as long as it lives. Never used again, so it is its own generation.
/// The top 16 bits are the worker that owns it, the next one is set for a WebSocket, the rest counts up.
struct ConnectionId {
  static constexpr std::uint64_t kWebSocket = std::uint64_t{1} << 47;
  std::uint64_t value = 0;

  [[nodiscard]] constexpr std::uint16_t worker() const noexcept { return static_cast<std::uint16_t>(value >> 48); }
  [[nodiscard]] constexpr bool is_websocket() const noexcept { return (value & kWebSocket) != 0; }
  auto operator<=>(const ConnectionId&) const = default;
};

[[nodiscard]] std::string to_string(ConnectionId id);

}  // namespace wzp

template <>
struct std::hash<wzp::CallId> {
  std::size_t operator()(const wzp::CallId& id) const noexcept { return std::hash<std::string>{}(id.text()); }
};
template <>
struct std::hash<wzp::ConnectionId> {
  std::size_t operator()(wzp::ConnectionId id) const noexcept { return std::hash<std::uint64_t>{}(id.value); }
};
