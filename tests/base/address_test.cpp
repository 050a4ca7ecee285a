#include "wzp/base/address.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <tuple>

using wzp::IpAddress;
using wzp::SocketAddress;

TEST_CASE("a socket address is read strictly and printed canonically", "[base]") {
  const auto [text, canonical] = GENERATE(table<std::string, std::string>({
      {"192.0.2.7:4433", "192.0.2.7:4433"},
      {"0.0.0.0:0", "0.0.0.0:0"},
      {"255.255.255.255:65535", "255.255.255.255:65535"},
      {"[::1]:1", "[::1]:1"},
      {"[2001:DB8:0:0:1:0:0:1]:443", "[2001:db8::1:0:0:1]:443"},
      {"[2001:db8:0:1:1:1:1:1]:443", "[2001:db8:0:1:1:1:1:1]:443"},
      {"[fe80::]:9", "[fe80::]:9"},
      {"[::]:9", "[::]:9"},
      {"[::ffff:192.0.2.7]:80", "192.0.2.7:80"},
      {"[64:ff9b::192.0.2.33]:80", "[64:ff9b::c000:221]:80"},
  }));
  const auto address = SocketAddress::parse(text);
  REQUIRE(address);
  CHECK(to_string(*address) == canonical);
  CHECK(SocketAddress::parse(canonical) == address);
}

TEST_CASE("text that is no socket address is refused", "[base]") {
  const auto text = GENERATE(as<std::string>{}, "", ":", "1.2.3.4", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:-1",
                             "1.2.3:5", "1.2.3.4.5:6", "01.2.3.4:5", "256.2.3.4:5", "1.2.3.4:000001", "host:5", "::1:5",
                             "[::1]", "[1.2.3.4]:5", "[1:2]:3", "[::1::]:3", "[1:2:3:4:5:6:7:8:9]:1", "[12345::]:1",
                             "[::1%eth0]:5", "[:1:2:3:4:5:6:7:8]:1", "[1:2:3:4:5:6:7:]:1", "1.2.3.4 :5", " 1.2.3.4:5");
  INFO(text);
  CHECK_FALSE(SocketAddress::parse(text));
}

TEST_CASE("addresses know what they are", "[base]") {
  const auto ip = [](const char* text) { return *IpAddress::parse(text); };
  CHECK(ip("127.9.9.9").is_loopback());
  CHECK(ip("::1").is_loopback());
  CHECK_FALSE(ip("::2").is_loopback());
  CHECK(ip("10.1.2.3").is_private());
  CHECK(ip("172.31.0.1").is_private());
  CHECK_FALSE(ip("172.32.0.1").is_private());
  CHECK(ip("192.168.1.1").is_private());
  CHECK(ip("fd00::1").is_private());
  CHECK(ip("100.64.0.1").is_shared());
  CHECK_FALSE(ip("100.128.0.1").is_shared());
  CHECK(ip("169.254.3.4").is_link_local());
  CHECK(ip("fe80::1").is_link_local());
  CHECK(ip("0.0.0.0").is_unspecified());
  CHECK(ip("::").is_unspecified());
  CHECK(ip("224.0.0.1").is_multicast_or_broadcast());
  CHECK(ip("255.255.255.255").is_multicast_or_broadcast());
  CHECK(ip("ff02::1").is_multicast_or_broadcast());
  CHECK(ip("203.0.113.5").is_documentation());
  CHECK(ip("2001:db8::5").is_documentation());
  CHECK_FALSE(ip("8.8.8.8").is_documentation());
}

TEST_CASE("an IPv6 host has its whole /64, an IPv4 address stands for itself", "[base]") {
  const auto place = [](const char* text) { return IpAddress::parse(text)->place(); };
  CHECK(place("192.0.2.7") == *IpAddress::parse("192.0.2.7"));
  CHECK(place("192.0.2.7") != place("192.0.2.8"));
  CHECK(place("2001:db8:1:2:3:4:5:6") == *IpAddress::parse("2001:db8:1:2::"));
  CHECK(place("2001:db8:1:2::1") != place("2001:db8:1:3::1"));
}
