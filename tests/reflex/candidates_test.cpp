#include "wzp/reflex/candidates.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <string>
#include <vector>

#include "support.hpp"

using namespace wzp;
using namespace wzp::reflex;
using test::addr;

namespace {
const auto kRelay = addr("20.0.0.1:4433");

Surroundings around() { return {kRelay, {addr("192.168.1.5:40000"), addr("8.8.8.8:40000")}, true, true}; }

std::vector<SocketAddress> dial(std::vector<std::string> local, std::optional<std::string> reflexive = std::nullopt) {
  return dial_candidates(local, reflexive, around());
}
}  // namespace

TEST_CASE("host addresses are advertised best first", "[reflex]") {
  const std::vector<SocketAddress> interfaces{addr("9.1.2.3:4000"), addr("192.168.1.5:4000"), addr("[2a00::5]:4000"),
                                              addr("100.64.0.9:4000"), addr("192.168.1.5:4000")};
  CHECK(host_candidates(interfaces, kRelay) ==
        std::vector{addr("[2a00::5]:4000"), addr("192.168.1.5:4000"), addr("100.64.0.9:4000"), addr("9.1.2.3:4000")});
}

TEST_CASE("addresses that nobody else can use are not advertised", "[reflex]") {
  const std::string text = GENERATE("127.0.0.1:4000", "[::1]:4000", "0.0.0.0:4000", "169.254.1.1:4000",
                                    "[fe80::1]:4000", "224.0.0.1:4000", "192.0.2.7:4000", "10.0.0.1:0");
  CHECK(host_candidates(std::vector{addr(text)}, kRelay).empty());
}

TEST_CASE("loopback is advertised and dialled only with a loopback relay", "[reflex]") {
  const auto relay = addr("127.0.0.1:4433");
  CHECK(host_candidates(std::vector{addr("127.0.0.1:4000")}, relay).size() == 1);
  const std::vector<std::string> local{"127.0.0.1:4001"};
  CHECK(dial_candidates(local, std::nullopt, {relay, {}, true, true}).size() == 1);
  CHECK(dial_candidates(local, std::nullopt, around()).empty());
}

TEST_CASE("at most fifteen hosts are advertised", "[reflex]") {
  std::vector<SocketAddress> many;
  for (int i = 1; i <= 40; ++i) many.push_back(addr("10.0.0." + std::to_string(i) + ":4000"));
  const auto out = host_candidates(many, kRelay);
  CHECK(out.size() == 15);
  CHECK(out.front() == many.front());
}

TEST_CASE("a peer cannot make us dial what is no phone", "[reflex][D-50]") {
  const std::string text = GENERATE(
      "127.0.0.1:22", "127.0.0.1:5000", "224.0.0.1:5000", "255.255.255.255:5000", "10.0.0.7:0", "192.168.1.1:53",
      "10.0.0.7:1023", "20.0.0.1:4433", "192.168.1.5:40000", "8.8.8.8:40000", "169.254.9.9:5000", "[fe80::1]:5000",
      "0.0.0.0:5000", "198.51.100.3:5000", "relay.example:5000", "10.0.0.7", "", "10.0.0.7:99999");
  CHECK(dial({text}).empty());
  CHECK(dial({}, text).empty());
}

TEST_CASE("five hundred candidates become sixteen, and the reflexive one is among them", "[reflex][D-50]") {
  std::vector<std::string> many;
  for (int i = 0; i < 500; ++i)
    many.push_back("10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1) + ":5000");
  const auto out = dial(many, "9.9.9.9:5000");
  REQUIRE(out.size() == kMaxCandidates);
  CHECK(out.back() == addr("9.9.9.9:5000"));
  CHECK(out.front() == addr("10.0.0.1:5000"));
}

TEST_CASE("each address is dialled once, hosts before the reflexive one", "[reflex]") {
  CHECK(dial({"10.0.0.7:5000", "[2a00::7]:5000", "10.0.0.7:5000", "9.9.9.9:5000"}, "9.9.9.9:5000") ==
        std::vector{addr("[2a00::7]:5000"), addr("10.0.0.7:5000"), addr("9.9.9.9:5000")});
}

TEST_CASE("families without a socket are left out", "[reflex]") {
  auto here = around();
  here.v6 = false;
  const std::vector<std::string> local{"[2a00::7]:5000", "10.0.0.7:5000"};
  CHECK(dial_candidates(local, std::nullopt, here) == std::vector{addr("10.0.0.7:5000")});
  here.v6 = true;
  here.v4 = false;
  CHECK(dial_candidates(local, std::nullopt, here) == std::vector{addr("[2a00::7]:5000")});
}
