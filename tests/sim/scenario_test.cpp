#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <iostream>
#include <string>

#include "sim/scenario.hpp"

using namespace wzp::sim;

namespace {

std::optional<std::uint64_t> number(const char* variable) {
  const char* text = std::getenv(variable);
  if (text == nullptr || *text == '\0') return std::nullopt;
  return std::strtoull(text, nullptr, 10);
}

void add(Judge::Seen& sum, const Judge::Seen& one) {
  sum.checks += one.checks;
  sum.signals += one.signals;
  sum.frames += one.frames;
  sum.forwarded += one.forwarded;
  sum.direct += one.direct;
  sum.active += one.active;
  sum.judged_media += one.judged_media;
  sum.judged_ends += one.judged_ends;
  for (const auto& [reason, count] : one.ends) sum.ends[reason] += count;
}

}  // namespace

TEST_CASE("whatever happens, every promise is kept", "[sim][V-03][V-04][V-05][V-07][V-10][V-11][V-12][V-13]") {
  constexpr std::uint64_t kSeeds = 500;
  const auto single = number("WZP_SIM_SEED");
  const auto first = single.value_or(1);
  const auto last = single ? *single : number("WZP_SIM_SEEDS").value_or(kSeeds);
  std::string broken;
  int failures = 0;
  int tricks = 0;
  Judge::Seen seen;
  for (auto seed = first; seed <= last && failures < 5; ++seed) {
    Scenario scenario{seed, single.has_value()};
    try {
      scenario.run();
    } catch (const std::exception& failure) {
      ++failures;
      const auto text = std::to_string(seed);
      broken += "seed " + text + " " + failure.what() + "\n    replay: WZP_SIM_SEED=" + text + " test-sim \"whatever happens, every promise is kept\"\n";
    }
    add(seen, scenario.world().judge().seen());
    tricks += scenario.hostile_tricks();
  }
  INFO(broken);
  CHECK(failures == 0);
  std::cout << "simulated " << last - first + 1 << " scenarios: " << seen.signals << " signals, " << seen.frames << " frames played, " << seen.forwarded
            << " forwarded, " << seen.active << " times active (" << seen.direct << " direct first), " << tricks << " hostile tricks, " << seen.checks
            << " checks of state, " << seen.judged_media << " calls judged by success, " << seen.judged_ends << " looks at endings; ended";
  for (const auto& [reason, count] : seen.ends) std::cout << ' ' << reason << ' ' << count;
  std::cout << '\n';
  if (single) return;
  // The runs were not empty.
  CHECK(seen.frames > last * 100);
  CHECK(seen.direct > 0);
  CHECK(seen.forwarded > 0);
  CHECK(seen.judged_media > last / 5);
  CHECK(seen.judged_ends > last);
  CHECK(tricks > 0);
}
