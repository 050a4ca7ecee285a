#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/judge.hpp"
#include "sim/sim_phone.hpp"
#include "sim/sim_relay.hpp"
#include "support/sim_clock.hpp"
#include "support/sim_net.hpp"
#include "support/sim_random.hpp"

namespace wzp::sim {

/// Relays, phones, the network between them, and the judge, all from one seed.
class World {
 public:
  /// With `tracing`, everything that is done is printed.
  explicit World(std::uint64_t seed, bool tracing = false);

  // Before anything runs.
  using Tweak = std::function<void(relay::Config&)>;
  SimRelay& add_relay(const std::string& name, const LinkQuality& quality = {}, const Tweak& tweak = {});
  /// `dialler` dials, `acceptor` trusts. Twice, both ways: mutual.
  void federate(SimRelay& dialler, SimRelay& acceptor);
  SiteId add_home(std::optional<NatType> nat = {}, const LinkQuality& quality = {});
  struct PhoneOptions {
    bool relay_only = false;
    bool direct_only = false;
    SimPhone* same_identity_as = nullptr;
  };
  SimPhone& add_phone(const std::string& name, SiteId home, SimRelay& relay, const PhoneOptions& options);
  SimPhone& add_phone(const std::string& name, SiteId home, SimRelay& relay) { return add_phone(name, home, relay, PhoneOptions{}); }
  /// Starts every relay and phone, and the judge.
  void start();
  /// The judge alone.
  void watch();

  // Running.
  void run_for(Duration time) { queue_.run_for(time); }
  /// Until `done`, looked at after every event. False when `limit` passed first.
  bool run_until(const std::function<bool()>& done, Duration limit);
  /// Every phone is registered and every link is up.
  bool settle(Duration limit = std::chrono::seconds{10});
  /// Later, if the phone is still the same run of the program.
  void later(Duration delay, SimPhone& phone, std::function<void(SimPhone&)> what);

  // Trouble. Each counts as a disturbance.
  void crash(SimPhone& phone);
  void crash(SimRelay& relay);
  void restart(SimPhone& phone) { disturbed(); phone.start(); }
  void restart(SimRelay& relay) { disturbed(); relay.start(); }
  void disturbed() { judge_.disturbed(); }
  void isolate(HostId host, bool is_cut);
  void cut(SimRelay& a, SimRelay& b, bool is_cut);
  void rebind(SiteId home);
  void set_quality(SiteId site, const LinkQuality& quality);
  void heal();

  /// Ends all calls, shuts the phones down, and waits until everything must be forgotten; then checks that it is.
  void drain();

  [[nodiscard]] SimQueue& queue() { return queue_; }
  [[nodiscard]] const SimQueue& queue() const { return queue_; }
  [[nodiscard]] SimNet& net() { return net_; }
  [[nodiscard]] const SimNet& net() const { return net_; }
  [[nodiscard]] Random& random() { return random_; }
  [[nodiscard]] Judge& judge() { return judge_; }
  [[nodiscard]] std::deque<std::unique_ptr<SimRelay>>& relays() { return relays_; }
  [[nodiscard]] std::deque<std::unique_ptr<SimPhone>>& phones() { return phones_; }
  [[nodiscard]] SimRelay* relay_of(int owner);
  [[nodiscard]] SimRelay* relay_of(const RelayFingerprint& fingerprint);
  [[nodiscard]] SimPhone* phone_of(int owner);
  [[nodiscard]] SimRelay& home_relay(const SimPhone& phone);
  [[nodiscard]] Instant began() const { return began_; }
  [[nodiscard]] bool tracing() const { return tracing_; }
  [[nodiscard]] int next_owner() { return next_owner_++; }
  [[nodiscard]] IpAddress next_address();

 private:
  SimQueue queue_;
  Random random_;
  SimNet net_;
  Judge judge_;
  bool tracing_;
  Instant began_;
  int next_owner_ = 1;
  int next_site_ = 1;
  std::deque<std::unique_ptr<SimRelay>> relays_;
  std::deque<std::unique_ptr<SimPhone>> phones_;
};

}  // namespace wzp::sim
