#pragma once

#include "state.hpp"

namespace wzp::relay {

/// Calls whose parties are on different relays (relay.md 9.7, 22.2). What a linked relay forwards is handled as if it had
/// arrived from a client here, with the link in the place of the client: the relay on the call's route speaks for the
/// party behind it, and no other relay has a say. A relay in the middle of a route passes on what it gets, as its origin
/// signed it; a signal counts for a party only if the relay that serves the party has signed it.
///
/// A view on the state, made for one event.
class CrossRelayDispatcher {
 public:
  explicit CrossRelayDispatcher(State& state) : s{state} {}

  /// The callee here has accepted an incoming call. `answer` is as the caller may see it.
  void answer(const DirectCall& call, const proto::DirectCallAnswer& answer, Instant now);
  void report(const DirectCall& call, const proto::MediaPathReport& report);

  /// A signal that a linked relay forwards, in the deployed envelope.
  void handle(const RelayFingerprint& from, const proto::SignalMessage& inner, Instant now);
  void handle(const RelayFingerprint& from, const proto::RoutedSignal& signal, Instant now);
  /// One that has been judged already.
  void handle(const Arrival& arrival, Instant now);
  void link_up(const RelayFingerprint& relay, Instant now);
  void link_down(const RelayFingerprint& relay, Instant now);

 private:
  void on(const Arrival& arrival, const proto::DirectCallOffer& offer, Instant now);
  void on(const Arrival& arrival, const proto::DirectCallAnswer& answer, Instant now);
  void on(const Arrival& arrival, const proto::CallRinging& ringing, Instant now);
  void on(const Arrival& arrival, const proto::Hangup& hangup, Instant now);
  void on(const Arrival& arrival, const proto::MediaPathReport& report, Instant now);

  /// The offer of a claimed call once more, now with addresses.
  void offer_again(const Arrival& arrival, const DirectCall& known, const proto::DirectCallOffer& offer,
                   const registry::Addresses& addresses, Instant now);
  /// The callee is not here: others are asked on behalf of the relay that asked.
  [[nodiscard]] bool pass_offer(const Arrival& arrival, const proto::DirectCallOffer& offer,
                                const registry::NewCall& call, Instant now);
  /// A callee rings or answers for a call that is no more, or that this relay forgot when it was restarted.
  void gone(const Arrival& arrival, const std::string& call_id, std::string_view reason);
  /// Nobody takes the call: with a reason for relays that read it.
  void refuse(const RelayFingerprint& to, const std::string& call_id, proto::HangupReason reason);
  /// A hang-up that names no call (design.md 3.21).
  void reference_hangup(const RelayFingerprint& from, Instant now);
  [[nodiscard]] bool reads_nack(const RelayFingerprint& relay) const;

  State& s;
};

}  // namespace wzp::relay
