#pragma once

#include <memory>
#include <optional>

#include "wzp/base/ids.hpp"
#include "wzp/base/time.hpp"
#include "wzp/client/actions.hpp"
#include "wzp/client/config.hpp"
#include "wzp/client/events.hpp"

namespace wzp::client {

/// What a call is doing. One call at a time.
enum class CallState : std::uint8_t {
  None,
  Preparing,      ///< caller: asks the relay for our address, then offers
  Offered,        ///< caller: the offer is out
  Ringing,        ///< caller: it rings there
  Incoming,       ///< callee: it rings here
  Answering,      ///< callee: accepted; asks the relay for our address, then answers
  AwaitingSetup,  ///< both: answered, `CallSetup` is to come
  Connecting,     ///< both: paths are tried, nothing was heard yet
  Active,         ///< both: the other side was heard
};

/// The brain of a phone: registration and reconnect, calls in both directions, agreement on keys, the race of
/// direct and relayed paths, moving between them, and the end. It keeps no history and reads no clock.
///
/// Registration. Dial, `RegisterPresence` signed for this connection, ack. A lost or failed one is retried
/// after 0, 1, 2, 4, 8, 15, 30, 30... s, except when the relay refuses the identity or says "replaced".
///
/// Rules of calls (client.md 9.5, crypto.md 3, design.md 3):
/// - A message about another call id than the current one changes nothing. A `Hangup` without id ends the
///   current call, because reference relays send it so.
/// - Sealed or not is settled by offer and answer and never changes. A missing signature is refused, unless
///   `allow_unsealed` and that person never signed to us; a wrong one is refused always.
/// - A call id is answered once: 256 ids are remembered for 10 minutes (then the oldest is forgotten), and
///   10 000 signers (then the one learned first is forgotten).
/// - A second offer during a call gets `Hangup{Busy}`, through relays without `caps` a reject. If both call
///   each other, the offer of the smaller fingerprint survives and the other is withdrawn.
/// - Our addresses leave us in an offer that we place or an answer in mode AcceptTrusted, never with
///   `relay_only`. No address of ours in this call: no race, no punch, no direct connection, whatever the other
///   side sends ([D-19]).
/// - Every state has a timer (`Timers`). A registration lost before `CallSetup` ends the call; afterwards it does
///   not. A hang-up is said again when the registration is back, for 30 s: the last connection may have lost it.
///
/// Paths. On `CallSetup` the room of the relay and the direct race start together. Sealed calls:
/// `reflex::PathRace`; hellos carry a MAC over the keys and that connection's exporter, so whoever else dials us
/// gets nothing ([D-49], [V-16]). Media is sent on the first path that is up and accepted on every validated one;
/// a move to the direct path sends on both for 300 ms; the room stays as a way back. Unsealed calls:
/// `reflex::ReferenceRace`, one decision, the other path is closed. Direct connections that come while
/// no call advertises addresses, or under another call's name, are closed ([D-11]); at most 8 unchecked ones are held.
/// If nothing carries media the call ends with `NoPath`, after the search when the relays do not carry it.
///
/// While a sealed call's media flows on its direct path, a `Hangup` that comes through the relay is advice
/// only: the call ends when the direct connection says so too, or when nothing was heard for 1 s ([D-12]).
class ClientCore {
 public:
  explicit ClientCore(Config config);
  ClientCore(ClientCore&&) noexcept;
  ClientCore& operator=(ClientCore&&) noexcept;
  ~ClientCore();

  [[nodiscard]] Actions start(Instant now);
  [[nodiscard]] Actions handle(const Event& event, Instant now);
  /// Does what is due at `now`; harmless when nothing is.
  [[nodiscard]] Actions tick(Instant now);
  [[nodiscard]] std::optional<Instant> deadline() const;

  [[nodiscard]] bool registered() const;
  [[nodiscard]] CallState call_state() const;
  /// The current call; empty id when there is none.
  [[nodiscard]] CallId call_id() const;
  /// Whether a direct path carries the media of the current call.
  [[nodiscard]] bool on_direct_path() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace wzp::client
