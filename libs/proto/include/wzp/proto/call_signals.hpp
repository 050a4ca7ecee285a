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

// The messages of a person's program: registering, calling, and what belongs to one call.
// Field names, order and presence are those of the wire (wire.md 2.4). Texts are UTF-8 as they came: a decoded message
// is well-formed, nothing more. Fingerprints, call ids and addresses are checked by whoever uses them.

namespace wzp::proto {

/// Client -> relay, first on `_signal` (after `AuthToken` where the relay wants one): reach me by this key.
struct RegisterPresence {
  ByteArray<32> identity_pub{};        ///< Ed25519; all zero: an anonymous probe, which only asks `Reflect`
  Bytes signature{};                   ///< 64 bytes as in crypto.md 2; empty from deployed clients
  std::optional<std::string> alias{};  ///< a name to show
  Caps caps{};

  bool operator==(const RegisterPresence&) const = default;

  static constexpr std::string_view kTag = "RegisterPresence";
  static constexpr auto kFields = std::tuple{
      Field{"identity_pub", &RegisterPresence::identity_pub},
      Field{"signature", &RegisterPresence::signature},
      Field{"alias", &RegisterPresence::alias, Presence::Nullable},
      Field{"caps", &RegisterPresence::caps, Presence::Hint},
  };
};

/// Relay -> client: the answer to `RegisterPresence`.
struct RegisterPresenceAck {
  bool success = false;
  std::optional<std::string> error{};        ///< why not, for people
  std::optional<std::string> relay_build{};  ///< its presence proves a relay that knows `MediaPathReport`
  Caps caps{};

  bool operator==(const RegisterPresenceAck&) const = default;

  static constexpr std::string_view kTag = "RegisterPresenceAck";
  static constexpr auto kFields = std::tuple{
      Field{"success", &RegisterPresenceAck::success},
      Field{"error", &RegisterPresenceAck::error, Presence::Sparse},
      Field{"relay_build", &RegisterPresenceAck::relay_build, Presence::Sparse},
      Field{"caps", &RegisterPresenceAck::caps, Presence::Hint},
  };
};

/// Caller -> relay -> callee, also forwarded: a call is offered. The signature (crypto.md 3) covers the keys, the
/// target and the call id, but no address: a relay may strip or add those.
struct DirectCallOffer {
  std::string caller_fingerprint{};  ///< identity fingerprint, 39 characters
  std::optional<std::string> caller_alias{};
  std::string target_fingerprint{};  ///< whom to call
  std::string call_id{};             ///< see `CallId`; text of other programs, not yet checked
  ByteArray<32> identity_pub{};      ///< Ed25519, all zero from deployed desktop clients
  ByteArray<32> ephemeral_pub{};     ///< X25519, fresh for this call
  Bytes signature{};                 ///< 64 bytes, or empty: the call cannot be sealed
  std::vector<QualityProfile> supported_profiles{};
  std::optional<std::string> caller_reflexive_addr{};  ///< what a relay saw (ReflectResponse); absent: relay only
  std::vector<std::string> caller_local_addrs{};       ///< interface addresses
  std::optional<std::string> caller_build_version{};
  Caps caps{};

  bool operator==(const DirectCallOffer&) const = default;

  static constexpr std::string_view kTag = "DirectCallOffer";
  static constexpr auto kFields = std::tuple{
      Field{"caller_fingerprint", &DirectCallOffer::caller_fingerprint},
      Field{"caller_alias", &DirectCallOffer::caller_alias, Presence::Nullable},
      Field{"target_fingerprint", &DirectCallOffer::target_fingerprint},
      Field{"call_id", &DirectCallOffer::call_id},
      Field{"identity_pub", &DirectCallOffer::identity_pub},
      Field{"ephemeral_pub", &DirectCallOffer::ephemeral_pub},
      Field{"signature", &DirectCallOffer::signature},
      Field{"supported_profiles", &DirectCallOffer::supported_profiles},
      Field{"caller_reflexive_addr", &DirectCallOffer::caller_reflexive_addr, Presence::Sparse},
      Field{"caller_local_addrs", &DirectCallOffer::caller_local_addrs, Presence::Sparse},
      Field{"caller_build_version", &DirectCallOffer::caller_build_version, Presence::Sparse},
      Field{"caps", &DirectCallOffer::caps, Presence::Hint},
  };
};

/// Callee -> relay -> caller, also forwarded. A `Reject` carries no keys and no addresses; addresses come with
/// `AcceptTrusted` only.
struct DirectCallAnswer {
  std::string call_id{};
  CallAcceptMode accept_mode = CallAcceptMode::Reject;
  std::optional<ByteArray<32>> identity_pub{};     ///< Ed25519
  std::optional<ByteArray<32>> ephemeral_pub{};    ///< X25519, fresh for this call
  std::optional<Bytes> signature{};                ///< 64 bytes as in crypto.md 3; a present empty one is written `[]`
  std::optional<QualityProfile> chosen_profile{};  ///< advice, no contract
  std::optional<std::string> callee_reflexive_addr{};
  std::vector<std::string> callee_local_addrs{};
  std::optional<std::string> callee_build_version{};
  Caps caps{};

  bool operator==(const DirectCallAnswer&) const = default;

  static constexpr std::string_view kTag = "DirectCallAnswer";
  static constexpr auto kFields = std::tuple{
      Field{"call_id", &DirectCallAnswer::call_id},
      Field{"accept_mode", &DirectCallAnswer::accept_mode},
      Field{"identity_pub", &DirectCallAnswer::identity_pub, Presence::Sparse},
      Field{"ephemeral_pub", &DirectCallAnswer::ephemeral_pub, Presence::Sparse},
      Field{"signature", &DirectCallAnswer::signature, Presence::Sparse},
      Field{"chosen_profile", &DirectCallAnswer::chosen_profile, Presence::Sparse},
      Field{"callee_reflexive_addr", &DirectCallAnswer::callee_reflexive_addr, Presence::Sparse},
      Field{"callee_local_addrs", &DirectCallAnswer::callee_local_addrs, Presence::Sparse},
      Field{"callee_build_version", &DirectCallAnswer::callee_build_version, Presence::Sparse},
      Field{"caps", &DirectCallAnswer::caps, Presence::Hint},
  };
};

/// Relay -> each party of an accepted call: where media goes.
struct CallSetup {
  std::string call_id{};
  std::string room{};                             ///< server name of the media connection: "call-" and the call id
  std::string relay_addr{};                       ///< the receiver's own relay, `a.b.c.d:port` or `[v6]:port`
  std::optional<std::string> peer_direct_addr{};  ///< the other party's reflexive address, where it consented
  std::vector<std::string> peer_local_addrs{};
  Caps caps{};

  bool operator==(const CallSetup&) const = default;

  static constexpr std::string_view kTag = "CallSetup";
  static constexpr auto kFields = std::tuple{
      Field{"call_id", &CallSetup::call_id},
      Field{"room", &CallSetup::room},
      Field{"relay_addr", &CallSetup::relay_addr},
      Field{"peer_direct_addr", &CallSetup::peer_direct_addr, Presence::Sparse},
      Field{"peer_local_addrs", &CallSetup::peer_local_addrs, Presence::Sparse},
      Field{"caps", &CallSetup::caps, Presence::Hint},
  };
};

/// Callee -> relay -> caller, also forwarded: the offer has reached the callee. From a callee with its signature, which no
/// relay can make (docs/protocol.md, who has the callee); from a relay alone without, and so to callers.
struct CallRinging {
  std::string call_id{};
  std::optional<ByteArray<32>> identity_pub{};  ///< Ed25519, of the callee
  std::optional<Bytes> signature{};             ///< 64 bytes

  bool operator==(const CallRinging&) const = default;

  static constexpr std::string_view kTag = "CallRinging";
  static constexpr auto kFields = std::tuple{
      Field{"call_id", &CallRinging::call_id},
      Field{"identity_pub", &CallRinging::identity_pub, Presence::Sparse},
      Field{"signature", &CallRinging::signature, Presence::Sparse},
  };
};

/// Either party -> relay -> other party, also forwarded: the call is over.
/// Deployed clients end their current call on any Hangup they receive (design.md 3.20).
struct Hangup {
  HangupReason reason = HangupReason::Normal;
  std::optional<std::string> call_id{};  ///< absent from deployed clients: every call of the sender

  bool operator==(const Hangup&) const = default;

  static constexpr std::string_view kTag = "Hangup";
  static constexpr auto kFields = std::tuple{
      Field{"reason", &Hangup::reason},
      Field{"call_id", &Hangup::call_id, Presence::Sparse},
  };
};

/// Party -> relay -> other party, also forwarded: the outcome of my path race.
struct MediaPathReport {
  std::string call_id{};
  bool direct_ok = false;     ///< the direct path came up here
  std::string race_winner{};  ///< "Direct" or "Relay", for information

  bool operator==(const MediaPathReport&) const = default;

  static constexpr std::string_view kTag = "MediaPathReport";
  static constexpr auto kFields = std::tuple{
      Field{"call_id", &MediaPathReport::call_id},
      Field{"direct_ok", &MediaPathReport::direct_ok},
      Field{"race_winner", &MediaPathReport::race_winner, Presence::Defaulted},
  };
};

/// Client -> relay: from which address do you see me?
struct Reflect {
  bool operator==(const Reflect&) const = default;

  static constexpr std::string_view kTag = "Reflect";
};

/// Relay -> client: the answer to `Reflect`. Carries no correlation; one request at a time.
struct ReflectResponse {
  std::string observed_addr{};  ///< canonical address text (wire.md 1.9)

  bool operator==(const ReflectResponse&) const = default;

  static constexpr std::string_view kTag = "ReflectResponse";
  static constexpr auto kFields = std::tuple{
      Field{"observed_addr", &ReflectResponse::observed_addr},
  };
};

/// Either side: answer with a `Pong` of the same number. On `_probe` Unix milliseconds.
struct Ping {
  std::uint64_t timestamp_ms = 0;

  bool operator==(const Ping&) const = default;

  static constexpr std::string_view kTag = "Ping";
  static constexpr auto kFields = std::tuple{
      Field{"timestamp_ms", &Ping::timestamp_ms},
  };
};

/// The answer to `Ping`.
struct Pong {
  std::uint64_t timestamp_ms = 0;  ///< echoed

  bool operator==(const Pong&) const = default;

  static constexpr std::string_view kTag = "Pong";
  static constexpr auto kFields = std::tuple{
      Field{"timestamp_ms", &Pong::timestamp_ms},
  };
};

/// Client -> relay, first signal, only where the relay demands tokens.
struct AuthToken {
  std::string token{};

  bool operator==(const AuthToken&) const = default;

  static constexpr std::string_view kTag = "AuthToken";
  static constexpr auto kFields = std::tuple{
      Field{"token", &AuthToken::token},
  };
};

/// Party -> other party. Decoded everywhere, sent on direct connections only.
struct Hold {
  bool operator==(const Hold&) const = default;

  static constexpr std::string_view kTag = "Hold";
};

/// Ends `Hold`.
struct Unhold {
  bool operator==(const Unhold&) const = default;

  static constexpr std::string_view kTag = "Unhold";
};

/// Party -> other party: my microphone is off.
struct Mute {
  bool operator==(const Mute&) const = default;

  static constexpr std::string_view kTag = "Mute";
};

/// Ends `Mute`.
struct Unmute {
  bool operator==(const Unmute&) const = default;

  static constexpr std::string_view kTag = "Unmute";
};

/// Nobody sends this today.
struct Transfer {
  std::string target_fingerprint{};
  std::optional<std::string> relay_addr{};

  bool operator==(const Transfer&) const = default;

  static constexpr std::string_view kTag = "Transfer";
  static constexpr auto kFields = std::tuple{
      Field{"target_fingerprint", &Transfer::target_fingerprint},
      Field{"relay_addr", &Transfer::relay_addr, Presence::Nullable},
  };
};

/// Nobody sends this today.
struct TransferAck {
  bool operator==(const TransferAck&) const = default;

  static constexpr std::string_view kTag = "TransferAck";
};

/// Nobody sends this today.
struct IceCandidate {
  std::string candidate{};

  bool operator==(const IceCandidate&) const = default;

  static constexpr std::string_view kTag = "IceCandidate";
  static constexpr auto kFields = std::tuple{
      Field{"candidate", &IceCandidate::candidate},
  };
};

/// Nobody sends this today: sealed calls change their keys by counting (crypto.md 7).
struct Rekey {
  ByteArray<32> new_ephemeral_pub{};
  Bytes signature{};

  bool operator==(const Rekey&) const = default;

  static constexpr std::string_view kTag = "Rekey";
  static constexpr auto kFields = std::tuple{
      Field{"new_ephemeral_pub", &Rekey::new_ephemeral_pub},
      Field{"signature", &Rekey::signature},
  };
};

/// Nobody sends this today.
struct LossRecoveryUpdate {
  std::uint64_t dred_reconstructions = 0;
  std::uint64_t classical_plc_invocations = 0;
  std::uint64_t frames_decoded = 0;

  bool operator==(const LossRecoveryUpdate&) const = default;

  static constexpr std::string_view kTag = "LossRecoveryUpdate";
  static constexpr auto kFields = std::tuple{
      Field{"dred_reconstructions", &LossRecoveryUpdate::dred_reconstructions, Presence::Defaulted},
      Field{"classical_plc_invocations", &LossRecoveryUpdate::classical_plc_invocations, Presence::Defaulted},
      Field{"frames_decoded", &LossRecoveryUpdate::frames_decoded, Presence::Defaulted},
  };
};

}  // namespace wzp::proto
