#include "routed.hpp"

#include <catch2/catch_test_macros.hpp>
#include <string>

#include "relay_bench.hpp"

using namespace std::chrono_literals;

// What is private to the relay: which routed signals it has seen.

namespace wzp::relay {
namespace {

using enum DuplicateGuard::Verdict;

const auto kOrigin = test::RelayBench::fingerprint(1);
const auto kLink = test::RelayBench::fingerprint(2);
const auto kOtherLink = test::RelayBench::fingerprint(3);
constexpr Instant kStart{std::chrono::hours{1}};

}  // namespace

TEST_CASE("a routed signal is taken once, over whichever link it comes, in whichever spelling", "[relay][route]") {
  DuplicateGuard seen;
  CHECK(seen.admit(kLink, kOrigin, "0a", kStart) == New);
  CHECK(seen.admit(kLink, kOrigin, "0a", kStart) == Seen);
  CHECK(seen.admit(kOtherLink, kOrigin, "0A", kStart + 1s) == Seen);
  CHECK(seen.admit(kLink, kOtherLink, "0a", kStart) == New);  // of another origin
  CHECK(seen.admit(kLink, kOrigin, "0a", kStart + 60s) == Seen);
  CHECK(seen.admit(kLink, kOrigin, "0a", kStart + 121s) == New);
}

TEST_CASE("no link makes a relay forget what others have brought", "[relay][route][V-27]") {
  DuplicateGuard seen;
  REQUIRE(seen.admit(kOtherLink, kOrigin, "honest", kStart) == New);
  std::size_t taken = 0;
  for (std::size_t i = 0; i < 3 * DuplicateGuard::kMaxPerGeneration; ++i) {
    taken += seen.admit(kLink, kLink, std::to_string(i), kStart + 1s) == New ? 1U : 0U;
  }
  CHECK(taken == DuplicateGuard::kMaxOfOneLink);
  CHECK(seen.admit(kLink, kLink, "more", kStart + 2s) == TooMany);
  CHECK(seen.admit(kOtherLink, kOrigin, "honest", kStart + 2s) == Seen);
  CHECK(seen.admit(kOtherLink, kOrigin, "another", kStart + 2s) == New);
  CHECK(seen.admit(kLink, kLink, "later", kStart + 61s) == New);
}

}  // namespace wzp::relay
