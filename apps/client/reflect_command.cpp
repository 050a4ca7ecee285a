#include <algorithm>
#include <deque>
#include <iostream>

#include <fmt/format.h>

#include "client/commands.hpp"
#include "client/network.hpp"
#include "common/exit_code.hpp"
#include "common/json_line.hpp"
#include "wzp/client/reflect_probe.hpp"
#include "wzp/net/random.hpp"
#include "wzp/reflex/nat.hpp"

namespace wzp::client_app {
namespace {

constexpr std::uint16_t kDefaultPort = 4433;

// For scripts and for people.
struct NatWords {
  const char* name;
  const char* sentence;
};
NatWords words(reflex::NatClass nat) {
  switch (nat) {
    case reflex::NatClass::Unknown: return {"unknown", "unknown: it takes two relays with public addresses to tell"};
    case reflex::NatClass::Cone: return {"cone", "one address for everybody: direct calls will mostly work"};
    case reflex::NatClass::SymmetricPort: return {"symmetric_port", "another port for every destination: direct calls work only with people who have no such NAT"};
    case reflex::NatClass::Multiple: return {"multiple", "several public addresses: direct calls may fail"};
  }
  return {"unknown", "unknown"};
}

/// Several probes at once over one socket, as the NAT must be seen from one port (client.md D-15).
class Probes {
 public:
  explicit Probes(const std::vector<std::string>& relays) : relays_{relays}, outcomes_(relays.size()) {}

  Result<void> run(const Common& common) {
    auto loop = net::Loop::create();
    if (!loop) return loop.failure();
    auto known = KnownRelays::load({});  // nothing is pinned: a probe shows a throw-away key and believes nothing
    auto network = Network::open(**loop, common, std::chrono::seconds{5}, std::move(*known),
                                 {.to_core = [this](client::Event event) { events_.push_back(std::move(event)); },
                                  .on_datagram = [](ConnectionId, ByteView) {},
                                  .on_changed_relay = [](const std::string&) {}});
    if (!network) return network.failure();
    network_ = network->get();
    for (std::size_t i = 0; i < relays_.size(); ++i) start_one(i, (*loop)->now());
    while (!all_done() || !network_->idle()) {
      (*loop)->turn(std::chrono::milliseconds{50});
      step((*loop)->now());
    }
    return {};
  }

  void print(bool json) const {
    std::vector<SocketAddress> observed;
    for (std::size_t i = 0; i < relays_.size(); ++i) {
      const auto& outcome = outcomes_[i];
      if (outcome.observed) observed.push_back(*outcome.observed);
      print_one(relays_[i], outcome, json);
    }
    const auto verdict = reflex::classify(observed);
    if (json) {
      app::JsonLine line;
      line.add("event", "nat").add("class", words(verdict.nat).name);
      verdict.consensus ? line.add("address", to_string(*verdict.consensus)) : line.add_none("address");
      std::cout << line.text() << std::endl;
    } else {
      std::cout << "NAT: " << words(verdict.nat).sentence << std::endl;
    }
  }

  [[nodiscard]] bool any_answer() const {
    return std::any_of(outcomes_.begin(), outcomes_.end(), [](const auto& o) { return o.observed.has_value(); });
  }

 private:
  static void print_one(const std::string& relay, const client::ReflectProbe::Outcome& outcome, bool json) {
    const auto ms = std::chrono::duration<double, std::milli>{outcome.latency}.count();
    if (json) {
      app::JsonLine line;
      line.add("event", "reflected").add("relay", relay);
      outcome.observed ? line.add("observed", to_string(*outcome.observed)).add("latency_ms", ms) : line.add_none("observed");
      if (!outcome.observed) line.add("error", outcome.error);
      std::cout << line.text() << std::endl;
    } else if (outcome.observed) {
      std::cout << fmt::format("{}: {} ({:.0f} ms)", relay, to_string(*outcome.observed), ms) << std::endl;
    } else {
      std::cout << relay << ": " << outcome.error << std::endl;
    }
  }

  void start_one(std::size_t i, Instant now) {
    probes_.emplace_back();
    const auto where = net::HostPort::parse(relays_[i], kDefaultPort);
    const auto addresses = where ? net::resolve(*where) : Result<std::vector<SocketAddress>>{where.failure()};
    if (!addresses) {
      outcomes_[i].error = addresses.error().where;
      return;
    }
    probes_[i].emplace(client::ReflectProbe::Config{.throw_away = crypto::Identity{net::random_secret<32>()},
                                                    .dial = client::DialId{i + 1},
                                                    .relay = addresses->front()});
    perform(probes_[i]->start(now));
  }

  void step(Instant now) {
    for (; !events_.empty(); events_.pop_front()) {
      for (auto& probe : probes_) {
        if (probe) perform(probe->handle(events_.front(), now));
      }
    }
    for (std::size_t i = 0; i < probes_.size(); ++i) {
      auto& probe = probes_[i];
      if (!probe) continue;
      if (probe->deadline() && *probe->deadline() <= now) perform(probe->tick(now));
      if (!probe->outcome()) continue;
      outcomes_[i] = *probe->outcome();
      probe.reset();
    }
  }

  void perform(const client::Actions& actions) {
    for (const auto& action : actions) {
      if (const auto* dial = std::get_if<client::DialRelay>(&action)) network_->perform(*dial);
      if (const auto* cancel = std::get_if<client::CancelDial>(&action)) network_->perform(*cancel);
      if (const auto* send = std::get_if<client::SendSignal>(&action)) network_->perform(*send);
      if (const auto* close = std::get_if<client::Close>(&action)) network_->perform(*close);
    }
  }

  [[nodiscard]] bool all_done() const {
    return std::none_of(probes_.begin(), probes_.end(), [](const auto& p) { return p.has_value(); });
  }

  const std::vector<std::string>& relays_;
  std::vector<std::optional<client::ReflectProbe>> probes_;
  std::vector<client::ReflectProbe::Outcome> outcomes_;
  std::deque<client::Event> events_;
  Network* network_ = nullptr;
};

}  // namespace

int run_reflect(const ReflectOptions& options) {
  Probes probes{options.relays};
  if (const auto done = probes.run(options.common); !done) {
    return fail(done.error().code == Errc::Io ? app::kInternal : app::kUsage, done.error().where);
  }
  probes.print(options.common.json);
  return probes.any_answer() ? app::kOk : app::kCannotConnect;
}

}  // namespace wzp::client_app
