#pragma once

#include <optional>
#include <string>
#include <vector>

#include "context.hpp"
#include "direct_paths.hpp"
#include "media_plan.hpp"
#include "room_link.hpp"
#include "wzp/client/client_core.hpp"
#include "wzp/client/media_health.hpp"
#include "wzp/crypto/call_agreement.hpp"

namespace wzp::client {

/// An offer that was judged and may ring.
struct CheckedOffer {
  CallId id;
  Fingerprint caller;
  std::string alias;
  std::optional<crypto::OfferTerms> terms;  ///< sealed if present
  bool base_peer = false;                   ///< too old for a direct path
};

/// One call from the wish to its end; what `ClientCore` says about calls is done here. Three files: `call.cpp` until
/// both have answered, `call_paths.cpp` from `CallSetup` on, `call_end.cpp` for all the ways to end.
class Call {
 public:
  /// We call.
  Call(const PlaceCall& wish, const Context& ctx);
  /// Somebody calls us.
  Call(const CheckedOffer& offer, bool mutual, const Context& ctx);

  void answer(const Answer& event, const Context& ctx);
  void hang_up(const Context& ctx);
  /// On the signal connection.
  void signal(const proto::SignalMessage& message, const Context& ctx);
  void registration_lost(const Context& ctx);
  /// We call somebody who calls us: give this one up without a word to the person. The caller then drops the object.
  void withdraw(const Context& ctx);

  // Connections. Each says whether it was about one of ours.
  bool connected(const Connected& event, const Context& ctx);
  bool dial_failed(const DialFailed& event, const Context& ctx);
  bool inbound(const InboundDirect& event, const Context& ctx);
  bool lost(const Lost& event, const Context& ctx);
  bool room_signal(const Signal& event, const Context& ctx);
  void direct(const Direct& event, const Context& ctx);
  void bad_direct(ConnectionId conn, const Context& ctx);
  void probe_acked(ConnectionId conn, const Context& ctx);
  void media_seen(ConnectionId conn, const Context& ctx);
  void tick(const Context& ctx);

  [[nodiscard]] std::optional<Instant> deadline(const Timers& timers) const;
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] const CallId& id() const { return id_; }
  [[nodiscard]] const Fingerprint& peer() const { return peer_; }
  [[nodiscard]] CallState state() const { return state_; }
  [[nodiscard]] bool on_direct_path() const { return plan_.selected().has_value(); }
  /// A caller whose offer was not answered yet.
  [[nodiscard]] bool calling() const;
  /// The hang-up that found no signal connection, or may be lost with the one it was sent on.
  [[nodiscard]] const std::optional<proto::Hangup>& untold() const { return untold_; }

 private:
  // call.cpp
  void ask_reflect(CallState state, const Context& ctx);
  void reflected(const proto::ReflectResponse& response, const Context& ctx);
  void send_offer(const Context& ctx);
  void send_answer(const Context& ctx);
  void on_answer(const proto::DirectCallAnswer& answer, const Context& ctx);
  void collect_hosts(const Context& ctx);
  void enter(CallState state, Duration limit, const Context& ctx);

  // call_paths.cpp
  void connect(const proto::CallSetup& setup, const Context& ctx);
  void start_room(const proto::CallSetup& setup, const Context& ctx);
  void start_sealed_race(std::vector<SocketAddress> found, const Context& ctx);
  void start_reference_race(const proto::CallSetup& setup, std::vector<SocketAddress> found, const Context& ctx);
  [[nodiscard]] std::vector<SocketAddress> candidates(const proto::CallSetup& setup, const Context& ctx) const;
  void settle(const Context& ctx);
  void unsealed_path_lost(bool closed_by_peer, const Context& ctx);
  void close_unused_room(const Context& ctx);
  void report_paths(const Context& ctx);
  [[nodiscard]] std::string why_no_path(const Context& ctx) const;
  [[nodiscard]] bool connecting() const { return state_ == CallState::Connecting || state_ == CallState::Active; }

  // call_end.cpp
  void on_hangup(const proto::Hangup& hangup, const Context& ctx);
  void peer_ended(proto::HangupReason reason, std::optional<proto::HangupReason> tell, const Context& ctx);
  void on_timer(const Context& ctx);
  void check_health(const Context& ctx);
  [[nodiscard]] std::optional<Instant> advisory_due(const Timers& timers) const;
  void reject(const Context& ctx);
  void end(EndReason reason, std::string why, std::optional<proto::HangupReason> tell, const Context& ctx);

  CallId id_;
  Fingerprint peer_;
  crypto::CallRole role_;
  CallState state_ = CallState::None;
  std::optional<Instant> due_;
  bool sealed_ = true;
  bool base_peer_ = false;
  bool ended_ = false;
  std::optional<proto::Hangup> untold_;

  std::optional<crypto::EphemeralKey> ephemeral_;
  std::optional<crypto::PlacedOffer> offer_;  // caller
  std::optional<crypto::OfferTerms> terms_;   // callee, sealed
  std::optional<crypto::CallKeys> keys_;

  proto::CallAcceptMode mode_ = proto::CallAcceptMode::Reject;  // callee
  std::optional<std::string> own_reflexive_;
  std::vector<SocketAddress> own_hosts_;
  bool advertised_ = false;  // an address of ours went out in this call

  std::optional<bool> peer_report_;
  Instant setup_at_;
  RoomLink room_;
  DirectPaths direct_;
  MediaPlan plan_;
  MediaHealth health_;
  bool racing_ = false;
  bool media_started_ = false;
  bool direct_was_up_ = false;
  bool relay_was_up_ = false;
  std::optional<PathKind> chosen_;
  std::optional<Instant> unused_room_due_;           // unsealed and direct: when the room is closed
  std::optional<proto::HangupReason> relay_hangup_;  // what the relay said while media flowed directly
};

}  // namespace wzp::client
