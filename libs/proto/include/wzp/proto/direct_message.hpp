#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>

#include "wzp/base/bytes.hpp"
#include "wzp/base/result.hpp"
#include "wzp/proto/call_signals.hpp"
#include "wzp/proto/field.hpp"

// What the two parties of a sealed call say to each other on a direct connection (crypto.md 8). A set of its own:
// never decoded or sent on a connection to a relay. Framing as for signals (frame.hpp), one message per stream.

namespace wzp::proto {

/// The role in the call, not in QUIC.
enum class CallRole : std::uint8_t { Caller, Callee };

constexpr auto enum_names(CallRole) {
  using enum CallRole;
  return std::to_array<std::pair<CallRole, std::string_view>>({{Caller, "Caller"}, {Callee, "Callee"}});
}

/// Both ways, first: proof that the sender holds the key of this call. The QUIC client's comes first; the server
/// answers only after it has checked that one.
struct DirectHello {
  std::string call_id{};
  CallRole role = CallRole::Caller;
  ByteArray<32> proof{};  ///< HMAC over role and exporter; compare in constant time

  bool operator==(const DirectHello&) const = default;

  static constexpr std::string_view kTag = "DirectHello";
  static constexpr auto kFields = std::tuple{
      Field{"call_id", &DirectHello::call_id},
      Field{"role", &DirectHello::role},
      Field{"proof", &DirectHello::proof},
  };
};

/// Caller -> callee: let us use this connection.
struct DirectNominate {
  std::string call_id{};

  bool operator==(const DirectNominate&) const = default;

  static constexpr std::string_view kTag = "DirectNominate";
  static constexpr auto kFields = std::tuple{Field{"call_id", &DirectNominate::call_id}};
};

/// Callee -> caller, on the nominated connection: agreed.
struct DirectConfirm {
  std::string call_id{};

  bool operator==(const DirectConfirm&) const = default;

  static constexpr std::string_view kTag = "DirectConfirm";
  static constexpr auto kFields = std::tuple{Field{"call_id", &DirectConfirm::call_id}};
};

/// Every message of a direct connection: the three above, and the signals that also stand there.
using DirectMessage =
    std::variant<DirectHello, DirectNominate, DirectConfirm, Hangup, Mute, Unmute, Hold, Unhold, Ping, Pong>;

/// Longest JSON text. Source: crypto.md 8.
inline constexpr std::size_t kMaxDirectMessageBytes = 4096;

/// As `encode` and `decode` of signals, rules and errors included. UnknownSignal: skip the message; also for
/// signals that do not belong here.
[[nodiscard]] std::string encode_direct(const DirectMessage& message);
[[nodiscard]] Result<DirectMessage> decode_direct(std::string_view json);

}  // namespace wzp::proto
