#include "wzp/base/ids.hpp"

#include <algorithm>

#include "wzp/base/hex.hpp"

namespace wzp {

std::optional<CallId> CallId::parse(std::string_view text) {
  constexpr std::size_t kMaxBytes = 58;  // Source: wire.md 1.2, a label has 63 bytes and "call-" takes five.
  const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  if (text.empty() || text.size() > kMaxBytes || text.back() == '-') return std::nullopt;
  if (!std::all_of(text.begin(), text.end(), allowed)) return std::nullopt;
  return CallId{std::string{text}};
}

CallId CallId::from_random(const ByteArray<16>& random) { return CallId{to_hex(random)}; }

std::string to_string(ConnectionId id) {
  const auto number = id.value & (ConnectionId::kWebSocket - 1);
  return (id.is_websocket() ? "w" : "c") + std::to_string(id.worker()) + "." + std::to_string(number);
}

}  // namespace wzp
