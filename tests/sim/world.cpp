#include "sim/world.hpp"

#include <algorithm>

#include "wzp/crypto/certificate.hpp"

namespace wzp::sim {
namespace {

constexpr Duration kWatchInterval = std::chrono::milliseconds{100};
/// The longest that a phone may hold on to a call that nobody tells it about: ringing, 60 s.
constexpr Duration kCallsEnd = std::chrono::seconds{62};
/// Idle timeout of the last lost connection, the grace of a party, and the time an ended call is remembered.
constexpr Duration kEverythingForgotten = std::chrono::seconds{80};

}  // namespace

World::World(std::uint64_t seed, bool tracing)
    : random_{seed}, net_{queue_, random_.fork()}, judge_{*this}, tracing_{tracing}, began_{queue_.now()} {}

IpAddress World::next_address() {
  const auto n = next_site_++;
  return IpAddress::v4(45, 10, static_cast<std::uint8_t>(n / 200), static_cast<std::uint8_t>(1 + n % 200));
}

SimRelay& World::add_relay(const std::string& name, const LinkQuality& quality, const Tweak& tweak) {
  const crypto::Seed seed{random_.bytes<32>()};
  const auto host = net_.add_host(net_.add_site(next_address(), {}, quality));
  SimRelay::Setup setup{.owner = next_owner(), .name = name, .host = host, .core = {.identity = crypto::Identity{seed}, .signer = crypto::RelaySigner{seed}},
                        .peer_addresses = {}, .reset_key = random_.next()};
  setup.core.fingerprint = crypto::relay_fingerprint(crypto::relay_certificate(seed).der);
  setup.core.random_seed = random_.next();
  if (tweak) tweak(setup.core);
  relays_.push_back(std::make_unique<SimRelay>(queue_, net_, judge_, random_.fork(), std::move(setup)));
  return *relays_.back();
}

void World::federate(SimRelay& dialler, SimRelay& acceptor) {
  auto& setup = dialler.setup();
  setup.core.peers.push_back({.url = acceptor.name(), .fingerprint = acceptor.config().fingerprint, .label = acceptor.name()});
  setup.peer_addresses.push_back(acceptor.address());
  acceptor.setup().core.trusted.push_back({.fingerprint = setup.core.fingerprint, .label = dialler.name()});
}

SiteId World::add_home(std::optional<NatType> nat, const LinkQuality& quality) {
  return net_.add_site(next_address(), nat, quality);
}

SimPhone& World::add_phone(const std::string& name, SiteId home, SimRelay& relay, const PhoneOptions& options) {
  SimPhone::Setup setup{.owner = next_owner(),
                        .name = name,
                        .host = net_.add_host(home),
                        .seed = options.same_identity_as != nullptr ? options.same_identity_as->setup().seed
                                                                    : crypto::Seed{random_.bytes<32>()},
                        .relay = relay.address(),
                        .relay_only = options.relay_only,
                        .direct_only = options.direct_only};
  phones_.push_back(std::make_unique<SimPhone>(queue_, net_, judge_, random_.fork(), std::move(setup)));
  return *phones_.back();
}

void World::start() {
  for (auto& relay : relays_) relay->start();
  for (auto& phone : phones_) phone->start();
  watch();
}

void World::watch() {
  judge_.watch();
  queue_.after(kWatchInterval, [this] { watch(); });
}

bool World::run_until(const std::function<bool()>& done, Duration limit) {
  const auto end = queue_.now() + limit;
  while (!done()) {
    if (!queue_.step(end)) return done();
  }
  return true;
}

bool World::settle(Duration limit) {
  return run_until(
      [this] {
        const bool registered = std::all_of(phones_.begin(), phones_.end(), [](const auto& p) { return !p->running() || p->core().registered(); });
        return registered && std::all_of(relays_.begin(), relays_.end(), [this](const auto& r) {
                 const auto dialled = std::count_if(relays_.begin(), relays_.end(), [&](const auto& other) {
                   const auto& peers = other->config().peers;
                   return std::any_of(peers.begin(), peers.end(), [&](const auto& p) { return p.fingerprint == r->config().fingerprint; }) ||
                          std::any_of(r->config().peers.begin(), r->config().peers.end(), [&](const auto& p) { return p.fingerprint == other->config().fingerprint; });
                 });
                 return r->core().links().size() >= static_cast<std::size_t>(dialled);
               });
      },
      limit);
}

void World::later(Duration delay, SimPhone& phone, std::function<void(SimPhone&)> what) {
  queue_.after(delay, [&phone, run = phone.incarnation(), what = std::move(what)] {
    if (phone.running() && phone.incarnation() == run) what(phone);
  });
}

void World::crash(SimPhone& phone) {
  if (!phone.running()) return;
  judge_.phone_dies(phone);
  phone.crash();
}

void World::crash(SimRelay& relay) {
  if (!relay.running()) return;
  judge_.relay_dies(relay);
  relay.crash();
}

void World::isolate(HostId host, bool is_cut) {
  disturbed();
  net_.isolate(net_.site_of(host), is_cut);
}

void World::cut(SimRelay& a, SimRelay& b, bool is_cut) {
  disturbed();
  net_.cut(net_.site_of(a.host()), net_.site_of(b.host()), is_cut);
}

void World::rebind(SiteId home) {
  disturbed();
  net_.rebind_nat(home);
}

void World::set_quality(SiteId site, const LinkQuality& quality) {
  disturbed();
  net_.set_quality(site, quality);
}

void World::heal() {
  disturbed();
  net_.heal();
}

void World::drain() {
  heal();
  for (auto& relay : relays_) {
    if (!relay->running()) restart(*relay);
  }
  for (auto& phone : phones_) {
    if (phone->running()) phone->hang_up();
  }
  // Hang-ups arrive and ringing ends; a phone may still be told of a call that was offered just now.
  run_for(std::chrono::seconds{3});
  for (auto& phone : phones_) {
    if (phone->running()) phone->hang_up();
  }
  run_for(kCallsEnd);
  for (auto& phone : phones_) {
    if (phone->running()) phone->shut_down();
  }
  run_for(kEverythingForgotten);
  judge_.check_drained();
}

SimRelay* World::relay_of(int owner) {
  const auto found = std::find_if(relays_.begin(), relays_.end(), [&](const auto& r) { return r->owner() == owner; });
  return found == relays_.end() ? nullptr : found->get();
}

SimRelay* World::relay_of(const RelayFingerprint& fingerprint) {
  const auto found = std::find_if(relays_.begin(), relays_.end(), [&](const auto& r) { return r->config().fingerprint == fingerprint; });
  return found == relays_.end() ? nullptr : found->get();
}

SimPhone* World::phone_of(int owner) {
  const auto found = std::find_if(phones_.begin(), phones_.end(), [&](const auto& p) { return p->owner() == owner; });
  return found == phones_.end() ? nullptr : found->get();
}

SimRelay& World::home_relay(const SimPhone& phone) {
  return **std::find_if(relays_.begin(), relays_.end(), [&](const auto& r) { return r->address() == phone.setup().relay; });
}

}  // namespace wzp::sim
