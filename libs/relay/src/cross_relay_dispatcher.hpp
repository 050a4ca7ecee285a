#pragma once

#include <set>
#include <utility>
#include <vector>

#include "state.hpp"

namespace wzp::relay {

/// Calls whose parties are on two relays (relay.md 9.7). What a linked relay forwards is handled as if it had arrived
/// from a client here, with the link in the place of the client: the relay on the call's route speaks for the other
/// party, and no other relay has a say. It also takes the same signals the other way.
///
/// A view on the state, made for one event.
class CrossRelayDispatcher {
 public:
  explicit CrossRelayDispatcher(State& state) : s{state} {}

  /// An offer on its way out: who gets it, in which form. Nothing is sent yet.
  struct Placed {
    proto::DirectCallOffer offer;  ///< whole
    std::vector<federation::FederationManager::Broadcast::To> sends;
    bool with_addresses = false;  ///< our relays have them already

    [[nodiscard]] std::set<RelayFingerprint> asked() const;
  };
  /// Addresses go to no more than one relay of ours before somebody has claimed the call, and to reference relays only
  /// where the operator shares them (design.md 3.17).
  [[nodiscard]] Placed prepare(const proto::DirectCallOffer& offer) const;
  /// Sends it; the record exists.
  void place(const CallId& id, Placed placed, Instant now);
  /// The callee here has accepted an incoming call. `answer` is as the caller may see it.
  void answer(const DirectCall& call, const proto::DirectCallAnswer& answer, Instant now);
  void report(const DirectCall& call, const proto::MediaPathReport& report);

  /// A signal that a linked relay forwards.
  void handle(const RelayFingerprint& from, const proto::SignalMessage& inner, Instant now);
  void link_up(const RelayFingerprint& relay);
  void link_down(const RelayFingerprint& relay, Instant now);
  /// Nobody has claimed the call in time.
  void claim_due(const CallId& id, Instant now);

 private:
  void on(const RelayFingerprint& from, const proto::DirectCallOffer& offer, Instant now);
  void on(const RelayFingerprint& from, const proto::DirectCallAnswer& answer, Instant now);
  void on(const RelayFingerprint& from, const proto::CallRinging& ringing, Instant now);
  void on(const RelayFingerprint& from, const proto::Hangup& hangup, Instant now);
  void on(const RelayFingerprint& from, const proto::MediaPathReport& report, Instant now);

  /// The offer of a claimed call once more, now with addresses.
  void offer_again(const DirectCall& known, const proto::DirectCallOffer& offer, const registry::Addresses& addresses);
  /// Nobody takes the call: with a reason for relays that read it.
  void refuse(const RelayFingerprint& to, const std::string& call_id, proto::HangupReason reason);
  /// True when `from` has the call, newly or since before.
  [[nodiscard]] bool claim(const RelayFingerprint& from, const DirectCall& call);
  /// A hang-up that names no call (design.md 3.21).
  void reference_hangup(const RelayFingerprint& from, Instant now);
  /// One relay less that may have the callee; the call ends with the last one.
  void withdraw(const RelayFingerprint& relay, const CallId& id, Instant now);
  [[nodiscard]] bool reads_nack(const RelayFingerprint& relay) const;

  State& s;
};

}  // namespace wzp::relay
