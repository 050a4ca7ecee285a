#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "wzp/base/bytes.hpp"
#include "wzp/proto/field.hpp"
#include "wzp/proto/signal_types.hpp"

// What our relays tell each other beyond the deployed protocol: signals on their way over several relays, and the state
// that relays keep about each other. Sent only on verified links whose other side has announced the capability named
// with each; docs/protocol.md holds the rules. Relay fingerprints are canonical text.

namespace wzp::proto {

/// A signal of a call on its way from one relay to another, over at most `kMaxHops` links. Capability `routes`.
///
/// The origin signs what nobody on the way may change; what changes on the way (`hops_left`, `path`) is not signed.
struct RoutedSignal {
  std::string origin_relay_fp{};
  /// The relay it is for. Empty: for the other side of the call, along the call's stored route; an offer looks for it.
  std::optional<std::string> target_relay_fp{};
  std::string route_id{};         ///< 32 hex digits, one per signal and origin: the guard against duplicates
  std::uint32_t attempt = 0;      ///< offers: 0, and one more each time the route of the call is laid anew
  std::uint8_t hops_left = 0;     ///< links it may still cross after this one
  std::vector<std::string> path{};  ///< every relay it has been at, the origin first
  Bytes proof{};                  ///< 96 bytes, `crypto::RelaySigner::proof`: whose key checks the signature
  std::string body{};             ///< the signal, as JSON text, byte for byte as the origin wrote it
  Bytes signature{};              ///< 64 bytes, `crypto::RelaySigner::sign`

  bool operator==(const RoutedSignal&) const = default;

  static constexpr std::string_view kTag = "RoutedSignal";
  static constexpr auto kFields = std::tuple{
      Field{"origin_relay_fp", &RoutedSignal::origin_relay_fp},
      Field{"target_relay_fp", &RoutedSignal::target_relay_fp, Presence::Sparse},
      Field{"route_id", &RoutedSignal::route_id},
      Field{"attempt", &RoutedSignal::attempt},
      Field{"hops_left", &RoutedSignal::hops_left},
      Field{"path", &RoutedSignal::path},
      Field{"proof", &RoutedSignal::proof},
      Field{"body", &RoutedSignal::body},
      Field{"signature", &RoutedSignal::signature},
  };
};

/// Links that a signal, a packet or a piece of state may cross. Source: the issue of many hops; paths of up to 8 relays.
inline constexpr std::uint8_t kMaxHops = 8;

/// Body of a RoutedSignal, callee's side -> caller's side: the call is reached again by the attempt of this number;
/// media and signals of the call take the new route from now on.
struct CallRerouted {
  std::string call_id{};
  std::uint32_t attempt = 0;

  bool operator==(const CallRerouted&) const = default;

  static constexpr std::string_view kTag = "CallRerouted";
  static constexpr auto kFields = std::tuple{
      Field{"call_id", &CallRerouted::call_id},
      Field{"attempt", &CallRerouted::attempt},
  };
};

/// Body of a RoutedSignal, along the stored route away from a break: the route of this answered call is broken further
/// on. The caller's relay lays it anew.
struct RouteLost {
  std::string call_id{};

  bool operator==(const RouteLost&) const = default;

  static constexpr std::string_view kTag = "RouteLost";
  static constexpr auto kFields = std::tuple{Field{"call_id", &RouteLost::call_id}};
};

/// A relay about itself, passed on to every relay: the neighbours that it passes signals on for. Capability `routes`.
/// A connection between two relays counts when both name each other.
struct RelayState {
  std::string origin_relay_fp{};
  std::uint64_t epoch = 0;  ///< one more when the origin finds older state of its own around
  std::uint64_t seq = 0;    ///< one more for every new statement; (epoch, seq) says what is newer
  std::uint8_t hops = 0;    ///< links crossed, 1 on the first
  std::vector<std::string> neighbours{};

  bool operator==(const RelayState&) const = default;

  static constexpr std::string_view kTag = "RelayState";
  static constexpr auto kFields = std::tuple{
      Field{"origin_relay_fp", &RelayState::origin_relay_fp},
      Field{"epoch", &RelayState::epoch},
      Field{"seq", &RelayState::seq},
      Field{"hops", &RelayState::hops},
      Field{"neighbours", &RelayState::neighbours},
  };
};

/// A relay about the members it has in one global room, passed on to every relay that has the room. An empty list says
/// that it wants the room's media passed on to it (a hub). Capability `media-v2`.
struct RoomState {
  std::string origin_relay_fp{};
  std::uint64_t epoch = 0;
  std::uint64_t seq = 0;
  std::uint8_t hops = 0;
  std::string room{};  ///< canonical name
  std::vector<RoomParticipant> participants{};
  /// The worst quality tier among them, 0 (worst) to 5; empty: nobody reports.
  std::optional<std::uint8_t> tier{};

  bool operator==(const RoomState&) const = default;

  static constexpr std::string_view kTag = "RoomState";
  static constexpr auto kFields = std::tuple{
      Field{"origin_relay_fp", &RoomState::origin_relay_fp},
      Field{"epoch", &RoomState::epoch},
      Field{"seq", &RoomState::seq},
      Field{"hops", &RoomState::hops},
      Field{"room", &RoomState::room},
      Field{"participants", &RoomState::participants, Presence::Defaulted},
      Field{"tier", &RoomState::tier, Presence::Sparse},
  };
};

/// A relay about who is registered there, blinded: each entry is 16 hex digits, the first 8 bytes of
/// HMAC-SHA256(salt, fingerprint). Capability `routes`. A snapshot replaces what was known, in `parts` messages of the
/// same version; a delta follows on the version before it.
struct UserState {
  std::string origin_relay_fp{};
  std::uint64_t epoch = 0;
  std::uint64_t version = 0;
  std::uint8_t hops = 0;
  std::string salt{};       ///< 32 hex digits, one per origin and epoch
  std::uint32_t part = 0;   ///< of a snapshot: 0 to parts - 1
  std::uint32_t parts = 0;  ///< 0: a delta
  std::string add{};        ///< entries, one behind the other
  std::string remove{};     ///< deltas only

  bool operator==(const UserState&) const = default;

  static constexpr std::string_view kTag = "UserState";
  static constexpr auto kFields = std::tuple{
      Field{"origin_relay_fp", &UserState::origin_relay_fp},
      Field{"epoch", &UserState::epoch},
      Field{"version", &UserState::version},
      Field{"hops", &UserState::hops},
      Field{"salt", &UserState::salt},
      Field{"part", &UserState::part},
      Field{"parts", &UserState::parts},
      Field{"add", &UserState::add},
      Field{"remove", &UserState::remove, Presence::Sparse},
  };
};

/// The slow refresh of `UserState`: what the receiver should hold by now. Capability `routes`.
struct UserDigest {
  std::string origin_relay_fp{};
  std::uint64_t epoch = 0;
  std::uint64_t version = 0;
  std::uint8_t hops = 0;
  std::uint32_t count = 0;  ///< entries
  std::string digest{};     ///< 16 hex digits: the XOR of all entries

  bool operator==(const UserDigest&) const = default;

  static constexpr std::string_view kTag = "UserDigest";
  static constexpr auto kFields = std::tuple{
      Field{"origin_relay_fp", &UserDigest::origin_relay_fp},
      Field{"epoch", &UserDigest::epoch},
      Field{"version", &UserDigest::version},
      Field{"hops", &UserDigest::hops},
      Field{"count", &UserDigest::count},
      Field{"digest", &UserDigest::digest},
  };
};

/// To the neighbour that said something about this origin which does not fit what is known: send a snapshot.
/// Capability `routes`.
struct UserRequest {
  std::string origin_relay_fp{};

  bool operator==(const UserRequest&) const = default;

  static constexpr std::string_view kTag = "UserRequest";
  static constexpr auto kFields = std::tuple{Field{"origin_relay_fp", &UserRequest::origin_relay_fp}};
};

}  // namespace wzp::proto
