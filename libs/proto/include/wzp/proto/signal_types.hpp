#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "wzp/proto/field.hpp"

// The types that signals are made of, next to codec_id.hpp and quality.hpp.

namespace wzp::proto {

/// Why a call ended. The deployed programs only ever send `Normal`.
enum class HangupReason : std::uint8_t { Normal, Busy, Declined, Timeout, Error };

constexpr auto enum_names(HangupReason) {
  using enum HangupReason;
  return std::to_array<std::pair<HangupReason, std::string_view>>({
      {Normal, "Normal"},
      {Busy, "Busy"},
      {Declined, "Declined"},
      {Timeout, "Timeout"},
      {Error, "Error"},
  });
}

/// The callee's answer. `AcceptTrusted` consents to showing addresses to the caller, `AcceptGeneric` does not
/// (privacy mode: neither side learns the other's).
enum class CallAcceptMode : std::uint8_t { Reject, AcceptTrusted, AcceptGeneric };

constexpr auto enum_names(CallAcceptMode) {
  using enum CallAcceptMode;
  return std::to_array<std::pair<CallAcceptMode, std::string_view>>({
      {Reject, "Reject"},
      {AcceptTrusted, "AcceptTrusted"},
      {AcceptGeneric, "AcceptGeneric"},
  });
}

/// One member of a media room, as lists show it.
struct RoomParticipant {
  std::string fingerprint{};  ///< identity fingerprint; may be the empty text
  std::optional<std::string> alias{};
  /// The relay the participant is on; empty for one of the relay that sends the list.
  std::optional<std::string> relay_label{};
  /// Whose packets are whose: `SourceId` as 12 hex digits, in lists for members and relays that can tell sources apart.
  std::optional<std::string> source{};

  bool operator==(const RoomParticipant&) const = default;

  static constexpr auto kFields = std::tuple{
      Field{"fingerprint", &RoomParticipant::fingerprint},
      Field{"alias", &RoomParticipant::alias, Presence::Nullable},
      Field{"relay_label", &RoomParticipant::relay_label, Presence::Nullable},
      Field{"source", &RoomParticipant::source, Presence::Sparse},
  };
};

/// Capabilities: short words that say what the sender understands beyond the deployed protocol (crypto.md 10). Order
/// and repeats mean nothing, unknown words are ignored, and they never weaken a check: any relay on the way can add or
/// remove them. Empty means that the sender announced none.
using Caps = std::vector<std::string>;

/// The shape of a usable list: at most 16 words of 1 to 24 bytes [a-z0-9-]. Source: crypto.md 10.
inline constexpr std::size_t kMaxCaps = 16;
inline constexpr std::size_t kMaxCapBytes = 24;

/// The words that have a meaning today. Source: crypto.md 10.
inline constexpr std::string_view kCapCallNack = "call-nack";
inline constexpr std::string_view kCapRelayMedia = "relay-media";
/// A client or relay reads trunk frames (media_tag.hpp).
inline constexpr std::string_view kCapTrunk = "trunk";
/// A relay reads media with an origin (media_tag.hpp), and keeps room lists by origin (`RoomState`).
inline constexpr std::string_view kCapMediaV2 = "media-v2";
/// A relay passes call signals on (`RoutedSignal`), and keeps a map of the relays (`RelayState`, `UserState`).
inline constexpr std::string_view kCapRoutes = "routes";
/// A relay passes on a callee's signed `CallRinging` (`RegisterPresenceAck`).
inline constexpr std::string_view kCapRingProof = "ring-proof";
/// A client that does not want its relay to tell others that it is there (`RegisterPresence`).
inline constexpr std::string_view kCapNoAnnounce = "no-announce";

[[nodiscard]] bool has_cap(const Caps& caps, std::string_view word) noexcept;

}  // namespace wzp::proto
