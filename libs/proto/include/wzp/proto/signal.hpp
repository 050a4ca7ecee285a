#pragma once

#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>

#include "wzp/base/box.hpp"
#include "wzp/proto/call_signals.hpp"
#include "wzp/proto/relay_signals.hpp"
#include "wzp/proto/route_signals.hpp"

namespace wzp::proto {

struct SignalMessage;

/// Relay -> relay on `_federation`: a signal of one call, sent on behalf of a client of the sender. One hop only.
struct FederatedSignalForward {
  Box<SignalMessage> inner;
  /// Certificate fingerprint of the relay that sends it, canonical text. Accepted only when it is that of the link.
  std::string origin_relay_fp{};

  bool operator==(const FederatedSignalForward&) const = default;

  static constexpr std::string_view kTag = "FederatedSignalForward";
  static constexpr auto kFields = std::tuple{
      Field{"inner", &FederatedSignalForward::inner},
      Field{"origin_relay_fp", &FederatedSignalForward::origin_relay_fp},
  };
};

/// Every message of the signal stream, in the order of wire.md 2.4, then those of route_signals.hpp. A new one is a struct and a name here.
using SignalVariant = std::variant<CallOffer, CallAnswer, IceCandidate, Rekey, QualityUpdate, LossRecoveryUpdate, Ping,
                                   Pong, Hangup, AuthToken, Hold, Unhold, Mute, Unmute, Transfer, TransferAck,
                                   PresenceUpdate, RouteQuery, RouteResponse, SessionForward, SessionForwardAck,
                                   RoomUpdate, FederationHello, GlobalRoomActive, GlobalRoomInactive, RegisterPresence,
                                   RegisterPresenceAck, DirectCallOffer, DirectCallAnswer, CallSetup, CallRinging,
                                   Reflect, ReflectResponse, MediaPathReport, FederatedSignalForward, QualityDirective,
                                   RoutedSignal, CallRerouted, RouteLost, RelayState, RoomState, UserState, UserDigest,
                                   UserRequest>;

/// One signal: a value that holds exactly one of the messages above. Use it as the variant it is:
/// `std::visit(overloaded{...}, message)`, `std::get_if<Hangup>(&message)`, `SignalMessage m = Ping{1};`.
///
/// On the wire it is one JSON value: `{"Tag":{"field":value,...}}`, or the text `"Tag"` for a message without fields.
/// Unknown fields are ignored, so a message grows by optional fields at its end. Never send a message that a deployed
/// peer does not know: its links end on it (wire.md 2.7).
struct SignalMessage : SignalVariant {
  using SignalVariant::SignalVariant;

  [[nodiscard]] const SignalVariant& as_variant() const noexcept { return *this; }
  bool operator==(const SignalMessage& other) const { return as_variant() == other.as_variant(); }
};

/// The name of the message: "Hangup".
[[nodiscard]] std::string_view tag(const SignalMessage& message) noexcept;

}  // namespace wzp::proto
