#include <array>
#include <catch2/catch_test_macros.hpp>
#include <functional>
#include <map>
#include <queue>
#include <random>
#include <set>

#include "support.hpp"
#include "wzp/base/overloaded.hpp"
#include "wzp/reflex/path_race.hpp"

using namespace wzp;
using namespace wzp::reflex;
using namespace std::chrono_literals;
using test::addr;
using test::at;

namespace {

/// Two races, joined by connections that take their time, fail and die. Whatever is closed on one side ends on the
/// other; messages of one connection keep their order.
class Pair {
 public:
  explicit Pair(std::uint32_t seed) : random_{seed} {
    for (int side : {0, 1}) {
      PathRace::Config config;
      config.caller = side == 0;
      races_.emplace_back(config);
    }
    dial_loss_ = chance(3) ? 0 : below(100);
    deaths_ = chance(2) ? 0 : below(15);
    // The callee hears of the set-up later or earlier than the caller.
    later(below(400) * 1ms, [this] { apply(0, races_[0].start(candidates(1), now_)); });
    later(below(400) * 1ms, [this] { apply(1, races_[1].start(candidates(0), now_)); });
  }

  void run() {
    for (;;) {
      auto due = queue_.empty() ? std::optional<Instant>{} : queue_.begin()->first.first;
      for (const auto& race : races_) due = earliest(due, race.deadline());
      if (!due || *due > at(30s)) return;
      now_ = std::max(now_, *due);
      if (!queue_.empty() && queue_.begin()->first.first <= now_) {
        const auto action = std::move(queue_.begin()->second);
        queue_.erase(queue_.begin());
        action();
      }
      for (std::size_t side : {0U, 1U}) apply(side, races_[side].tick(now_));
    }
  }

  [[nodiscard]] std::optional<ConnectionId> selected(std::size_t side) const { return races_[side].selected(); }
  [[nodiscard]] bool alive(ConnectionId c) const { return !dead_.contains(c); }
  [[nodiscard]] const std::set<ConnectionId>& alive_everywhere() const { return open_; }
  [[nodiscard]] int datagrams(std::size_t side) const { return punches_[side]; }
  bool anything_possible() const { return dial_loss_ == 0 && deaths_ == 0; }

 private:
  std::vector<SocketAddress> candidates(int side) {
    std::vector<SocketAddress> out;
    const auto n = 1 + below(4);
    for (int i = 0; i < n; ++i)
      out.push_back(addr("10.0." + std::to_string(side) + "." + std::to_string(i + 1) + ":5000"));
    return out;
  }
  int below(int n) { return static_cast<int>(random_() % static_cast<std::uint32_t>(n)); }
  bool chance(int one_in) { return below(one_in) == 0; }
  void later(Duration wait, std::function<void()> f) { queue_.emplace(std::pair{now_ + wait, seq_++}, std::move(f)); }

  /// In order within one direction of one connection.
  void message(std::size_t to, ConnectionId c, RaceEvent event) {
    auto& last = last_message_[{c, to}];
    last = std::max(last, now_ + (1 + below(200)) * 1ms);
    queue_.emplace(std::pair{last, seq_++}, [this, to, c, event] {
      if (!dead_.contains(c)) apply(to, races_[to].handle(event, now_));
    });
  }

  void kill(ConnectionId c, std::optional<std::size_t> by) {
    if (!dead_.insert(c).second) return;
    open_.erase(c);
    for (std::size_t side : {0U, 1U}) {
      if (by == side) continue;
      later((1 + below(100)) * 1ms, [this, side, c] { apply(side, races_[side].handle(Gone{c}, now_)); });
    }
  }

  void dial(std::size_t side, const SocketAddress& remote) {
    if (below(100) < dial_loss_) {
      if (chance(2))
        later((10 + below(3000)) * 1ms, [=, this] { apply(side, races_[side].handle(DialFailed{remote}, now_)); });
      return;
    }
    const ConnectionId c{++conns_};
    open_.insert(c);
    later((5 + below(800)) * 1ms, [=, this] {
      if (cancelled_.contains({side, remote})) return kill(c, side);
      message(1 - side, c, Accepted{c});
      apply(side, races_[side].handle(Dialled{remote, c}, now_));
    });
    if (below(100) < deaths_) later(below(6000) * 1ms, [this, c] { kill(c, std::nullopt); });
  }

  void apply(std::size_t side, const RaceActions& actions) {
    const auto other = 1 - side;
    for (const auto& action : actions) {
      std::visit(overloaded{
                     [&](const Dial& a) { dial(side, a.remote); },
                     [&](const CancelDial& a) {
                       cancelled_.insert({side, a.remote});
                     },
                     [&](const Punch&) { ++punches_[side]; },
                     [&](const SendHello& a) {
                       message(other, a.conn, HelloChecked{a.conn, true});
                     },
                     [&](const SendProbe& a) {
                       if (!chance(4)) message(side, a.conn, ProbeAcked{a.conn});
                     },
                     [&](const SendNominate& a) { message(other, a.conn, Nominated{a.conn}); },
                     [&](const SendConfirm& a) { message(other, a.conn, Confirmed{a.conn}); },
                     [&](const SendReport&) { FAIL("a sealed race sends no report"); },
                     [&](const ClosePath& a) { kill(a.conn, side); },
                     [](const UseDirect&) {},
                     [](const UseRelay&) {},
                 },
                 action);
    }
  }

  std::mt19937 random_;
  std::vector<PathRace> races_;
  Instant now_ = at(0ms);
  std::uint64_t seq_ = 0;
  std::uint64_t conns_ = 0;
  int dial_loss_ = 0;
  int deaths_ = 0;
  std::array<int, 2> punches_{};
  std::map<std::pair<Instant, std::uint64_t>, std::function<void()>> queue_;
  std::map<std::pair<ConnectionId, std::size_t>, Instant> last_message_;
  std::set<ConnectionId> dead_;
  std::set<ConnectionId> open_;
  std::set<std::pair<std::size_t, SocketAddress>> cancelled_;
};

}  // namespace

TEST_CASE("both sides end on the same connection, or both without one", "[reflex][D-03][D-18][V-17]") {
  int direct = 0;
  for (std::uint32_t seed = 0; seed < 3000; ++seed) {
    INFO("seed " << seed);
    Pair pair{seed};
    pair.run();
    REQUIRE(pair.selected(0) == pair.selected(1));
    if (const auto c = pair.selected(0)) {
      ++direct;
      REQUIRE(pair.alive(*c));
      // Everything else was closed.
      REQUIRE(pair.alive_everywhere() == std::set{*c});
    } else {
      REQUIRE(pair.alive_everywhere().empty());
      REQUIRE_FALSE(pair.anything_possible());
    }
    for (std::size_t side : {0U, 1U}) REQUIRE(pair.datagrams(side) <= 5 * 4);
  }
  CHECK(direct > 1000);
}
