#include "wzp/net/udp_socket.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <poll.h>

#include <chrono>
#include <string>
#include <vector>

#include "wzp/net/clock.hpp"
#include "wzp/net/interfaces.hpp"
#include "wzp/net/sockaddr.hpp"

using namespace wzp;
using namespace wzp::net;
using namespace std::chrono_literals;

namespace {

SocketAddress loopback(std::uint16_t port = 0) { return {IpAddress::v4(127, 0, 0, 1), port}; }

UdpSocket open(const SocketAddress& bind, const UdpOptions& options = {}) {
  auto socket = UdpSocket::open(bind, options);
  REQUIRE(socket);
  return std::move(*socket);
}

struct Received {
  SocketAddress remote;
  SocketAddress local;
  std::uint8_t ecn;
  std::string text;
};

/// Everything that comes, until there are `count` or a second has passed.
std::vector<Received> collect(UdpSocket& socket, std::size_t count) {
  std::vector<Received> out;
  const auto end = now() + 1s;
  while (out.size() < count && now() < end) {
    pollfd waiting{.fd = socket.fd(), .events = POLLIN, .revents = 0};
    ::poll(&waiting, 1, 50);
    for (const auto& d : socket.receive()) {
      out.push_back({d.remote, d.local, d.ecn, std::string{text_of(d.bytes)}});
    }
  }
  return out;
}

}  // namespace

TEST_CASE("a datagram arrives with both addresses", "[net]") {
  auto a = open(loopback());
  auto b = open(loopback());
  const Train train{.remote = b.local(), .bytes = bytes_of("hello")};
  a.send({&train, 1});
  const auto got = collect(b, 1);
  REQUIRE(got.size() == 1);
  CHECK(got[0].remote == a.local());
  CHECK(got[0].local == b.local());
  CHECK(got[0].text == "hello");
  CHECK(a.counters().sent == 1);
  CHECK(a.counters().sent_bytes == 5);
  CHECK(b.counters().received == 1);
}

TEST_CASE("a train arrives as its pieces, with and without the kernel's help", "[net]") {
  const bool sender_offload = GENERATE(true, false);
  const bool receiver_offload = GENERATE(true, false);
  auto a = open(loopback(), {.offload = sender_offload});
  auto b = open(loopback(), {.offload = receiver_offload});
  std::string text;
  for (int i = 0; i < 64; ++i) text += std::string(i == 63 ? 7 : 100, static_cast<char>('0' + i));
  const Train train{.remote = b.local(), .segment = 100, .bytes = bytes_of(text)};
  a.send({&train, 1});
  const auto got = collect(b, 64);
  REQUIRE(got.size() == 64);
  for (std::size_t i = 0; i < 64; ++i) {
    CHECK(got[i].text == std::string(i == 63 ? 7U : 100U, static_cast<char>('0' + i)));
  }
  CHECK(a.counters().sent == 64);
  CHECK(b.counters().received == 64);
}

TEST_CASE("more trains than one system call takes are all sent", "[net]") {
  auto a = open(loopback());
  auto b = open(loopback());
  std::vector<Train> trains(150, Train{.remote = b.local(), .bytes = bytes_of("x")});
  a.send(trains);
  CHECK(collect(b, 150).size() == 150);
  CHECK(a.counters().sent == 150);
}

TEST_CASE("a socket bound to all addresses knows where a datagram went, and answers from there", "[net]") {
  auto server = open({IpAddress::v4(0, 0, 0, 0), 0});
  auto client = open(loopback());
  const SocketAddress other{IpAddress::v4(127, 0, 0, 77), server.local().port};
  const Train question{.remote = other, .bytes = bytes_of("?")};
  client.send({&question, 1});
  const auto asked = collect(server, 1);
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].local == other);
  const Train answer{.remote = asked[0].remote, .local = asked[0].local, .bytes = bytes_of("!")};
  server.send({&answer, 1});
  const auto answered = collect(client, 1);
  REQUIRE(answered.size() == 1);
  CHECK(answered[0].remote == other);
}

TEST_CASE("a dual-stack socket serves both families with plain addresses", "[net][H-22]") {
  auto server = open({*IpAddress::parse("::"), 0}, {.v6_only = false});
  auto four = open(loopback());
  auto six = open({*IpAddress::parse("::1"), 0});
  const auto port = server.local().port;
  const Train a{.remote = loopback(port), .ecn = 2, .bytes = bytes_of("four")};
  const Train b{.remote = {*IpAddress::parse("::1"), port}, .ecn = 1, .bytes = bytes_of("six")};
  four.send({&a, 1});
  six.send({&b, 1});
  const auto got = collect(server, 2);
  REQUIRE(got.size() == 2);
  for (const auto& g : got) {
    CHECK(g.remote == (g.text == "four" ? four.local() : six.local()));
    CHECK(g.local == (g.text == "four" ? a.remote : b.remote));
    CHECK(g.ecn == (g.text == "four" ? 2 : 1));
    const Train back{.remote = g.remote, .local = g.local, .ecn = 1, .bytes = bytes_of("back")};
    server.send({&back, 1});
  }
  CHECK(collect(four, 1).size() == 1);
  CHECK(collect(six, 1).size() == 1);
}

TEST_CASE("what a peer or a path does is counted and never fatal", "[net]") {
  auto a = open(loopback());
  auto b = open(loopback());
  const auto gone = open(loopback()).local();  // closed again: answers with ICMP
  const std::string huge(65'508, 'x');
  const std::vector<Train> trains{
      {.remote = gone, .bytes = bytes_of("nobody")},
      {.remote = {*IpAddress::parse("2001:db8::1"), 9}, .bytes = bytes_of("wrong family")},
      {.remote = {IpAddress::v4(127, 0, 0, 1), 0}, .bytes = bytes_of("no port")},
      {.remote = b.local(), .bytes = bytes_of("after")},
  };
  for (int i = 0; i < 3; ++i) a.send(trains);
  CHECK(a.receive().empty());
  CHECK(collect(b, 3).size() == 3);
  CHECK(a.counters().send_errors >= 3);
  CHECK(a.counters().sent >= 3);
}

TEST_CASE("an address that is taken is an error that names it", "[net]") {
  const auto a = open(loopback());
  const auto b = UdpSocket::open(a.local());
  REQUIRE_FALSE(b);
  CHECK(b.error().code == Errc::Io);
  CHECK(b.error().where.find(to_string(a.local())) != std::string::npos);
  const auto c = open(loopback(), {.reuse_port = true});
  CHECK(UdpSocket::open(c.local(), {.reuse_port = true}));
}

TEST_CASE("addresses survive the form of the system", "[net]") {
  for (const char* text : {"192.0.2.1:4433", "[2001:db8::1]:1", "0.0.0.0:65535", "[::]:0"}) {
    const auto address = *SocketAddress::parse(text);
    Sockaddr raw;
    to_sockaddr(address, false, raw);
    CHECK(raw.any.sa_family == (address.ip.is_v4() ? AF_INET : AF_INET6));
    CHECK(from_sockaddr(raw) == address);
    CHECK(to_sockaddr(address, true, raw) == sizeof(sockaddr_in6));
    CHECK(from_sockaddr(raw) == address);
  }
}

TEST_CASE("the machine has a loopback interface, and loopback is reached from it", "[net]") {
  const auto all = interface_addresses();
  CHECK(std::find(all.begin(), all.end(), IpAddress::v4(127, 0, 0, 1)) != all.end());
  CHECK(source_address(loopback(9)) == IpAddress::v4(127, 0, 0, 1));
}
