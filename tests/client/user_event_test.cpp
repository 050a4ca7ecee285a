#include "wzp/client/user_event.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <set>

using namespace wzp::client;

TEST_CASE("every end has the exit code that the manual promises", "[client]") {
  const auto [reason, code] = GENERATE(table<EndReason, int>({
      {EndReason::HungUp, 0},
      {EndReason::PeerHungUp, 0},
      {EndReason::Cancelled, 0},
      {EndReason::RefusedByUs, 0},
      {EndReason::PeerCancelled, 5},
      {EndReason::Missed, 5},
      {EndReason::Declined, 5},
      {EndReason::Busy, 5},
      {EndReason::NoAnswer, 5},
      {EndReason::Unreachable, 5},
      {EndReason::Failed, 5},
      {EndReason::NotConnected, 3},
      {EndReason::IdentityRefused, 4},
      {EndReason::NoPath, 6},
      {EndReason::MediaLost, 6},
  }));
  CHECK(exit_code(reason) == code);
}

TEST_CASE("every end has a name and a sentence of its own", "[client]") {
  std::set<std::string_view> names;
  std::set<std::string_view> texts;
  for (int i = 0; i <= static_cast<int>(EndReason::Failed); ++i) {
    names.insert(name(static_cast<EndReason>(i)));
    texts.insert(text(static_cast<EndReason>(i)));
  }
  CHECK(names.size() == 15);
  CHECK(texts.size() == 15);
  CHECK_FALSE(names.contains(""));
  CHECK_FALSE(texts.contains(""));
  CHECK(name(PathKind::Direct) == "direct");
  CHECK(name(PathKind::Relay) == "relay");
}
