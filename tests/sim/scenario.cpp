#include "sim/scenario.hpp"

#include <algorithm>
#include <array>

#include "wzp/base/overloaded.hpp"

namespace wzp::sim {
namespace {

using namespace std::chrono_literals;
using proto::CallAcceptMode;

/// So few that a relay, which allows one person 30 in a minute, refuses none of them for that.
constexpr int kMaxCalls = 40;
constexpr Duration kTrouble = 100s;

}  // namespace

Scenario::Scenario(std::uint64_t seed, bool tracing) : world_{seed, tracing}, random_{world_.random().fork()}, lossless_{random_.chance(0.5)} {
  build_relays();
  build_phones();
  if (random_.chance(0.4)) hostile_ = std::make_unique<Hostile>(world_, *random_.pick(world_.relays()));
}

LinkQuality Scenario::weather() {
  LinkQuality q;
  q.delay = random_.between(2ms, 60ms);
  if (random_.chance(0.5)) q.jitter = random_.between(0ms, 15ms);
  if (random_.chance(0.4)) q.duplicate = random_.unit() * 0.05;
  if (lossless_) return q;
  if (random_.chance(0.6)) q.loss = random_.unit() * 0.03;
  if (random_.chance(0.4)) q.reorder = random_.unit() * 0.1;
  if (random_.chance(0.2)) q.rate = 40'000 + random_.below(200'000);
  return q;
}

std::optional<NatType> Scenario::some_nat() {
  constexpr std::array kinds{kFullCone, kRestrictedCone, kPortRestrictedCone, kPortRestrictedCone, kSymmetric};
  const auto kind = random_.below(kinds.size() + 1);
  return kind < kinds.size() ? std::optional{kinds[kind]} : std::nullopt;
}

void Scenario::build_relays() {
  const auto count = 1 + random_.below(3);
  for (std::size_t i = 0; i < count; ++i) {
    auto quality = weather();
    quality.rate = 0;
    world_.add_relay("relay" + std::to_string(i), quality);
  }
  auto& relays = world_.relays();
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = i + 1; j < count; ++j) {
      const auto kind = random_.below(10);
      if (kind == 0) continue;  // strangers
      if (kind <= 6) world_.federate(*relays[i], *relays[j]);
      if (kind >= 4) world_.federate(*relays[j], *relays[i]);
    }
  }
}

void Scenario::build_phones() {
  const auto count = 2 + random_.below(4);
  for (std::size_t i = 0; i < count; ++i) {
    const bool shares = !homes_.empty() && random_.chance(0.2) && world_.net().nat_of(homes_.back());
    if (!shares) homes_.push_back(world_.add_home(some_nat(), weather()));
    auto& relay = *random_.pick(world_.relays());
    world_.add_phone("phone" + std::to_string(i), homes_.back(), relay, {.relay_only = random_.chance(0.08), .direct_only = random_.chance(0.05)});
  }
  if (random_.chance(0.25)) {
    homes_.push_back(world_.add_home(some_nat(), weather()));
    twin_ = &world_.add_phone("twin", homes_.back(), *random_.pick(world_.relays()), {.same_identity_as = world_.phones().front().get()});
  }
  for (auto& phone : world_.phones()) {
    phone->set_person([this](SimPhone& p, const client::UserEvent& event) { on_event(p, event); });
  }
}

void Scenario::run() {
  for (auto& relay : world_.relays()) relay->start();
  for (auto& phone : world_.phones()) {
    if (phone.get() != twin_ || random_.chance(0.5)) world_.queue().after(random_.between(0ms, 1s), [p = phone.get()] {
      if (!p->running()) p->start();
    });
  }
  if (hostile_) hostile_->start();
  plan();
  world_.watch();
  world_.run_for(kTrouble);
  if (hostile_) hostile_->stop();
  for (const auto home : homes_) world_.set_quality(home, {});
  for (auto& relay : world_.relays()) world_.set_quality(world_.net().site_of(relay->host()), {});
  world_.drain();
}

// --- people

void Scenario::on_event(SimPhone& phone, const client::UserEvent& event) {
  std::visit(overloaded{
                 [&](const client::Incoming& e) { on_incoming(phone, e); },
                 [&](const client::Ringing& e) {
                   if (random_.chance(0.15)) plan_hang_up(phone, e.call, 0ms, 3s);
                 },
                 [&](const client::SetUp& e) {
                   if (random_.chance(0.1)) plan_hang_up(phone, e.call, 0ms, 500ms);
                   if (random_.chance(0.5)) plan_hang_up(phone, e.call, 1s, 20s);
                 },
                 [](const auto&) {},
             },
             event);
}

void Scenario::on_incoming(SimPhone& phone, const client::Incoming& event) {
  const auto answer = [&](Duration low, Duration high, CallAcceptMode mode) {
    world_.later(random_.between(low, high), phone, [call = event.call, mode](SimPhone& p) { p.answer(call, mode); });
  };
  if (event.mutual) return answer(0ms, 1ms, CallAcceptMode::AcceptTrusted);
  const auto mood = random_.below(100);
  if (mood < 50) return answer(0ms, 1500ms, CallAcceptMode::AcceptTrusted);
  if (mood < 65) return answer(0ms, 1500ms, CallAcceptMode::AcceptGeneric);
  if (mood < 75) return answer(0ms, 1500ms, CallAcceptMode::Reject);
  if (mood < 87) return answer(3s, 8s, CallAcceptMode::AcceptTrusted);
  if (mood < 92) return plan_hang_up(phone, event.call, 0ms, 3s);
  // else it rings and rings
}

void Scenario::plan_hang_up(SimPhone& phone, const CallId& call, Duration low, Duration high) {
  world_.later(random_.between(low, high), phone, [call](SimPhone& p) {
    if (p.core().call_id() == call) p.hang_up();
  });
}

// --- what happens

void Scenario::plan() {
  const auto count = 20 + random_.below(40);
  for (std::size_t i = 0; i < count; ++i) {
    world_.queue().after(random_.between(1s, kTrouble - 5s), [this] { happen(); });
  }
  // Some evenings are quiet: nothing but calls.
  if (!hostile_) return;
  for (int i = 0; i < 50; ++i) {
    world_.queue().after(random_.between(1s, kTrouble - 1s), [this] { hostile_->act(); });
  }
}

void Scenario::happen() {
  struct Choice {
    std::size_t weight;
    void (Scenario::*act)();
  };
  static constexpr std::array choices{
      Choice{46, &Scenario::place_call},  Choice{8, &Scenario::call_each_other}, Choice{6, &Scenario::crash_phone},
      Choice{4, &Scenario::leave_and_return}, Choice{4, &Scenario::start_twin},  Choice{5, &Scenario::crash_relay},
      Choice{6, &Scenario::cut_relays},   Choice{6, &Scenario::isolate_home},    Choice{6, &Scenario::rebind},
      Choice{6, &Scenario::burst_of_loss},
  };
  // In quiet evenings only the first two: then calls must succeed.
  const std::size_t total = lossless_ && homes_.size() % 2 == 0 ? 54 : 97;
  auto at = random_.below(total);
  for (const auto& choice : choices) {
    if (at < choice.weight) return (this->*choice.act)();
    at -= choice.weight;
  }
}

SimPhone& Scenario::some_idle_phone() {
  for (int i = 0; i < 8; ++i) {
    auto& phone = some_phone();
    if (phone.running() && phone.core().call_state() == client::CallState::None) return phone;
  }
  return some_phone();
}

void Scenario::place_call() {
  auto& caller = some_idle_phone();
  auto& callee = random_.chance(0.6) ? some_idle_phone() : some_phone();
  if (!caller.running() || caller.who() == callee.who() || calls_placed_ >= kMaxCalls) return;
  // Somebody in a call rarely tries to place another.
  if (caller.core().call_state() != client::CallState::None && !random_.chance(0.1)) return;
  ++calls_placed_;
  const auto call = caller.call(callee.who());
  if (random_.chance(0.6)) plan_hang_up(caller, call, 300ms, 25s);
}

void Scenario::call_each_other() {
  auto& one = some_idle_phone();
  auto& other = some_idle_phone();
  if (!one.running() || !other.running() || one.who() == other.who() || (calls_placed_ += 2) >= kMaxCalls) return;
  one.call(other.who());
  world_.later(random_.between(0ms, 300ms), other, [to = one.who()](SimPhone& p) { p.call(to); });
}

void Scenario::crash_phone() {
  auto& phone = some_phone();
  if (!phone.running()) return;
  world_.crash(phone);
  const auto away = random_.chance(0.4) ? Duration{50ms} : random_.between(0ms, 15s);
  world_.queue().after(away, [this, &phone] {
    if (!phone.running()) world_.restart(phone);
  });
}

void Scenario::leave_and_return() {
  auto& phone = some_phone();
  if (!phone.running()) return;
  world_.disturbed();
  phone.shut_down();
  world_.queue().after(random_.between(700ms, 8s), [this, &phone, run = phone.incarnation()] {
    if (phone.incarnation() != run) return;
    world_.crash(phone);  // the process ends after its goodbye
    world_.restart(phone);
  });
}

void Scenario::start_twin() {
  if (twin_ != nullptr && !twin_->running()) world_.restart(*twin_);
}

void Scenario::crash_relay() {
  auto& relay = *random_.pick(world_.relays());
  if (!relay.running()) return;
  if (random_.chance(0.3)) {
    world_.disturbed();
    relay.shut_down();  // its goodbyes leave at once
  }
  world_.crash(relay);
  world_.queue().after(random_.between(0ms, 5s), [this, &relay] {
    if (!relay.running()) world_.restart(relay);
  });
}

void Scenario::cut_relays() {
  auto& one = *random_.pick(world_.relays());
  auto& other = *random_.pick(world_.relays());
  if (&one == &other) return;
  world_.cut(one, other, true);
  const auto time = random_.chance(0.3) ? random_.between(20s, 40s) : random_.between(500ms, 20s);
  world_.queue().after(time, [this, &one, &other] { world_.cut(one, other, false); });
}

void Scenario::isolate_home() {
  const auto host = some_phone().host();
  world_.isolate(host, true);
  const auto time = random_.chance(0.2) ? random_.between(20s, 40s) : random_.between(200ms, 15s);
  world_.queue().after(time, [this, host] { world_.isolate(host, false); });
}

void Scenario::rebind() { world_.rebind(random_.pick(homes_)); }

void Scenario::burst_of_loss() {
  const auto home = random_.pick(homes_);
  const auto before = world_.net().quality(home);
  auto worse = before;
  worse.loss = 0.1 + random_.unit() * 0.5;
  worse.reorder = 0.2;
  world_.set_quality(home, worse);
  world_.queue().after(random_.between(1s, 8s), [this, home] {
    auto q = world_.net().quality(home);
    q.loss = 0;
    q.reorder = 0;
    world_.set_quality(home, q);
  });
}

}  // namespace wzp::sim
