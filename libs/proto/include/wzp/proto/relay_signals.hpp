#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "wzp/base/bytes.hpp"
#include "wzp/proto/field.hpp"
#include "wzp/proto/quality.hpp"
#include "wzp/proto/signal_types.hpp"

// The messages of media rooms and between relays. The remarks of call_signals.hpp hold here too.

namespace wzp::proto {

/// Client -> relay, first on a media room: the handshake of a member (wire.md 4.3).
struct CallOffer {
  ByteArray<32> identity_pub{};                      ///< Ed25519
  ByteArray<32> ephemeral_pub{};                     ///< X25519
  Bytes signature{};                                 ///< 64 bytes over `ephemeral_pub | "call-offer"`
  std::vector<QualityProfile> supported_profiles{};  ///< best first
  std::optional<std::string> alias{};
  Bytes binding{};  ///< 64 bytes that tie the offer to this connection (crypto.md 2); empty: none
  Caps caps{};

  bool operator==(const CallOffer&) const = default;

  static constexpr std::string_view kTag = "CallOffer";
  static constexpr auto kFields = std::tuple{
      Field{"identity_pub", &CallOffer::identity_pub},
      Field{"ephemeral_pub", &CallOffer::ephemeral_pub},
      Field{"signature", &CallOffer::signature},
      Field{"supported_profiles", &CallOffer::supported_profiles},
      Field{"alias", &CallOffer::alias, Presence::Nullable},
      Field{"binding", &CallOffer::binding, Presence::Sparse},
      Field{"caps", &CallOffer::caps, Presence::Hint},
  };
};

/// Relay -> client: the answer to `CallOffer`, first signal on a media room.
struct CallAnswer {
  ByteArray<32> identity_pub{};  ///< the relay's
  ByteArray<32> ephemeral_pub{};
  Bytes signature{};  ///< 64 bytes over `ephemeral_pub | "call-answer"`
  QualityProfile chosen_profile{};
  Caps caps{};

  bool operator==(const CallAnswer&) const = default;

  static constexpr std::string_view kTag = "CallAnswer";
  static constexpr auto kFields = std::tuple{
      Field{"identity_pub", &CallAnswer::identity_pub}, Field{"ephemeral_pub", &CallAnswer::ephemeral_pub},
      Field{"signature", &CallAnswer::signature},       Field{"chosen_profile", &CallAnswer::chosen_profile},
      Field{"caps", &CallAnswer::caps, Presence::Hint},
  };
};

/// Relay -> every member of a room, on each change.
struct RoomUpdate {
  std::uint32_t count = 0;
  std::vector<RoomParticipant> participants{};

  bool operator==(const RoomUpdate&) const = default;

  static constexpr std::string_view kTag = "RoomUpdate";
  static constexpr auto kFields = std::tuple{
      Field{"count", &RoomUpdate::count},
      Field{"participants", &RoomUpdate::participants},
  };
};

/// Nobody sends this today: reports travel as trailers of media packets.
struct QualityUpdate {
  QualityReport report{};
  QualityProfile recommended_profile{};

  bool operator==(const QualityUpdate&) const = default;

  static constexpr std::string_view kTag = "QualityUpdate";
  static constexpr auto kFields = std::tuple{
      Field{"report", &QualityUpdate::report},
      Field{"recommended_profile", &QualityUpdate::recommended_profile},
  };
};

/// Relay -> every member of a room: advice for all, after the weakest member.
struct QualityDirective {
  QualityProfile recommended_profile{};
  std::optional<std::string> reason{};  ///< "weakest link: " and the tier

  bool operator==(const QualityDirective&) const = default;

  static constexpr std::string_view kTag = "QualityDirective";
  static constexpr auto kFields = std::tuple{
      Field{"recommended_profile", &QualityDirective::recommended_profile},
      Field{"reason", &QualityDirective::reason, Presence::Sparse},
  };
};

/// Relay -> relay, first on `_federation`. Deployed relays send the first field, dialling side only; ours send it
/// both ways (crypto.md 11).
struct FederationHello {
  std::string tls_fingerprint{};          ///< the sender's certificate, canonical text of 95 characters
  std::optional<std::uint8_t> version{};  ///< 1; its presence says that the peer is one of ours
  std::optional<std::string> relay_build{};
  Caps caps{};

  bool operator==(const FederationHello&) const = default;

  static constexpr std::string_view kTag = "FederationHello";
  static constexpr auto kFields = std::tuple{
      Field{"tls_fingerprint", &FederationHello::tls_fingerprint},
      Field{"version", &FederationHello::version, Presence::Sparse},
      Field{"relay_build", &FederationHello::relay_build, Presence::Sparse},
      Field{"caps", &FederationHello::caps, Presence::Hint},
  };
};

/// Relay -> relay: this room has members here. Also sent for call rooms.
struct GlobalRoomActive {
  std::string room{};
  std::vector<RoomParticipant> participants{};

  bool operator==(const GlobalRoomActive&) const = default;

  static constexpr std::string_view kTag = "GlobalRoomActive";
  static constexpr auto kFields = std::tuple{
      Field{"room", &GlobalRoomActive::room},
      Field{"participants", &GlobalRoomActive::participants, Presence::Defaulted},
  };
};

/// Relay -> relay: the last member has left.
struct GlobalRoomInactive {
  std::string room{};

  bool operator==(const GlobalRoomInactive&) const = default;

  static constexpr std::string_view kTag = "GlobalRoomInactive";
  static constexpr auto kFields = std::tuple{
      Field{"room", &GlobalRoomInactive::room},
  };
};

/// Relay -> relay on `_probe`: who is here.
struct PresenceUpdate {
  std::vector<std::string> fingerprints{};
  std::string relay_addr{};  ///< unreliable from deployed relays: prefer the address of the connection

  bool operator==(const PresenceUpdate&) const = default;

  static constexpr std::string_view kTag = "PresenceUpdate";
  static constexpr auto kFields = std::tuple{
      Field{"fingerprints", &PresenceUpdate::fingerprints},
      Field{"relay_addr", &PresenceUpdate::relay_addr},
  };
};

/// Relay -> relay on `_probe`: do you know this person? `ttl` is ignored, one hop only.
struct RouteQuery {
  std::string fingerprint{};
  std::uint8_t ttl = 0;

  bool operator==(const RouteQuery&) const = default;

  static constexpr std::string_view kTag = "RouteQuery";
  static constexpr auto kFields = std::tuple{
      Field{"fingerprint", &RouteQuery::fingerprint},
      Field{"ttl", &RouteQuery::ttl},
  };
};

/// The answer to `RouteQuery`.
struct RouteResponse {
  std::string fingerprint{};
  bool found = false;
  std::vector<std::string> relay_chain{};  ///< empty when not found

  bool operator==(const RouteResponse&) const = default;

  static constexpr std::string_view kTag = "RouteResponse";
  static constexpr auto kFields = std::tuple{
      Field{"fingerprint", &RouteResponse::fingerprint},
      Field{"found", &RouteResponse::found},
      Field{"relay_chain", &RouteResponse::relay_chain},
  };
};

/// Nobody sends this today.
struct SessionForward {
  std::string session_id{};
  std::string target_fingerprint{};
  std::string source_relay{};

  bool operator==(const SessionForward&) const = default;

  static constexpr std::string_view kTag = "SessionForward";
  static constexpr auto kFields = std::tuple{
      Field{"session_id", &SessionForward::session_id},
      Field{"target_fingerprint", &SessionForward::target_fingerprint},
      Field{"source_relay", &SessionForward::source_relay},
  };
};

/// Nobody sends this today.
struct SessionForwardAck {
  std::string session_id{};
  std::string room_name{};

  bool operator==(const SessionForwardAck&) const = default;

  static constexpr std::string_view kTag = "SessionForwardAck";
  static constexpr auto kFields = std::tuple{
      Field{"session_id", &SessionForwardAck::session_id},
      Field{"room_name", &SessionForwardAck::room_name},
  };
};

}  // namespace wzp::proto
