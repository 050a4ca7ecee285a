#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <map>
#include <random>

#include "people.hpp"
#include "sim_clock.hpp"
#include "wzp/registry/call_registry.hpp"

// Random operations on the registry and on a model that keeps every record in a list and searches it.

using namespace std::chrono_literals;

namespace wzp::registry {
namespace {

using proto::CallAcceptMode;
using proto::HangupReason;

constexpr CallRegistry::Config kConfig{.max_per_identity = 3, .max_live = 12, .max_tombstones = 6};

/// What is only passed on is nobody's call here.
bool counts(const DirectCall& call) { return call.is_live() && !std::holds_alternative<Transit>(call.route); }

Outgoing& way_of(Route& route) {
  if (auto* local = std::get_if<Local>(&route)) return local->elsewhere;
  if (auto* incoming = std::get_if<Incoming>(&route)) return incoming->elsewhere;
  if (auto* outgoing = std::get_if<Outgoing>(&route)) return *outgoing;
  return std::get<Transit>(route).onward;
}

void move_away(DirectCall& call) {
  const auto way = way_of(call.route);
  if (std::holds_alternative<Local>(call.route)) call.route = way;
  if (const auto* incoming = std::get_if<Incoming>(&call.route)) call.route = Transit{incoming->from, way};
}

struct Model {
  std::vector<DirectCall> calls;  // in order of creation
  std::vector<CallId> graves;     // in order of ending

  DirectCall* find(const CallId& id) {
    const auto it = std::find_if(calls.begin(), calls.end(), [&](const auto& c) { return c.id == id; });
    return it == calls.end() ? nullptr : &*it;
  }
  std::size_t count(const Fingerprint& who, Role role) const {
    return static_cast<std::size_t>(
        std::count_if(calls.begin(), calls.end(), [&](const auto& c) { return counts(c) && c.party(role) == who; }));
  }
  void forget(const CallId& id) {
    std::erase_if(calls, [&](const auto& c) { return c.id == id; });
    std::erase(graves, id);
  }
  void end(DirectCall& call, HangupReason reason, Instant now) {
    call.state = CallState::Ended;
    call.end_reason = reason;
    call.ended_at = now;
    graves.push_back(call.id);
    if (graves.size() > kConfig.max_tombstones) forget(graves.front());
  }
  std::size_t live() const {
    return static_cast<std::size_t>(
        std::count_if(calls.begin(), calls.end(), [](const auto& c) { return c.is_live(); }));
  }

  bool create(const NewCall& n, Instant now) {
    const auto* out = std::get_if<Outgoing>(&n.route);
    if (n.caller == n.callee || (out != nullptr && out->asked.empty()) || find(n.id) != nullptr ||
        live() >= kConfig.max_live || count(n.caller, Role::Caller) >= kConfig.max_per_identity ||
        count(n.callee, Role::Callee) >= kConfig.max_per_identity) {
      return false;
    }
    DirectCall call;
    call.id = n.id;
    call.caller = n.caller;
    call.callee = n.callee;
    call.route = n.route;
    call.created_at = now;
    calls.push_back(call);
    return true;
  }
  std::vector<CallId> expire(Instant now) {
    std::vector<CallId> timed_out;
    std::vector<CallId> gone;
    for (auto& call : calls) {
      if (call.is_unanswered() && now >= call.created_at + kConfig.ring_timeout) timed_out.push_back(call.id);
      if (!call.is_live() && now >= *call.ended_at + kConfig.tombstone_time) gone.push_back(call.id);
    }
    for (const auto& id : gone) forget(id);
    // Those of one moment end in the order of their ids; it decides which tombstones the bound leaves.
    std::sort(timed_out.begin(), timed_out.end(), [&](const CallId& a, const CallId& b) {
      return std::pair{find(a)->created_at, a} < std::pair{find(b)->created_at, b};
    });
    for (const auto& id : timed_out) end(*find(id), HangupReason::Timeout, now);
    return timed_out;
  }
};

void compare(const CallRegistry& calls, Model& model) {
  REQUIRE(calls.live_count() == model.live());
  REQUIRE(calls.tombstone_count() == model.graves.size());
  for (const auto& call : model.calls) {
    REQUIRE(calls.find(call.id) != nullptr);
    REQUIRE(*calls.find(call.id) == call);
  }
  for (std::uint8_t name = 0; name < 6; ++name) {
    std::vector<CallId> mine;
    std::vector<CallId> via;
    for (const auto& call : model.calls) {
      if (counts(call) && call.role_of(person(name))) mine.push_back(call.id);
      if (call.is_live() && call.may_come_from(some_relay(name))) via.push_back(call.id);
    }
    REQUIRE(calls.calls_of(person(name)) == mine);
    std::sort(via.begin(), via.end());
    REQUIRE(calls.calls_via(some_relay(name)) == via);
  }
}

}  // namespace

TEST_CASE("the registry agrees with a naive model", "[registry][model]") {
  const auto seed = GENERATE(range(0U, 20U));
  INFO("seed " << seed);
  std::mt19937 random{seed};
  const auto pick = [&](unsigned n) { return static_cast<std::uint8_t>(random() % n); };
  sim::SimClock clock;
  CallRegistry calls{kConfig};
  Model model;
  for (int step = 0; step < 1500; ++step) {
    INFO("step " << step);
    const CallId id = call_id(pick(30));
    DirectCall* known = model.find(id);
    const bool live = known != nullptr && known->is_live();
    switch (pick(8)) {
      case 0:
      case 1: {
        Route route = Local{};
        if (pick(3) == 0) route = Incoming{some_relay(pick(6))};
        if (pick(3) == 0) {
          Outgoing out;
          for (int i = pick(4); i > 0; --i) out.asked.insert(some_relay(pick(6)));
          route = out;
        }
        const NewCall call{id, person(pick(6)), person(pick(6)), route};
        REQUIRE(calls.create(call, clock.now()).has_value() == model.create(call, clock.now()));
        break;
      }
      case 2: {
        const bool may = live && known->state == CallState::Offered;
        REQUIRE(calls.set_ringing(id).has_value() == may);
        if (may) known->state = CallState::Ringing;
        break;
      }
      case 3: {
        const bool may = live && known->is_unanswered();
        REQUIRE(calls.set_active(id, CallAcceptMode::AcceptTrusted, clock.now()).has_value() == may);
        if (!may) break;
        known->state = CallState::Active;
        known->accept_mode = CallAcceptMode::AcceptTrusted;
        known->answered_at = clock.now();
        break;
      }
      case 4: {
        REQUIRE(calls.end(id, HangupReason::Normal, clock.now()).has_value() == live);
        if (live) model.end(*known, HangupReason::Normal, clock.now());
        break;
      }
      case 5: {
        const auto relay = some_relay(pick(6));
        auto* out = live ? &way_of(known->route) : nullptr;
        const bool asked = out != nullptr && out->asked.contains(relay);
        if (pick(2) == 0) {
          const bool may = asked && (!out->claimed_by || out->claimed_by == relay);
          REQUIRE(calls.set_peer_relay_fp(id, relay).has_value() == may);
          if (!may) break;
          move_away(*known);
          way_of(known->route).claimed_by = relay;
        } else {
          REQUIRE(calls.withdraw(id, relay).has_value() == asked);
          if (!asked) break;
          out->asked.erase(relay);
          if (out->claimed_by == relay) out->claimed_by.reset();
        }
        break;
      }
      case 6: {
        const auto relay = some_relay(pick(6));
        if (pick(3) == 0) {
          const bool may = live && known->is_here(Role::Callee) && onward(known->route) != nullptr;
          REQUIRE(calls.callee_left(id).has_value() == may);
          if (may) move_away(*known);
        } else {
          const auto* from = live ? upstream(known->route) : nullptr;
          if (from != nullptr && *from == relay) break;  // whoever asks is never asked
          const bool may = live && (known->is_unanswered() || !known->is_here(Role::Callee));
          REQUIRE(calls.ask(id, {relay}).has_value() == may);
          if (may) way_of(known->route).asked.insert(relay);
        }
        break;
      }
      default: {
        clock.advance(std::chrono::milliseconds{random() % 8000});
        auto ended = calls.expire(clock.now());
        auto expected = model.expire(clock.now());
        std::sort(ended.begin(), ended.end());
        std::sort(expected.begin(), expected.end());
        REQUIRE(ended == expected);
      }
    }
    compare(calls, model);
  }
}

}  // namespace wzp::registry
