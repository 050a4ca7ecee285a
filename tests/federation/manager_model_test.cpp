#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <set>

#include "relays.hpp"
#include "sim_clock.hpp"
#include "wzp/base/overloaded.hpp"

using namespace std::chrono_literals;

namespace wzp::federation {
namespace {

/// What the manager must believe, kept in the most naive way: a list of what every connection is.
struct Model {
  struct Conn {
    std::uint64_t conn;
    std::uint8_t relay;
    bool dialled;
    bool ours;
    bool up = false;
  };
  std::vector<Conn> conns;            // in the order of coming up, then of opening
  std::set<RelayFingerprint> linked;  // by LinkUp and LinkDown

  std::vector<std::uint64_t> up_with(std::uint8_t relay) const {
    std::vector<std::uint64_t> out;
    for (const auto& c : conns) {
      if (c.up && c.relay == relay) out.push_back(c.conn);
    }
    return out;
  }
};

}  // namespace

TEST_CASE("the manager agrees with a naive list of links", "[federation][model]") {
  const auto seed = GENERATE(range(0U, 30U));
  INFO("seed " << seed);
  std::mt19937 random{seed};
  const auto pick = [&](unsigned n) { return static_cast<std::uint8_t>(random() % n); };
  sim::SimClock clock;
  // Relay 5 with peers 1 to 8 but itself; the even ones are reference relays.
  FederationManager::Config config{.own = some_relay(5)};
  const std::vector<std::uint8_t> names{1, 2, 3, 4, 6, 7, 8};
  for (const auto name : names) config.peers.push_back({some_relay(name), "", false});
  FederationManager manager{config};
  Model model;

  const auto apply = [&](const Actions& actions) {
    for (const auto& action : actions) {
      if (const auto* close = std::get_if<Close>(&action)) {
        REQUIRE(std::erase_if(model.conns, [&](const auto& c) { return c.conn == close->conn.value; }) == 1);
      } else if (const auto* up = std::get_if<LinkUp>(&action)) {
        REQUIRE(model.linked.insert(up->relay).second);
      } else if (const auto* down = std::get_if<LinkDown>(&action)) {
        REQUIRE(model.linked.erase(down->relay) == 1);
      }
    }
  };
  // Puts the connection behind those that are up.
  const auto came_up = [&](std::size_t index) {
    auto conn = model.conns[index];
    conn.up = true;
    model.conns.erase(model.conns.begin() + static_cast<std::ptrdiff_t>(index));
    model.conns.push_back(conn);
  };

  for (std::uint64_t step = 1; step < 800; ++step) {
    INFO("step " << step);
    const auto index = model.conns.empty() ? 0 : static_cast<std::size_t>(random() % model.conns.size());
    switch (pick(4)) {
      case 0: {
        const auto peer = pick(7);
        const bool dialled = pick(2) == 0;
        model.conns.push_back({step, names[peer], dialled, names[peer] % 2 == 1});
        const auto dialled_peer = dialled ? std::optional<std::size_t>{peer} : std::nullopt;
        apply(manager.handle(Opened{ConnectionId{step}, !dialled, dialled_peer, some_relay(names[peer]), {}},
                             clock.now()));
        break;
      }
      case 1: {
        if (model.conns.empty() || model.conns[index].up) break;
        const auto conn = model.conns[index];
        came_up(index);
        const auto word = conn.ours || !conn.dialled ? hello_of(conn.relay, conn.ours)
                                                     : proto::SignalMessage{proto::GlobalRoomInactive{"x"}};
        apply(manager.handle(Received{ConnectionId{conn.conn}, word}, clock.now()));
        break;
      }
      case 2: {
        if (model.conns.empty() || pick(3) != 0) break;
        const auto conn = model.conns[index].conn;
        model.conns.erase(model.conns.begin() + static_cast<std::ptrdiff_t>(index));
        apply(manager.handle(Lost{ConnectionId{conn}, {}}, clock.now()));
        break;
      }
      default: {
        // Less than any patience of a handshake, so that no timer makes a link come up behind the model's back.
        clock.advance(1ms);
        apply(manager.tick(clock.now()));
      }
    }
    for (const auto name : names) {
      const auto up = model.up_with(name);
      REQUIRE(model.linked.contains(some_relay(name)) == !up.empty());
      REQUIRE(manager.has_link(some_relay(name)) == !up.empty());
      const auto sent = manager.send_signal_to_peer(some_relay(name), proto::Ping{1});
      REQUIRE(sent.has_value() == !up.empty());
      if (sent) REQUIRE(sent->conn.value == up.back());
      if (name % 2 == 0) REQUIRE(up.size() <= FederationManager::kMaxLinksPerRelay);
      // Between relays of ours: one link, but where the other side is the one that must close the second. It is
      // dialled by us as often as our loop here says, so there only the inbound ones are counted.
      const auto count = [&](bool dialled) {
        return std::count_if(model.conns.begin(), model.conns.end(),
                             [&](const auto& c) { return c.up && c.relay == name && c.dialled == dialled; });
      };
      if (name % 2 == 1) REQUIRE(count(false) <= 1);
      if (name % 2 == 1 && name > 5) REQUIRE((count(true) == 0 || count(false) == 0));
    }
    REQUIRE(manager.broadcast_signal(proto::Ping{1}).reach() == model.linked.size());
  }
}

namespace {

/// Two managers of ours that dial each other over connections with random delays.
class Pair {
 public:
  explicit Pair(unsigned seed) : random_{seed} {
    for (std::uint8_t side = 0; side < 2; ++side) {
      FederationManager::Config config{.own = some_relay(name(side)), .random_seed = seed * 2 + side};
      config.peers = {{some_relay(name(1 - side)), "other", false}};
      managers_[side] = std::make_unique<FederationManager>(config);
      carry_out(side, managers_[side]->start(queue_.now()));
    }
  }

  static std::uint8_t name(int side) { return side == 0 ? 1 : 2; }
  FederationManager& manager(int side) { return *managers_[side]; }
  std::size_t connections() const { return open_.size(); }
  bool is_linked(int side) { return managers_[side]->has_link(some_relay(name(1 - side))); }

  void run_for(Duration time) {
    const auto end = queue_.now() + time;
    while (queue_.now() < end) {
      queue_.run_for(5ms);
      for (int side = 0; side < 2; ++side) carry_out(side, managers_[side]->tick(queue_.now()));
    }
  }
  void kill_one() {
    if (open_.empty()) return;
    const auto conn = *std::next(open_.begin(), static_cast<std::ptrdiff_t>(random_() % open_.size()));
    open_.erase(conn);
    for (int side = 0; side < 2; ++side) give(side, Lost{ConnectionId{conn}, {}});
  }

 private:
  void give(int side, const Event& event) { carry_out(side, managers_[side]->handle(event, queue_.now())); }

  /// In order per connection and direction, as signals are.
  void later(int side, std::uint64_t conn, Event event) {
    auto& free_at = free_at_[{side, conn}];
    free_at = std::max(free_at, queue_.now() + std::chrono::microseconds{random_() % 80'000});
    queue_.at(free_at, [this, side, conn, event] {
      if (open_.contains(conn)) give(side, event);
    });
  }

  void carry_out(int side, const Actions& actions) {
    for (const auto& action : actions) {
      std::visit(overloaded{[&](const Dial&) { connect(side); },
                            [&](const Send& send) {
                              later(1 - side, send.conn.value, Received{send.conn, send.message});
                            },
                            [&](const Close& close) {
                              const auto conn = close.conn.value;
                              if (!open_.contains(conn)) return;
                              auto& free_at = free_at_[{1 - side, conn}];
                              free_at = std::max(free_at, queue_.now() + 1ms);
                              queue_.at(free_at, [this, side, conn, code = close.code] {
                                if (open_.erase(conn) == 0) return;
                                give(1 - side, Lost{ConnectionId{conn}, code});
                                give(side, Lost{ConnectionId{conn}, {}});
                              });
                            },
                            [](const auto&) {}},
                 action);
    }
  }

  void connect(int side) {
    const auto conn = ++last_;
    const auto delay = std::chrono::microseconds{random_() % 100'000};
    queue_.after(delay, [this, side, conn] {
      open_.insert(conn);
      give(1 - side, Opened{ConnectionId{conn}, true, {}, some_relay(name(side)), {}});
      give(side, Opened{ConnectionId{conn}, false, 0, some_relay(name(1 - side)), {}});
    });
  }

  std::mt19937 random_;
  sim::SimQueue queue_;
  std::unique_ptr<FederationManager> managers_[2];
  std::set<std::uint64_t> open_;
  std::map<std::pair<int, std::uint64_t>, Instant> free_at_;
  std::uint64_t last_ = 0;
};

}  // namespace

TEST_CASE("relays that dial each other keep one link, and get it back when it is killed", "[federation][V-11]") {
  const auto seed = GENERATE(range(0U, 20U));
  INFO("seed " << seed);
  Pair pair{seed};
  pair.run_for(1s);
  for (int round = 0; round < 100; ++round) {
    INFO("round " << round);
    CHECK(pair.is_linked(0));
    CHECK(pair.is_linked(1));
    CHECK(pair.connections() == 1);
    pair.run_for(31s);
    pair.kill_one();
    pair.run_for(1s);
  }
}

}  // namespace wzp::federation
