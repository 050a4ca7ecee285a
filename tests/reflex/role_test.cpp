#include "wzp/reflex/role.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <string>

using namespace wzp::reflex;

TEST_CASE("the smaller text accepts and the larger one dials", "[reflex]") {
  const auto [own, peer, role] = GENERATE(table<std::string, std::string, std::optional<Role>>({
      {"10.0.0.1:5", "9.0.0.1:5", Role::Acceptor},  // as texts, not as numbers
      {"8.8.8.8:5000", "8.8.8.8:5001", Role::Acceptor},
      {"8.8.8.8:5001", "8.8.8.8:5000", Role::Dialer},
      {"8.8.8.8:5000", "8.8.8.8:5000", std::nullopt},
      {"", "8.8.8.8:5000", std::nullopt},
      {"8.8.8.8:5000", "", std::nullopt},
      {"8.8.8.8:5000", "[2a00::1]:5000", Role::Acceptor},
  }));
  CHECK(determine_role(own, peer) == role);
}

TEST_CASE("the two sides of a call never get the same role", "[reflex][D-18]") {
  const std::string a = GENERATE("10.0.0.1:5", "9.9.9.9:1", "[2a00::1]:7");
  const std::string b = GENERATE("10.0.0.1:50", "99.9.9.9:1", "[2a00::2]:7");
  REQUIRE(determine_role(a, b).has_value());
  CHECK(determine_role(a, b) != determine_role(b, a));
}
