#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include "world.hpp"

using namespace wzp;
using namespace wzp::client;
using namespace wzp::test;

// What World checks on the way: no frame is heard twice, nothing goes to or comes from strangers, a private answer
// shows no address, every hang-up names its call, nothing is due for ever.

namespace {

bool active(const World::Node& n) { return n.core->call_state() == CallState::Active; }
bool idle(const World::Node& n) { return n.core->call_state() == CallState::None; }

/// Every call that was placed or rang has ended exactly once, except one that a mutual call replaced.
void check_endings(const World& w, const World::Node& n) {
  std::map<CallId, int> begun;
  std::map<CallId, int> over;
  for (const auto& e : w.told<Calling>(n)) begun[e.call] = 1;
  for (const auto& e : w.told<Incoming>(n)) begun[e.call] = 1;
  for (const auto& e : w.told<Ended>(n)) ++over[e.call];
  for (const auto& [id, times] : over) REQUIRE(times == 1);
  if (idle(n)) REQUIRE(over.size() + w.told<Incoming>(n).size() >= begun.size());
  REQUIRE(w.count<MediaStart>(n) ==
          w.count<MediaStop>(n) + (idle(n) || n.core->call_state() < CallState::Connecting ? 0 : 1));
}

}  // namespace

TEST_CASE("a peer that is lost after any step leaves no call behind", "[client]") {
  const bool lose_caller = GENERATE(true, false);
  const bool direct = GENERATE(true, false);
  // The steps of an undisturbed call, as moments.
  for (int step = 0; step < 40; ++step) {
    INFO("step " << step);
    World w{{}};
    auto& alice = w.add("alice");
    auto& bob = w.add("bob");
    alice.accepts_direct = bob.accepts_direct = direct;
    w.run(1s);
    w.place(alice, bob);
    w.run(step * 7ms);
    auto& lost = lose_caller ? alice : bob;
    auto& left = lose_caller ? bob : alice;
    w.crash(lost);
    w.run(1s);  // what it said last may still be on its way
    REQUIRE(w.run_until([&] { return idle(left); }, 61s));
    w.run(1s);
    REQUIRE(w.open_connections(left) == 1);
    REQUIRE(left.core->deadline() == std::nullopt);
    REQUIRE(left.core->registered());
    check_endings(w, left);
  }
}

TEST_CASE("a signal that is lost never leaves the two sides in different calls", "[client]") {
  const int which = GENERATE(range(0, 8));
  for (int lost_at = 0; lost_at < 12; ++lost_at) {
    INFO("signal " << lost_at << " variant " << which);
    World w{{.jitter = 5ms, .seed = static_cast<std::uint32_t>(which)}};
    auto& alice = w.add("alice");
    auto& bob = w.add("bob");
    w.run(1s);
    int seen = 0;
    w.on_signal = [&](const proto::SignalMessage&, const std::string&) -> std::optional<Duration> {
      return seen++ == lost_at ? std::nullopt : std::optional{Duration{}};
    };
    w.place(alice, bob);
    w.run(20s);
    if (alice.core->call_state() != CallState::Ringing && bob.core->call_state() != CallState::Incoming) {
      REQUIRE(idle(alice) == idle(bob));
    }
    w.run(60s);
    REQUIRE(idle(alice) == idle(bob));
    if (!idle(alice)) {
      REQUIRE(active(alice));
      REQUIRE(active(bob));
      REQUIRE(alice.core->on_direct_path() == bob.core->on_direct_path());
    }
    check_endings(w, alice);
    check_endings(w, bob);
  }
}

TEST_CASE("random calls with random faults keep what must always hold", "[client]") {
  std::size_t set_up = 0;
  std::size_t direct = 0;
  std::size_t relayed = 0;
  for (std::uint32_t seed = 0; seed < 150; ++seed) {
    INFO("seed " << seed);
    std::mt19937 random{seed};
    const auto below = [&](std::uint32_t n) { return random() % n; };
    World w{{.relay = below(4) == 0 ? World::RelayKind::Newest : World::RelayKind::Ours,
             .carries = below(5) != 0,
             .relay_latency = Duration{(1 + below(80)) * 1ms},
             .direct_latency = Duration{(1 + below(80)) * 1ms},
             .jitter = Duration{below(60) * 1ms},
             .loss_percent = static_cast<int>(below(20)),
             .seed = seed}};
    if (w.options.relay == World::RelayKind::Newest) w.options.carries = true;
    std::vector<World::Node*> people{&w.add("alice"), &w.add("bob"), &w.add("carol")};
    for (auto* p : people) p->accepts_direct = below(4) != 0;
    w.run(2s);
    for (int i = 0; i < 25; ++i) {
      auto& one = *people[below(3)];
      auto& other = *people[below(3)];
      switch (below(9)) {
        case 0:
        case 1:
        case 2:
          if (&one != &other) w.place(one, other, "call " + std::to_string(i));
          break;
        case 3:
        case 4: w.give(one, HangUp{}); break;
        case 5: w.cut_signal(one); break;
        case 6:
          one.answer = below(3) == 0   ? std::nullopt
                       : below(3) == 0 ? std::optional{proto::CallAcceptMode::AcceptGeneric}
                                       : std::optional{proto::CallAcceptMode::AcceptTrusted};
          break;
        case 7: (void)w.intrude(one, "call-call-" + one.core->call_id().text(), addr("10.0.0.1:4000")); break;
        case 8:
          if (below(4) == 0) {
            w.set_relay_up(false);
            w.later(Duration{below(5000) * 1ms}, [&w] { w.set_relay_up(true); });
          }
          break;
      }
      w.run(Duration{below(3000) * 1ms});
    }
    // Quiet: whoever is still in a call is in it with somebody who is in the same.
    w.set_relay_up(true);
    w.run(150s);
    for (auto* p : people) {
      check_endings(w, *p);
      set_up += w.told<SetUp>(*p).size();
      for (const auto& e : w.told<PathChosen>(*p)) ++(e.kind == PathKind::Direct ? direct : relayed);
      REQUIRE(p->core->registered());
      if (idle(*p)) {
        REQUIRE(w.open_connections(*p) == 1);
        continue;
      }
      REQUIRE(active(*p));
      const auto partners = std::count_if(people.begin(), people.end(), [&](const auto* q) {
        return q != p && active(*q) && q->core->call_id() == p->core->call_id() &&
               q->core->on_direct_path() == p->core->on_direct_path();
      });
      REQUIRE(partners == 1);
      REQUIRE(w.now - *p->last_heard <= 2s);
    }
  }
  // The faults leave enough calls to say something.
  CHECK(set_up > 300);
  CHECK(direct > 100);
  CHECK(relayed > 50);
}
