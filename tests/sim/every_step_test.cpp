#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <array>
#include <string_view>

#include "sim/pair.hpp"

// One call from its wish to its end, replayed with one disturbance after every single step of any core.

using namespace wzp;
using namespace wzp::sim;
using namespace std::chrono_literals;
using proto::CallAcceptMode;

namespace {

struct Disturbance {
  std::string_view name;
  void (*act)(AliceAndBob&);
};

void later(AliceAndBob& t, Duration delay, void (*what)(AliceAndBob&)) {
  t.world.queue().after(delay, [&t, what] { what(t); });
}

constexpr std::array kDisturbances{
    Disturbance{"the caller hangs up", [](AliceAndBob& t) { t.alice.hang_up(); }},
    Disturbance{"the callee hangs up", [](AliceAndBob& t) { t.bob.hang_up(); }},
    Disturbance{"both hang up", [](AliceAndBob& t) { t.alice.hang_up(), t.bob.hang_up(); }},
    Disturbance{"the callee calls back", [](AliceAndBob& t) { t.bob.call(t.alice.who()); }},
    Disturbance{"the caller crashes", [](AliceAndBob& t) { t.world.crash(t.alice); }},
    Disturbance{"the callee crashes", [](AliceAndBob& t) { t.world.crash(t.bob); }},
    Disturbance{"the caller restarts", [](AliceAndBob& t) { t.world.crash(t.alice), t.world.restart(t.alice); }},
    Disturbance{"the callee restarts", [](AliceAndBob& t) { t.world.crash(t.bob), t.world.restart(t.bob); }},
    Disturbance{"the caller shuts down", [](AliceAndBob& t) { t.alice.shut_down(); }},
    Disturbance{"the callee shuts down", [](AliceAndBob& t) { t.bob.shut_down(); }},
    Disturbance{"the caller's relay restarts", [](AliceAndBob& t) { t.world.crash(t.relay_a), t.world.restart(t.relay_a); }},
    Disturbance{"the callee's relay restarts", [](AliceAndBob& t) { t.world.crash(t.relay_b), t.world.restart(t.relay_b); }},
    Disturbance{"the caller's relay is away for a while",
                [](AliceAndBob& t) {
                  t.world.crash(t.relay_a);
                  later(t, 3s, [](AliceAndBob& u) { u.world.restart(u.relay_a); });
                }},
    Disturbance{"the link is cut for a moment",
                [](AliceAndBob& t) {
                  t.world.cut(t.relay_a, t.relay_b, true);
                  later(t, 2s, [](AliceAndBob& u) { u.world.cut(u.relay_a, u.relay_b, false); });
                }},
    Disturbance{"the link is cut for long",
                [](AliceAndBob& t) {
                  t.world.cut(t.relay_a, t.relay_b, true);
                  later(t, 25s, [](AliceAndBob& u) { u.world.cut(u.relay_a, u.relay_b, false); });
                }},
    Disturbance{"the caller is cut off for a moment",
                [](AliceAndBob& t) {
                  t.world.isolate(t.alice.host(), true);
                  later(t, 2s, [](AliceAndBob& u) { u.world.isolate(u.alice.host(), false); });
                }},
    Disturbance{"the callee is cut off for a moment",
                [](AliceAndBob& t) {
                  t.world.isolate(t.bob.host(), true);
                  later(t, 2s, [](AliceAndBob& u) { u.world.isolate(u.bob.host(), false); });
                }},
    Disturbance{"the caller is cut off for long",
                [](AliceAndBob& t) {
                  t.world.isolate(t.alice.host(), true);
                  later(t, 40s, [](AliceAndBob& u) { u.world.isolate(u.alice.host(), false); });
                }},
    Disturbance{"the caller is cut off for 13 s",
                [](AliceAndBob& t) {
                  t.world.isolate(t.alice.host(), true);
                  later(t, 13s, [](AliceAndBob& u) { u.world.isolate(u.alice.host(), false); });
                }},
    Disturbance{"the callee is cut off for 13 s",
                [](AliceAndBob& t) {
                  t.world.isolate(t.bob.host(), true);
                  later(t, 13s, [](AliceAndBob& u) { u.world.isolate(u.bob.host(), false); });
                }},
    Disturbance{"the caller is cut off for 17 s",
                [](AliceAndBob& t) {
                  t.world.isolate(t.alice.host(), true);
                  later(t, 17s, [](AliceAndBob& u) { u.world.isolate(u.alice.host(), false); });
                }},
    Disturbance{"the callee is cut off for 17 s",
                [](AliceAndBob& t) {
                  t.world.isolate(t.bob.host(), true);
                  later(t, 17s, [](AliceAndBob& u) { u.world.isolate(u.bob.host(), false); });
                }},
    Disturbance{"the link is cut for 13 s",
                [](AliceAndBob& t) {
                  t.world.cut(t.relay_a, t.relay_b, true);
                  later(t, 13s, [](AliceAndBob& u) { u.world.cut(u.relay_a, u.relay_b, false); });
                }},
    Disturbance{"the caller's identity registers elsewhere",
                [](AliceAndBob& t) {
                  auto& twin = t.world.add_phone("twin", t.world.add_home(), t.relay_a, {.same_identity_as = &t.alice});
                  twin.start();
                }},
    Disturbance{"the callee's identity registers elsewhere",
                [](AliceAndBob& t) {
                  auto& twin = t.world.add_phone("twin", t.world.add_home(), t.relay_b, {.same_identity_as = &t.bob});
                  twin.start();
                }},
    Disturbance{"the caller's NAT restarts", [](AliceAndBob& t) { t.world.rebind(t.alice_home); }},
    Disturbance{"the callee's NAT restarts", [](AliceAndBob& t) { t.world.rebind(t.bob_home); }},
};

/// The call itself; `disturb` comes after `step` steps of cores, counted from the wish. False when it was over before.
bool play(AliceAndBob& t, const Disturbance& disturbance, std::uint64_t step) {
  if (!t.world.settle()) throw Broken{"no start"};
  const auto& seen = t.world.judge().seen();
  const auto from = seen.checks;
  t.id = t.alice.call(t.bob.who());
  t.world.later(1500ms, t.alice, [](SimPhone& p) { p.hang_up(); });
  const bool early = t.world.run_until([&] { return seen.checks >= from + step; }, 1700ms);
  t.world.disturbed();
  disturbance.act(t);
  t.world.run_for(25s);
  t.world.drain();
  return early;
}

}  // namespace

TEST_CASE("a disturbance after any step of a call breaks no promise", "[sim][V-07][V-10][V-12][V-59]") {
  struct Setting {
    std::string_view name;
    int relays;
    NatType nat;
    std::optional<CallAcceptMode> mode;
    std::uint64_t at_least;  ///< steps that such a call has
  };
  const auto setting = GENERATE(Setting{"two relays", 2, kPortRestrictedCone, CallAcceptMode::AcceptTrusted, 60},
                                Setting{"one relay", 1, kPortRestrictedCone, CallAcceptMode::AcceptTrusted, 60},
                                Setting{"one relay, private", 1, kSymmetric, CallAcceptMode::AcceptGeneric, 40},
                                Setting{"two relays, nobody answers", 2, kPortRestrictedCone, std::nullopt, 15},
                                Setting{"one relay, nobody answers", 1, kPortRestrictedCone, std::nullopt, 10});
  for (const auto& disturbance : kDisturbances) {
    std::uint64_t step = 0;
    for (bool more = true; more; ++step) {
      AliceAndBob t{{.relays = setting.relays, .alice_nat = setting.nat, .bob_nat = setting.nat, .answer = setting.mode}, 7};
      try {
        more = play(t, disturbance, step);
      } catch (const std::exception& broken) {
        UNSCOPED_INFO(setting.name << ": " << disturbance.name << " after step " << step << ": " << broken.what());
        CHECK(false);
        break;
      }
    }
    CHECK(step > setting.at_least);
  }
}
