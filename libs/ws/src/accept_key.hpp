#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace wzp::ws {

/// `Sec-WebSocket-Accept` for a `Sec-WebSocket-Key` (RFC 6455 4.2.2); nothing when the key is not base64 of 16 bytes.
[[nodiscard]] std::optional<std::string> accept_key(std::string_view key);

}  // namespace wzp::ws
