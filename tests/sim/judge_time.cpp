#include <algorithm>
#include <ranges>
#include <span>

#include "sim/judge.hpp"
#include "sim/sim_phone.hpp"
#include "sim/sim_relay.hpp"
#include "sim/world.hpp"
#include "support/printers.hpp"
#include "wzp/proto/signal_json.hpp"

// How long what may last: states, disagreement about an end, records of ended calls, and how soon a call succeeds.

namespace wzp::sim {
namespace {

using namespace std::chrono_literals;

/// A message that waits longer than this for its acknowledgement was lost, or nobody is there.
constexpr Duration kAnswersWithin = 400ms;
/// 2 s of design.md section 4, and the time of three hops.
constexpr Duration kAgreeWithin = 2500ms;
/// How long ended calls are remembered by relays and clients, less a little.
constexpr Duration kRemembered = 27s;
constexpr Duration kTombstone = 30s;
constexpr Duration kSlack = 300ms;
constexpr Duration kRingsWithin = 2500ms;
constexpr Duration kActiveWithin = 3s;
constexpr Duration kFailsWithin = 11s;  // 10 s from the set-up, which comes within the first second
constexpr Duration kQuietBefore = 8s;
constexpr std::size_t kMaxInbox = proto::SignalInbox::kBufferBehind + proto::kMaxSignalBytes;

std::optional<Duration> limit_of(client::CallState state) {
  const client::Timers timers;
  switch (state) {
    case client::CallState::Preparing:
    case client::CallState::Answering: return timers.reflect;
    case client::CallState::Offered: return timers.offer_answer;
    case client::CallState::Ringing: return timers.ring_caller;
    case client::CallState::Incoming: return timers.ring_callee;
    case client::CallState::AwaitingSetup: return timers.setup;
    case client::CallState::Connecting: return timers.media;
    case client::CallState::None:
    case client::CallState::Active: return std::nullopt;
  }
  return std::nullopt;
}

bool is_persons_doing(const Part& part) {
  using enum client::EndReason;
  return part.reason == HungUp || part.reason == PeerHungUp || part.reason == Cancelled || part.reason == PeerCancelled || part.reason == RefusedByUs;
}

/// client.md 19.12. Nothing: no NAT at all.
bool goes_direct(const std::optional<NatType>& a, const std::optional<NatType>& b) {
  const auto symmetric = [](const auto& nat) { return nat && nat->mapping == NatType::Mapping::Symmetric; };
  const auto picky = [](const auto& nat) { return nat && nat->filtering == NatType::Filtering::AddressAndPortDependent; };
  if (symmetric(a) && symmetric(b)) return false;
  return !(symmetric(a) && picky(b)) && !(symmetric(b) && picky(a));
}

}  // namespace

void Judge::settled(SimPhone& phone) {
  ++seen_.checks;
  auto& core = phone.core();
  auto& stay = stays_[phone.owner()];
  const auto id = core.call_id();
  const auto state = core.call_state();
  if (stay.call == id && stay.state == state) return;
  stay = {id, state, world_.queue().now(), world_.queue().now()};
  demand((state == client::CallState::None) == id.empty(), phone.name() + " has a state without a call");
  demand(state != client::CallState::None || !phone.has_media(), phone.name() + " has media without a call");
}

void Judge::settled(SimRelay& relay) {
  ++seen_.checks;
  const auto now = world_.queue().now();
  const auto live = relay.core().calls();
  std::set<RelayCall> present;
  for (const auto& call : live) {
    const RelayCall key{relay.owner(), call.id};
    demand(present.insert(key).second, relay.name() + " has two records of one call");
    demand(relay.core().seats(call.id.room()).size() <= 2, relay.name() + " seats three in a call");
    if (hostile_.contains(call.caller)) continue;  // may use an id again, once it is forgotten
    demand(!ended_at_.contains(key), relay.name() + " revives call " + brief(call.id.text()));
    live_at_.insert(key);
    const auto* known = truth(call.id);
    demand(known != nullptr, relay.name() + " has a call that nobody placed");
    demand(call.caller == known->caller && call.callee == known->callee, relay.name() + " has the wrong parties in call " + brief(call.id.text()));
  }
  for (auto at = live_at_.lower_bound({relay.owner(), CallId{}}); at != live_at_.end() && at->first == relay.owner();) {
    if (present.contains(*at)) {
      ++at;
    } else {
      ended_at_.emplace(*at, now);
      at = live_at_.erase(at);
    }
  }
}

void Judge::watch() {
  for (auto& [id, truth] : calls_) {
    watch_ends(truth);
    watch_success(truth);
  }
  for (auto& phone : world_.phones()) {
    if (phone->running()) watch_phone(*phone);
  }
  for (auto& relay : world_.relays()) {
    if (relay->running()) watch_relay(*relay);
  }
}

void Judge::watch_phone(SimPhone& phone) {
  const auto now = world_.queue().now();
  const auto& stay = stays_[phone.owner()];
  if (const auto limit = limit_of(stay.state)) {
    demand(now - stay.since <= *limit + kSlack, phone.name() + " stays too long in state " + std::string{describe(stay.state)});
  }
  if (stay.state == client::CallState::Active) {
    demand(now - stay.heard <= client::Timers{}.media_dead + kSlack, phone.name() + " stays in a call without media");
  }
  demand(phone.connections() <= 64, phone.name() + " has too many connections");
  const auto* media = phone.media();
  demand(media == nullptr || media->auth == 0, phone.name() + " gets packets on a path of its call that do not open");
}

void Judge::watch_relay(SimRelay& relay) {
  const auto now = world_.queue().now();
  auto& core = relay.core();
  // A lost link starts the time of the tombstones anew, once, for what may have been lost with it.
  const bool federated = !relay.config().peers.empty() || !relay.config().trusted.empty();
  const Duration remembered = (federated ? 2 * kTombstone : kTombstone) + 1s;
  for (const auto& [key, when] : ended_at_) {
    if (key.first != relay.owner() || now - when <= remembered) continue;
    demand(!core.call(key.second), relay.name() + " still remembers call " + brief(key.second.text()));
  }
  demand(relay.largest_inbox() <= kMaxInbox, relay.name() + " buffers too much");
  demand(core.calls().size() <= relay.config().max_calls, relay.name() + " has too many calls");
}

// --- agreement on the end

bool Judge::connected(SimPhone& phone) const {
  auto& relay = world_.home_relay(phone);
  if (!phone.running() || !relay.running() || !phone.core().registered() || !phone.signal_connection()) return false;
  if (phone.endpoint().unacknowledged_for(*phone.signal_connection()) > kAnswersWithin) return false;
  for (const auto& client : relay.core().clients()) {
    if (client.who != phone.who()) continue;
    // The same connection seen from the other end?
    return relay.endpoint().peer_owner(client.conn) == phone.owner() && relay.endpoint().unacknowledged_for(client.conn) <= kAnswersWithin;
  }
  return false;
}

bool Judge::linked(SimRelay& a, SimRelay& b) const {
  if (&a == &b) return true;
  const auto sees = [](SimRelay& from, SimRelay& to) {
    const auto links = from.core().links();
    return std::any_of(links.begin(), links.end(), [&](const auto& link) {
      return link.relay == to.config().fingerprint && from.endpoint().peer_owner(link.conn) == to.owner() &&
             from.endpoint().unacknowledged_for(link.conn) <= kAnswersWithin;
    });
  };
  return a.running() && b.running() && sees(a, b) && sees(b, a);
}

bool Judge::cables_are_whole(SimPhone& a, SimPhone& b) const {
  const auto& net = world_.net();
  const auto site = [&](HostId host) { return net.site_of(host); };
  auto& relay_a = world_.home_relay(a);
  auto& relay_b = world_.home_relay(b);
  return net.reachable(site(a.host()), site(relay_a.host())) && net.reachable(site(b.host()), site(relay_b.host())) &&
         (&relay_a == &relay_b || net.reachable(site(relay_a.host()), site(relay_b.host())));
}

std::optional<std::string> Judge::missing_connectivity(const CallTruth& truth) const {
  for (const auto& part : truth.parts) {
    if (!part.phone->running() || part.incarnation != part.phone->incarnation()) return part.phone->name() + " is gone";
    if (!connected(*part.phone)) return part.phone->name() + " has no relay";
    for (const auto& other : truth.parts) {
      if (!linked(world_.home_relay(*part.phone), world_.home_relay(*other.phone))) return "the relays have no link";
    }
  }
  return std::nullopt;
}

bool Judge::callee_is_out(const CallTruth& truth) const {
  if (truth.taken) return !truth.parts[*truth.taken].is_in;
  // Before the caller has an answer, the first relay that says that it rings has the call, whoever answers elsewhere.
  const auto& caller = *truth.parts.front().phone;
  if (auto& near = world_.home_relay(caller); near.running()) {
    const auto record = near.core().call(truth.id);
    const auto* onward = record ? registry::onward(record->route) : nullptr;
    for (std::size_t i = 1; onward != nullptr && onward->claimed_by && i < truth.parts.size(); ++i) {
      const auto& part = truth.parts[i];
      if (world_.home_relay(*part.phone).config().fingerprint != *onward->claimed_by) continue;
      if (part.answered && !part.is_in) return true;
    }
  }
  const auto& all = world_.phones();
  const auto phones = std::count_if(all.begin(), all.end(), [&](const auto& p) { return p->who() == truth.callee && p->incarnation() > 0; });
  const auto callees = std::span{truth.parts}.subspan(1);
  return std::ssize(callees) >= phones && std::ranges::none_of(callees, [](const auto& p) { return p.is_in; });
}

void Judge::watch_ends(CallTruth& truth) {
  const auto now = world_.queue().now();
  const bool caller_in = truth.parts.front().is_in;
  bool callee_in = false;
  bool undecided = false;  // an answer is under way, or a phone that did not get the call does not know
  for (std::size_t i = 1; i < truth.parts.size(); ++i) {
    const auto& part = truth.parts[i];
    callee_in |= part.is_in;
    undecided |= part.is_in && i != truth.taken && (part.answered || truth.taken);
  }
  if (!(caller_in && callee_is_out(truth)) && !(callee_in && !caller_in) && !undecided) {
    truth.apart_since.reset();
    truth.cut_since.reset();
    return;
  }
  if (!truth.tainted.empty()) return;
  if (missing_connectivity(truth)) {
    truth.apart_since.reset();
    if (!truth.cut_since) truth.cut_since = now;
    if (now - *truth.cut_since > kRemembered) truth.tainted = "cut off for longer than anybody remembers";
    return;
  }
  truth.cut_since.reset();
  if (!truth.apart_since) truth.apart_since = now;
  ++seen_.judged_ends;
  demand(now - *truth.apart_since <= kAgreeWithin,
         undecided ? "a phone that answered call " + brief(truth.id.text()) + " in vain, or need not answer it, is not told so"
                   : "one side has ended call " + brief(truth.id.text()) + " and the other has not: " +
                         (caller_in ? "the caller" : "the callee") + " is still in it");
}

// --- success

bool Judge::path_expected(const CallTruth& truth) const {
  const auto& caller = *truth.parts.front().phone;
  const auto answered = std::find_if(truth.parts.begin() + 1, truth.parts.end(), [](const auto& p) { return p.answered; });
  if (answered == truth.parts.end()) return false;
  const auto& callee = *answered->phone;
  const auto& net = world_.net();
  auto& near = world_.home_relay(caller);
  auto& far = world_.home_relay(callee);
  const bool room = (&near == &far || linked(near, far)) && !caller.setup().direct_only && !callee.setup().direct_only;
  if (room) return true;
  if (truth.mode != proto::CallAcceptMode::AcceptTrusted || caller.setup().relay_only || callee.setup().relay_only) return false;
  const auto a = net.site_of(caller.host());
  const auto b = net.site_of(callee.host());
  return a == b || goes_direct(net.nat_of(a), net.nat_of(b));
}

void Judge::check_reason(const CallTruth& truth, const Part& part) const {
  using enum client::EndReason;
  if (!truth.fair || !truth.tainted.empty() || !quiet_since(truth.placed - kQuietBefore)) return;
  const bool other_is_out = std::any_of(truth.parts.begin(), truth.parts.end(), [&](const auto& p) { return &p != &part && !p.is_in; });
  if (part.reason == PeerHungUp || part.reason == PeerCancelled) {
    demand(other_is_out, part.phone->name() + " is told that the other side ended call " + brief(truth.id.text()) + ", and it did not");
  }
  if (part.reason == MediaLost) {
    demand(other_is_out, part.phone->name() + " lost the media of call " + brief(truth.id.text()) + " though nothing happened to it");
  }
}

void Judge::watch_success(CallTruth& truth) {
  const auto now = world_.queue().now();
  const auto fair = [&] {
    if (!truth.tainted.empty() || !quiet_since(truth.placed - kQuietBefore)) return false;
    const auto clean = [&](HostId host) {
      const auto& q = world_.net().quality(world_.net().site_of(host));
      return q.loss == 0 && q.reorder == 0 && q.rate == 0;
    };
    return std::all_of(truth.parts.begin(), truth.parts.end(), [&](const auto& p) {
      return clean(p.phone->host()) && clean(world_.home_relay(*p.phone).host());
    });
  };
  if (!truth.judged_ringing && now - truth.placed >= kRingsWithin) {
    truth.judged_ringing = true;
    const bool others = std::any_of(calls_.begin(), calls_.end(), [&](const auto& entry) {
      const auto& other = entry.second;
      if (&other == &truth || other.placed + kQuietBefore < truth.placed || other.placed > now) return false;
      return other.caller == truth.callee || other.callee == truth.callee || other.caller == truth.caller || other.callee == truth.caller;
    });
    if (truth.should_ring && !others && fair()) {
      demand(truth.parts.size() > 1 || is_persons_doing(truth.parts.front()), "call " + brief(truth.id.text()) + " does not ring though nothing is in its way");
    }
  }
  if (truth.judged_media || !truth.accepted || truth.parts.size() != 2) return;
  const bool expected = path_expected(truth);
  if (now - *truth.accepted < (expected ? kActiveWithin : kFailsWithin)) return;
  truth.judged_media = true;
  const auto& [caller, callee] = std::tie(truth.parts[0], truth.parts[1]);
  if (!fair() || !truth.should_ring || is_persons_doing(caller) || is_persons_doing(callee)) return;
  ++seen_.judged_media;
  if (expected) {
    demand(caller.first_media && callee.first_media, "call " + brief(truth.id.text()) + " was accepted and does not come up");
  } else {
    demand(!caller.is_in && !callee.is_in, "call " + brief(truth.id.text()) + " cannot come up and does not fail");
  }
}

// --- the end of everything

void Judge::check_drained() const {
  for (const auto& [id, truth] : calls_) {
    for (const auto& part : truth.parts) {
      demand(!part.is_in, part.phone->name() + " is still in call " + brief(id.text()));
      demand(part.ended || part.crashed, part.phone->name() + " was never told the end of call " + brief(id.text()));
    }
  }
  for (auto& phone : world_.phones()) {
    if (!phone->running()) continue;
    demand(phone->core().call_state() == client::CallState::None && !phone->has_media(), phone->name() + " still has a call");
    demand(phone->connections() == 0 && phone->endpoint().open_connections() == 0, phone->name() + " still has connections");
    demand(!phone->core().deadline(), phone->name() + " still waits for something");
  }
  for (auto& relay : world_.relays()) {
    auto& core = relay->core();
    demand(core.calls().empty(), relay->name() + " still has calls");
    demand(core.clients().empty(), relay->name() + " still has clients");
    demand(relay->taken_seats() == 0, relay->name() + " still has seats");
    for (const auto& [id, truth] : calls_) {
      demand(!core.call(id), relay->name() + " still remembers call " + brief(id.text()));
      demand(core.seats(id.room()).empty(), relay->name() + " still has a room");
    }
    demand(relay->connections() == core.links().size(), relay->name() + " still has connections");
    for (const auto& peer : relay->config().peers) {
      demand(linked(*relay, *world_.relay_of(peer.fingerprint)), relay->name() + " did not link again");
    }
  }
}

}  // namespace wzp::sim
