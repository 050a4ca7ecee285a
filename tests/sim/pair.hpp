#pragma once

#include <cstdlib>
#include <optional>

#include "sim/world.hpp"

namespace wzp::sim {

/// Alice calls Bob: the fixed scenarios begin here. Bob answers after 200 ms as he was told, or never.
struct PairOptions {
  int relays = 2;
  std::optional<NatType> alice_nat{};
  std::optional<NatType> bob_nat{};
  bool same_home = false;
  std::optional<proto::CallAcceptMode> answer = proto::CallAcceptMode::AcceptTrusted;
  World::PhoneOptions alice{};
  World::PhoneOptions bob{};
  bool mutual_peering = false;
};

class AliceAndBob {
 public:
  explicit AliceAndBob(const PairOptions& options, std::uint64_t seed = 1)
      : world{seed, std::getenv("WZP_SIM_TRACE") != nullptr},
        relay_a{world.add_relay("A")},
        relay_b{options.relays == 1 ? relay_a : world.add_relay("B")},
        alice_home{world.add_home(options.alice_nat)},
        bob_home{options.same_home ? alice_home : world.add_home(options.bob_nat)},
        alice{world.add_phone("alice", alice_home, relay_a, options.alice)},
        bob{world.add_phone("bob", bob_home, relay_b, options.bob)} {
    if (options.relays == 2) world.federate(relay_a, relay_b);
    if (options.relays == 2 && options.mutual_peering) world.federate(relay_b, relay_a);
    bob.set_person([this, mode = options.answer](SimPhone& phone, const client::UserEvent& event) {
      const auto* incoming = std::get_if<client::Incoming>(&event);
      if (incoming == nullptr || !mode) return;
      world.later(std::chrono::milliseconds{200}, phone, [call = incoming->call, m = *mode](SimPhone& p) { p.answer(call, m); });
    });
    world.start();
  }

  [[nodiscard]] bool both(client::CallState state) { return alice.core().call_state() == state && bob.core().call_state() == state; }
  [[nodiscard]] bool both_direct() { return alice.core().on_direct_path() && bob.core().on_direct_path(); }
  [[nodiscard]] bool active() { return both(client::CallState::Active); }
  [[nodiscard]] bool idle() { return both(client::CallState::None); }
  bool until(bool (AliceAndBob::*what)(), Duration limit) {
    return world.run_until([&] { return (this->*what)(); }, limit);
  }
  /// Registered, linked, called.
  bool call() {
    if (!world.settle()) return false;
    id = alice.call(bob.who());
    return true;
  }
  /// What the judge knows of the caller (0) and the callee (1).
  [[nodiscard]] const Part& part(std::size_t who) { return world.judge().truth(id)->parts.at(who); }

  World world;
  SimRelay& relay_a;
  SimRelay& relay_b;
  SiteId alice_home;
  SiteId bob_home;
  SimPhone& alice;
  SimPhone& bob;
  CallId id;
};

}  // namespace wzp::sim
