#include "offer_search.hpp"

#include <algorithm>
#include <utility>

#include "calls.hpp"
#include "claims.hpp"
#include "cross_relay_dispatcher.hpp"
#include "elsewhere.hpp"
#include "validate.hpp"

namespace wzp::relay {
namespace {

/// How long the relays that announced the callee are waited for. Source: relay.md 22.3.
constexpr Duration kDirectedPatience = std::chrono::seconds{2};

/// May pass on what we pass on for somebody else.
bool may_pass(const State& s, const RelayFingerprint& relay) {
  return s.federation.is_delegate(relay) && s.federation.has_cap(relay, proto::kCapRoutes);
}

std::set<RelayFingerprint> everybody(const State& s, const RelayFingerprint* from,
                                     const std::set<RelayFingerprint>& past) {
  std::set<RelayFingerprint> relays;
  for (const auto& relay : s.federation.relays()) {
    if (past.contains(relay)) continue;
    if (from != nullptr && (!may_pass(s, relay) || s.map.connected(*from, relay))) continue;
    relays.insert(relay);
  }
  return relays;
}

bool reads_nack(const State& s, const RelayFingerprint& relay) {
  return s.federation.has_cap(relay, proto::kCapCallNack);
}

/// Addresses go to nobody before somebody has the call, except to the only relay that there is: nobody else can have
/// the callee (design.md 3.17).
bool gets_addresses(const State& s, const DirectCall& call, const RelayFingerprint& relay) {
  if (!s.federation.is_capable(relay)) return s.federation.shares_addrs(relay);
  if (call.is_here(Role::Callee)) return false;
  const auto& past = s.notes.at(call.id).past;
  if (past != std::set{relay} || !everybody(s, nullptr, past).empty()) return false;
  return !may_pass(s, relay) || s.users.candidates(call.callee, s.map) == std::vector{relay};
}

void send_offer(State& s, const DirectCall& call, const RelayFingerprint& relay) {
  auto& notes = s.notes.at(call.id);
  if (notes.arrival) {
    s.pass_on(relay, *notes.arrival);
    return;
  }
  const bool with = gets_addresses(s, call, relay);
  // A caller without addresses has to say so by a second offer like any other.
  if (with && has_addresses(*notes.offer)) notes.addressed.insert(relay);
  s.forward(relay, with ? *notes.offer : without_addresses(*notes.offer));
}

}  // namespace

Wave first_wave(const State& s, const proto::DirectCallOffer& offer, const Arrival* arrival) {
  const bool may_ask = arrival == nullptr || (arrival->envelope && arrival->envelope->hops_left > 0 &&
                                              s.federation.is_delegate(arrival->from));
  if (!may_ask) return {};
  const auto* from = arrival == nullptr ? nullptr : &arrival->from;
  std::set<RelayFingerprint> past;
  if (arrival != nullptr) past.insert(arrival->path.begin(), arrival->path.end());
  Wave wave{{}, true};
  for (const auto& home : s.users.candidates(*Fingerprint::parse(offer.target_fingerprint), s.map)) {
    const auto hop = s.map.next_hop(home);
    if (!hop || past.contains(*hop) || !s.federation.has_link(*hop)) continue;
    if (from != nullptr && !may_pass(s, *hop)) continue;
    wave.relays.insert(*hop);
  }
  if (wave.relays.empty()) wave = {everybody(s, from, past), false};
  // With addresses it was meant for this relay alone (design.md 3.17); whoever sent it can ask again without them.
  const bool is_open = !wave.directed || wave.relays.size() > 1;
  return from != nullptr && is_open && has_addresses(offer) ? Wave{} : wave;
}

void ask(State& s, const CallId& id, const Wave& wave, Instant now) {
  auto& notes = s.notes.at(id);
  notes.directed = wave.directed;
  if (notes.arrival) notes.past.insert(notes.arrival->path.begin(), notes.arrival->path.end());
  notes.past.insert(wave.relays.begin(), wave.relays.end());
  const auto& call = *s.calls.find(id);
  s.due.set(ClaimDue{id}, now + (wave.directed ? kDirectedPatience : s.config.claim_timeout));
  for (const auto& relay : wave.relays) send_offer(s, call, relay);
}

namespace {

bool shows_addresses(const Arrival& arrival) {
  const auto* offer = std::get_if<proto::DirectCallOffer>(&arrival.inner);
  return offer != nullptr && has_addresses(*offer);
}

std::set<RelayFingerprint> others(const State& s, const DirectCall& call) {
  const auto& notes = s.notes.at(call.id);
  // Who does not look for announced people has asked everybody. With addresses see `first_wave`.
  if (!notes.directed || (notes.arrival && shows_addresses(*notes.arrival))) return {};
  return everybody(s, registry::upstream(call.route), notes.past);
}

/// Asks all who were not asked; false when there are none.
bool ask_others(State& s, const DirectCall& call, Instant now) {
  const Wave wave{others(s, call), false};
  if (wave.relays.empty()) return false;
  (void)s.calls.ask(call.id, wave.relays);
  ask(s, call.id, wave, now);
  return true;
}

/// Whether the person was announced by a relay on the way over this link.
bool is_announced_over(const State& s, const Fingerprint& who, const RelayFingerprint& link) {
  return std::ranges::any_of(s.users.candidates(who, s.map),
                             [&](const auto& home) { return s.map.next_hop(home) == link; });
}

/// Whom to take at its word, of those that prove nothing: the first that has answered, else the first. Against a phone
/// here, a word without an answer counts only if it was announced.
const Claimant* credible(const State& s, const DirectCall& call) {
  const auto& claimants = s.notes.at(call.id).claimants;
  const auto first = [&](auto&& fits) {
    const auto found = std::ranges::find_if(claimants, fits);
    return found == claimants.end() ? nullptr : &*found;
  };
  if (const auto* answered = first([](const Claimant& c) { return c.answer.has_value(); })) return answered;
  const bool is_here = call.is_here(Role::Callee);
  return first([&](const Claimant& c) { return !is_here || is_announced_over(s, call.callee, c.relay); });
}

/// Nobody but those that have said yes can have the callee. Of several that say so, one may still prove it, and a phone
/// here may show life.
bool is_over(const State& s, const DirectCall& call) {
  const auto& notes = s.notes.at(call.id);
  if (notes.all_had_time || call.is_here(Role::Callee)) return notes.all_had_time;
  return notes.claimants.size() == 1 && registry::onward(call.route)->asked.size() == 1 && others(s, call).empty();
}

void believe(State& s, const CallId& id, const Claimant claimant, Instant now) {  // a copy: it is no claimant any more
  give_call(s, id, claimant.relay, now);
  if (claimant.answer) CrossRelayDispatcher{s}.handle(*claimant.answer, now);
}

}  // namespace

void claim_due(State& s, const CallId& id, Instant now) {
  const auto* call = s.calls.find_live(id);
  if (call == nullptr) return;
  auto& notes = s.notes.at(id);
  if (notes.attempt > 0) return end_call(s, id, proto::HangupReason::Error, tell_nobody(), now);
  if (ask_others(s, *call, now)) return;
  notes.all_had_time = true;
  settle(s, id, now);
}

void says_no(State& s, const RelayFingerprint& relay, const CallId& id, proto::HangupReason reason, Instant now) {
  if (!s.calls.withdraw(id, relay)) return;
  auto& notes = s.notes.at(id);
  std::erase_if(notes.claimants, [&](const Claimant& c) { return c.relay == relay; });
  if (reason == proto::HangupReason::Busy || reason == proto::HangupReason::Declined) notes.refusal = reason;
  settle(s, id, now);
}

void settle(State& s, const CallId& id, Instant now) {
  const auto* call = s.calls.find_live(id);
  if (call == nullptr || !call->is_unanswered()) return;
  const auto* way = registry::onward(call->route);
  const auto& notes = s.notes.at(id);
  const bool is_here = call->is_here(Role::Callee);
  if (notes.attempt > 0 || (way != nullptr && way->claimed_by)) return;
  if (way == nullptr || way->asked.empty()) {
    if (ask_others(s, *call, now)) return;
    return is_here ? ring_here(s, id) : end_call(s, id, notes.refusal, {}, now);
  }
  if (!is_over(s, *call)) return;
  if (const auto* claimant = credible(s, *call)) return believe(s, id, *claimant, now);
  if (is_here) return ring_here(s, id);
  // A reference relay says nothing before the answer; while one is asked, only the ring timeout can tell.
  const bool may_ring = !std::ranges::all_of(way->asked, [&](const auto& relay) { return reads_nack(s, relay); });
  if (!may_ring || notes.refusal != proto::HangupReason::Error) end_call(s, id, notes.refusal, {}, now);
}

void call_off(State& s, const CallId& id) {
  const auto* way = registry::onward(s.calls.find(id)->route);
  if (way == nullptr) return;
  for (const auto& relay : std::set{way->asked}) {
    s.forward(relay, proto::Hangup{proto::HangupReason::Normal, id.text()});
    (void)s.calls.withdraw(id, relay);
  }
  s.notes.at(id).claimants.clear();
  s.due.cancel(ClaimDue{id});
}

void send_addresses(State& s, const RelayFingerprint& relay, const CallId& id) {
  auto& notes = s.notes.at(id);
  if (notes.addresses_arrival) s.pass_on(relay, *std::exchange(notes.addresses_arrival, std::nullopt));
  if (notes.arrival || !reads_nack(s, relay) || !notes.addressed.insert(relay).second) return;
  s.forward(relay, *notes.offer);
}

}  // namespace wzp::relay
