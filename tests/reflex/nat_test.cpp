#include "wzp/reflex/nat.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <vector>

#include "support.hpp"

using namespace wzp;
using namespace wzp::reflex;
using test::addr;

namespace {
std::vector<SocketAddress> list(std::initializer_list<const char*> texts) {
  std::vector<SocketAddress> out;
  for (const auto* text : texts) out.push_back(addr(text));
  return out;
}
}  // namespace

TEST_CASE("observations are classified by what they have in common", "[reflex]") {
  const auto [seen, expected] = GENERATE(table<std::vector<SocketAddress>, NatClass>({
      {list({}), NatClass::Unknown},
      {list({"8.8.8.8:5000"}), NatClass::Unknown},
      {list({"8.8.8.8:5000", "8.8.8.8:5000"}), NatClass::Cone},
      {list({"8.8.8.8:5000", "8.8.8.8:5001"}), NatClass::SymmetricPort},
      {list({"8.8.8.8:5000", "8.8.4.4:5000"}), NatClass::Multiple},
      {list({"8.8.8.8:5000", "8.8.8.8:5001", "8.8.4.4:5000"}), NatClass::Multiple},
      {list({"[2a00::1]:5000", "[2a00::1]:5000"}), NatClass::Cone},
  }));
  const auto verdict = classify(seen);
  CHECK(verdict.nat == expected);
  CHECK(verdict.consensus.has_value() == (expected == NatClass::Cone));
}

TEST_CASE("the consensus address is the one that everybody saw", "[reflex]") {
  CHECK(classify(list({"8.8.8.8:5000", "8.8.8.8:5000"})).consensus == addr("8.8.8.8:5000"));
}

TEST_CASE("a relay in our own network says nothing about the NAT", "[reflex][H-02]") {
  CHECK(classify(list({"192.168.1.100:5000", "8.8.8.8:5000"})).nat == NatClass::Unknown);
  CHECK(classify(list({"127.0.0.1:5000", "8.8.8.8:5000", "8.8.8.8:5000"})).nat == NatClass::Cone);
  CHECK(classify(list({"100.64.3.4:5000", "8.8.8.8:5000", "8.8.8.8:5001"})).nat == NatClass::SymmetricPort);
  CHECK(classify(list({"10.0.0.1:5000", "10.0.0.1:5000"})).nat == NatClass::Unknown);
  CHECK(classify(list({"169.254.0.9:1", "[fe80::1]:1", "[::1]:1", "[::]:1"})).nat == NatClass::Unknown);
}

TEST_CASE("every NAT class has a name", "[reflex]") {
  CHECK(name(NatClass::Unknown) == "Unknown");
  CHECK(name(NatClass::Cone) == "Cone");
  CHECK(name(NatClass::SymmetricPort) == "SymmetricPort");
  CHECK(name(NatClass::Multiple) == "Multiple");
}
