#include "wzp/crypto/replay_window.hpp"

#include <random>
#include <set>

#include <catch2/catch_test_macros.hpp>

#include "vectors.hpp"

using namespace wzp;
using namespace wzp::crypto;
using wzp::test::vectors;
using Verdict = ReplayWindow::Verdict;

namespace {

bool offer(ReplayWindow& window, std::uint64_t number) {
  if (window.look(number) != Verdict::Fresh) return false;
  window.mark(number);
  return true;
}

}  // namespace

TEST_CASE("packet numbers are recovered as the vectors say", "[crypto][golden]") {
  for (const auto& v : vectors("ours.jsonl", "packet_number", 18)) {
    INFO(v.name());
    const auto number = recover_packet_number(v.number("expected"), static_cast<std::uint16_t>(v.number("seq")));
    REQUIRE(number.has_value() == !v.is_null("packet_number"));
    if (number) CHECK(*number == v.number("packet_number"));
  }
}

TEST_CASE("every number within reach of the expected one is recovered from 16 bits", "[crypto]") {
  for (const std::uint64_t expected : {0ULL, 1ULL, 32767ULL, 32768ULL, 65535ULL, 65536ULL, 1000000ULL, 4294967295ULL}) {
    const std::uint64_t lowest = expected < 32768 ? 0 : expected - 32768;
    for (std::uint64_t number = lowest; number <= expected + 32767; number += 251) {
      INFO(expected << " " << number);
      REQUIRE(recover_packet_number(expected, static_cast<std::uint16_t>(number)) == number);
    }
  }
}

TEST_CASE("the replay window judges as the vectors say", "[crypto][golden]") {
  for (const auto& v : vectors("ours.jsonl", "replay_window", 5)) {
    INFO(v.name());
    ReplayWindow window;
    const auto& numbers = v.at("packet_numbers");
    for (rapidjson::SizeType i = 0; i < numbers.Size(); ++i) {
      INFO("step " << i);
      CHECK(offer(window, numbers[i].GetUint64()) == v.at("accepted")[i].GetBool());
    }
  }
}

TEST_CASE("the window says why", "[crypto]") {
  ReplayWindow window;
  CHECK_FALSE(window.highest());
  CHECK(window.expected() == 0);
  window.mark(5000);
  CHECK(window.highest() == 5000);
  CHECK(window.look(5000) == Verdict::Replayed);
  CHECK(window.look(5001) == Verdict::Fresh);
  CHECK(window.look(5000 - 1023) == Verdict::Fresh);
  CHECK(window.look(5000 - 1024) == Verdict::TooOld);
  CHECK(window.look(0) == Verdict::TooOld);
}

TEST_CASE("the window agrees with a set of all numbers seen", "[crypto]") {
  std::mt19937_64 random{1};
  for (int round = 0; round < 50; ++round) {
    INFO("round " << round);
    ReplayWindow window;
    std::set<std::uint64_t> seen;
    std::uint64_t centre = random() % 70000;
    for (int i = 0; i < 2000; ++i) {
      // Mostly around the head; now and then a jump over part or all of the window.
      const std::uint64_t jump = random() % 50 == 0 ? random() % 3000 : random() % 4;
      centre += jump;
      const std::uint64_t number = centre - std::min(centre, random() % (random() % 4 == 0 ? 1500 : 20));
      const bool too_old = !seen.empty() && *seen.rbegin() >= number + ReplayWindow::kSize;
      const bool expected = !too_old && !seen.contains(number);
      REQUIRE(offer(window, number) == expected);
      if (expected) seen.insert(number);
    }
  }
}
