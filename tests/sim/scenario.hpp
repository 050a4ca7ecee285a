#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/hostile.hpp"
#include "sim/world.hpp"

namespace wzp::sim {

/// One random evening: some relays and people, what they do to each other, and what the network does to them. Everything
/// follows from the seed.
class Scenario {
 public:
  explicit Scenario(std::uint64_t seed, bool tracing = false);

  /// About a minute of trouble, then quiet, until everything must be forgotten. Throws `Broken`.
  void run();
  [[nodiscard]] World& world() { return world_; }
  [[nodiscard]] int hostile_tricks() const { return hostile_ ? hostile_->tricks() : 0; }

 private:
  void build_relays();
  void build_phones();
  [[nodiscard]] LinkQuality weather();
  [[nodiscard]] std::optional<NatType> some_nat();

  // People.
  void on_event(SimPhone& phone, const client::UserEvent& event);
  void on_incoming(SimPhone& phone, const client::Incoming& event);
  void plan_hang_up(SimPhone& phone, const CallId& call, Duration low, Duration high);

  // Happenings.
  void plan();
  void happen();
  void place_call();
  void call_each_other();
  void crash_phone();
  void leave_and_return();
  void start_twin();
  void crash_relay();
  void cut_relays();
  void isolate_home();
  void rebind();
  void burst_of_loss();
  [[nodiscard]] SimPhone& some_phone() { return *random_.pick(world_.phones()); }

  [[nodiscard]] SimPhone& some_idle_phone();

  World world_;
  Random random_;
  bool lossless_;
  std::vector<SiteId> homes_;
  SimPhone* twin_ = nullptr;  ///< the second phone of somebody, off at first
  std::unique_ptr<Hostile> hostile_;
  int calls_placed_ = 0;
};

}  // namespace wzp::sim
