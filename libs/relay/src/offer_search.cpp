#include "offer_search.hpp"

#include <algorithm>

#include "calls.hpp"
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

/// Addresses go to no more than one relay of ours before somebody has claimed the call, and only to where the callee
/// must be: it announced the callee, or it cannot pass the offer on for us (design.md 3.17).
bool gets_addresses(const State& s, const DirectCall& call, const Wave& wave, const RelayFingerprint& relay) {
  if (!s.federation.is_capable(relay)) return s.federation.shares_addrs(relay);
  if (wave.relays.size() != 1) return false;
  if (!wave.directed && s.notes.at(call.id).past != wave.relays) return false;  // others were asked before it
  if (!may_pass(s, relay)) return true;
  const auto homes = s.users.candidates(call.callee, s.map);
  return homes == std::vector{relay};
}

void send_offer(State& s, const DirectCall& call, const Wave& wave, const RelayFingerprint& relay) {
  auto& notes = s.notes.at(call.id);
  if (notes.arrival) {
    s.pass_on(relay, *notes.arrival);
    return;
  }
  const bool with = gets_addresses(s, call, wave, relay);
  // A caller without addresses has to say so by a second offer like any other.
  if (with && has_addresses(*notes.offer)) notes.addressed.insert(relay);
  s.forward(relay, with ? *notes.offer : without_addresses(*notes.offer));
}

}  // namespace

Wave first_wave(const State& s, const Fingerprint& callee, const RelayFingerprint* from,
                const std::set<RelayFingerprint>& past) {
  Wave wave{{}, true};
  for (const auto& home : s.users.candidates(callee, s.map)) {
    const auto hop = s.map.next_hop(home);
    if (!hop || past.contains(*hop) || !s.federation.has_link(*hop)) continue;
    if (from != nullptr && !may_pass(s, *hop)) continue;
    wave.relays.insert(*hop);
  }
  return wave.relays.empty() ? Wave{everybody(s, from, past), false} : wave;
}

void ask(State& s, const CallId& id, const Wave& wave, Instant now) {
  auto& notes = s.notes.at(id);
  notes.directed = wave.directed;
  notes.past.insert(wave.relays.begin(), wave.relays.end());
  const auto& call = *s.calls.find(id);
  s.due.set(ClaimDue{id}, now + (wave.directed ? kDirectedPatience : s.config.claim_timeout));
  for (const auto& relay : wave.relays) send_offer(s, call, wave, relay);
}

namespace {

/// Asks all who were not asked; false when there are none.
bool ask_others(State& s, const DirectCall& call, Instant now) {
  auto& notes = s.notes.at(call.id);
  if (!notes.directed) return false;
  const Wave wave{everybody(s, registry::upstream(call.route), notes.past), false};
  notes.directed = false;
  if (wave.relays.empty()) return false;
  (void)s.calls.ask(call.id, wave.relays);
  ask(s, call.id, wave, now);
  return true;
}

}  // namespace

void claim_due(State& s, const CallId& id, Instant now) {
  const auto* call = s.calls.find_live(id);
  if (call == nullptr) return;
  if (s.notes.at(id).attempt > 0) return end_call(s, id, proto::HangupReason::Error, tell_nobody(), now);
  if (ask_others(s, *call, now)) return;
  const auto& asked = registry::onward(call->route)->asked;
  // A reference relay says nothing before the answer; while one is asked, only the ring timeout can tell.
  if (!std::ranges::all_of(asked, [&](const auto& relay) { return reads_nack(s, relay); })) return;
  end_call(s, id, proto::HangupReason::Error, {}, now);
}

void withdraw(State& s, const RelayFingerprint& relay, const CallId& id, Instant now) {
  const auto left = s.calls.withdraw(id, relay);
  if (!left || *left != 0) return;
  const auto* call = s.calls.find_live(id);
  if (call->is_unanswered() && !ask_others(s, *call, now)) end_call(s, id, s.notes.at(id).refusal, {}, now);
}

void send_addresses(State& s, const RelayFingerprint& relay, const CallId& id) {
  auto& notes = s.notes.at(id);
  if (notes.arrival || !reads_nack(s, relay) || !notes.addressed.insert(relay).second) return;
  s.forward(relay, *notes.offer);
}

}  // namespace wzp::relay
