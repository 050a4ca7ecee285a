#pragma once

#include "state.hpp"

// Which of the relays that were asked has the callee (docs/protocol.md). Any of them may say so, and one that lies must
// not keep the calls of somebody who is elsewhere. The callee's own signature, on `CallRinging` or on an accepting answer,
// gives the relay that brings it the call: the first one wins. What a relay merely says is told to the caller, and the
// search goes on; its answer waits. When nobody else can have the callee any more, it is believed (`settle`).

namespace wzp::relay {

enum class Standing : std::uint8_t {
  None,  ///< was not asked, or another relay has the call: it has been told so
  Says,  ///< may have the callee
  Has,   ///< has the call, since before or from now on
};

/// What the sender of a signal about the callee is to the call. `proven`: the callee has signed it.
[[nodiscard]] Standing claim(State& s, const Arrival& arrival, const DirectCall& call, bool proven, Instant now);
/// A relay that `Says`. `arrival`: its ringing, or the answer that has to wait.
void note_claimant(State& s, const CallId& id, const Arrival& arrival, Instant now);
/// This relay has the call. The others that claim it are told, and it gets the caller's addresses.
void give_call(State& s, const CallId& id, const RelayFingerprint& relay, Instant now);

/// Whether the callee of this offer has signed it.
[[nodiscard]] bool is_signed_by_callee(const proto::DirectCallOffer& offer, const proto::CallRinging& ringing);
[[nodiscard]] bool is_signed_by_callee(const proto::DirectCallOffer& offer, const proto::DirectCallAnswer& answer);

}  // namespace wzp::relay
