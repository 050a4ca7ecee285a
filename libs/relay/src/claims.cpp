#include "claims.hpp"

#include <algorithm>

#include "bridge.hpp"
#include "elsewhere.hpp"
#include "offer_search.hpp"
#include "wzp/crypto/callee_proof.hpp"

namespace wzp::relay {
namespace {

std::optional<crypto::OfferTerms> terms_of(const proto::DirectCallOffer& offer) {
  const auto target = Fingerprint::parse(offer.target_fingerprint);
  const auto id = CallId::parse(offer.call_id);
  if (!target || !id) return std::nullopt;
  return crypto::OfferTerms{offer.ephemeral_pub, offer.identity_pub, *target, *id};
}

void stop_ringing(State& s, const CallId& id, const RelayFingerprint& relay) {
  s.forward(relay, proto::Hangup{proto::HangupReason::Normal, id.text()});
}

/// Registered on two relays: the first to prove it has the call, the other stops ringing.
void tell_late(State& s, const CallId& id, const RelayFingerprint& relay) {
  s.drop("claim-late");
  stop_ringing(s, id, relay);
  (void)s.calls.withdraw(id, relay);
}

}  // namespace

Standing claim(State& s, const Arrival& arrival, const DirectCall& call, bool proven, Instant now) {
  const auto* way = registry::onward(call.route);
  if (way == nullptr || !way->asked.contains(arrival.from)) {
    s.drop("forward-wrong-link");
    // Its link was gone for a moment, and it was given up; its phone rings for nothing.
    if (way != nullptr && s.federation.has_cap(arrival.from, proto::kCapCallNack))
      stop_ringing(s, call.id, arrival.from);
    return Standing::None;
  }
  if (way->claimed_by && way->claimed_by != arrival.from) {
    tell_late(s, call.id, arrival.from);
    return Standing::None;
  }
  if (!way->claimed_by) {
    if (!proven) return Standing::Says;
    give_call(s, call.id, arrival.from, now);
  }
  if (call.home(Role::Callee) && call.home(Role::Callee) != arrival.origin) {
    s.drop("forward-wrong-end");
    return Standing::None;
  }
  if (arrival.envelope) (void)s.calls.set_home(call.id, Role::Callee, arrival.origin);
  return Standing::Has;
}

void note_claimant(State& s, const CallId& id, const Arrival& arrival, Instant now) {
  auto& claimants = s.notes.at(id).claimants;
  auto found = std::ranges::find(claimants, arrival.from, &Claimant::relay);
  if (found == claimants.end()) found = claimants.insert(claimants.end(), Claimant{arrival.from});
  // The first answer of a relay counts, here as anywhere.
  if (std::holds_alternative<proto::DirectCallAnswer>(arrival.inner) && !found->answer) found->answer = arrival;
  settle(s, id, now);
}

void give_call(State& s, const CallId& id, const RelayFingerprint& relay, Instant now) {
  give_up_phone(s, id);
  (void)s.calls.set_peer_relay_fp(id, relay);
  s.due.cancel(ClaimDue{id});
  for (const auto& other : std::exchange(s.notes.at(id).claimants, {})) {
    if (other.relay != relay) tell_late(s, id, other.relay);
  }
  update_bridge(s, id, now);
  send_addresses(s, relay, id);
}

bool is_signed_by_callee(const proto::DirectCallOffer& offer, const proto::CallRinging& ringing) {
  const auto terms = terms_of(offer);
  return terms && ringing.identity_pub && ringing.signature &&
         crypto::verify_ringing(*terms, *ringing.identity_pub, *ringing.signature);
}

bool is_signed_by_callee(const proto::DirectCallOffer& offer, const proto::DirectCallAnswer& answer) {
  const auto terms = terms_of(offer);
  return terms && answer.identity_pub && answer.ephemeral_pub && answer.signature &&
         crypto::verify_answer(*terms, *answer.identity_pub, *answer.ephemeral_pub, *answer.signature);
}

}  // namespace wzp::relay
