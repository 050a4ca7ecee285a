#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "support/sim_clock.hpp"
#include "support/sim_net.hpp"

using namespace wzp;
using namespace wzp::sim;
using namespace std::chrono_literals;

namespace {

/// Two hosts that note what reaches them.
struct Net {
  SimQueue queue;
  SimNet net{queue, Random{7}};
  std::vector<Packet> got;

  SocketAddress open(HostId host, std::uint16_t port = 0) {
    return net.bind(host, port, [this](const Packet& packet) { got.push_back(packet); });
  }
  void send(HostId from, const SocketAddress& own, const SocketAddress& to, std::size_t size = 100) {
    net.send(from, own.port, to, std::make_shared<Payload>(size));
    queue.run_for(1s);
  }
  /// Without waiting.
  void post(HostId from, const SocketAddress& own, const SocketAddress& to, std::size_t size) {
    net.send(from, own.port, to, std::make_shared<Payload>(size));
  }
};

const auto kA = IpAddress::v4(45, 0, 0, 1);
const auto kB = IpAddress::v4(45, 0, 0, 2);
const auto kC = IpAddress::v4(45, 0, 0, 3);

}  // namespace

TEST_CASE("things happen in the order of their times, and those of one time in the order of planning", "[sim]") {
  SimQueue queue;
  std::vector<int> order;
  queue.after(2s, [&] { order.push_back(3); });
  queue.after(1s, [&] {
    order.push_back(1);
    queue.after(0s, [&] { order.push_back(2); });
  });
  queue.after(2s, [&] { order.push_back(4); });
  queue.run_for(1s);
  CHECK(order == std::vector{1, 2});
  queue.run_for(1s);
  CHECK(order == std::vector{1, 2, 3, 4});
}

TEST_CASE("an alarm rings once, at the time that was set last", "[sim]") {
  SimQueue queue;
  std::vector<Duration> rang;
  const auto began = queue.now();
  Alarm alarm{queue, [&] { rang.push_back(queue.now() - began); }};
  alarm.set(began + 1s);
  alarm.set(began + 3s);
  queue.run_for(2s);
  CHECK(rang.empty());
  alarm.set(began + 2500ms);
  queue.run_for(5s);
  CHECK(rang == std::vector<Duration>{2500ms});
  alarm.set(queue.now() + 1s);
  alarm.set(std::nullopt);
  queue.run_for(5s);
  CHECK(rang.size() == 1);
}

TEST_CASE("a filter lets in whom it must and nobody else", "[sim]") {
  Net n;
  const auto [type, other_port, other_host] = GENERATE(table<NatType, bool, bool>({
      {kFullCone, true, true},
      {kRestrictedCone, true, false},
      {kPortRestrictedCone, false, false},
      {kSymmetric, false, false},
  }));
  const auto inside = n.net.add_host(n.net.add_site(kA, type));
  const auto b = n.net.add_host(n.net.add_site(kB));
  const auto c = n.net.add_host(n.net.add_site(kC));
  const auto own = n.open(inside);
  const auto b1 = n.open(b);
  const auto b2 = n.open(b);
  const auto c1 = n.open(c);
  n.send(inside, own, b1);
  REQUIRE(n.got.size() == 1);
  const auto mapped = n.got.front().from;
  CHECK(mapped.ip == kA);
  n.send(b, b1, mapped);
  CHECK(n.got.size() == 2);
  CHECK(n.got.back().to == own);
  n.send(b, b2, mapped);
  CHECK((n.got.size() == 3) == other_port);
  const auto before = n.got.size();
  n.send(c, c1, mapped);
  CHECK((n.got.size() == before + 1) == other_host);
}

TEST_CASE("a symmetric NAT shows every remote another port, others the same", "[sim]") {
  Net n;
  const auto type = GENERATE(kPortRestrictedCone, kSymmetric);
  const auto inside = n.net.add_host(n.net.add_site(kA, type));
  const auto b = n.net.add_host(n.net.add_site(kB));
  const auto own = n.open(inside);
  n.send(inside, own, n.open(b));
  n.send(inside, own, n.open(b));
  REQUIRE(n.got.size() == 2);
  CHECK((n.got[0].from == n.got[1].from) == (type == kPortRestrictedCone));
}

TEST_CASE("a mapping dies of silence and of a restart", "[sim]") {
  Net n;
  const auto site = n.net.add_site(kA, kFullCone);
  const auto inside = n.net.add_host(site);
  const auto b = n.net.add_host(n.net.add_site(kB));
  const auto own = n.open(inside);
  const auto there = n.open(b);
  n.send(inside, own, there);
  const auto mapped = n.got.back().from;
  SECTION("silence, even if others speak") {
    for (int i = 0; i < 7; ++i) {
      n.queue.run_for(8s);
      n.send(b, there, mapped);
    }
    n.got.clear();
    n.send(b, there, mapped);
    CHECK(n.got.empty());
  }
  SECTION("restart") {
    n.net.rebind_nat(site);
    n.got.clear();
    n.send(b, there, mapped);
    CHECK(n.got.empty());
    n.send(inside, own, there);
    REQUIRE(n.got.size() == 1);
    CHECK(n.got.front().from != mapped);
  }
}

TEST_CASE("neighbours reach each other by private addresses and not by their public one", "[sim][H-07]") {
  Net n;
  const auto site = n.net.add_site(kA, kFullCone);
  const auto one = n.net.add_host(site);
  const auto two = n.net.add_host(site);
  const auto b = n.net.add_host(n.net.add_site(kB));
  const auto own = n.open(one);
  const auto other = n.open(two);
  n.send(two, other, n.open(b));
  const auto mapped = n.got.back().from;
  n.got.clear();
  n.send(one, own, mapped);
  CHECK(n.got.empty());
  n.send(one, own, other);
  CHECK(n.got.size() == 1);
  n.send(b, {kB, 1}, other);  // private addresses are not routed
  CHECK(n.got.size() == 1);
}

TEST_CASE("cuts and isolation stop packets, healing lets them pass", "[sim]") {
  Net n;
  const auto site_a = n.net.add_site(kA);
  const auto site_b = n.net.add_site(kB);
  const auto a = n.net.add_host(site_a);
  const auto b = n.net.add_host(site_b);
  const auto from = n.open(a);
  const auto to = n.open(b);
  n.net.cut(site_b, site_a, true);
  n.send(a, from, to);
  CHECK(n.got.empty());
  n.net.heal();
  n.net.isolate(site_b, true);
  n.send(a, from, to);
  CHECK(n.got.empty());
  n.net.isolate(site_b, false);
  n.send(a, from, to);
  CHECK(n.got.size() == 1);
}

TEST_CASE("a line loses, doubles, delays and reorders as it was told", "[sim]") {
  Net n;
  LinkQuality q{.delay = 30ms, .jitter = 10ms};
  const auto site = n.net.add_site(kA);
  const auto a = n.net.add_host(site);
  const auto b = n.net.add_host(n.net.add_site(kB));
  const auto from = n.open(a);
  std::vector<std::size_t> sizes;
  std::vector<Duration> times;
  const auto to = n.net.bind(b, 0, [&](const Packet& packet) {
    sizes.push_back(packet.payload->size);
    times.push_back(n.queue.now().time_since_epoch());
  });
  const auto burst = [&](const LinkQuality& quality) {
    n.net.set_quality(site, quality);
    sizes.clear();
    times.clear();
    for (std::size_t i = 0; i < 1000; ++i) n.queue.after(i * 1ms, [&, i] { n.post(a, from, to, i); });
    n.queue.run_for(5s);
  };
  const auto in_order = [&] { return std::is_sorted(sizes.begin(), sizes.end()); };
  SECTION("nothing special") {
    burst(q);
    CHECK(sizes.size() == 1000);
    CHECK(in_order());
  }
  SECTION("loss") {
    q.loss = 0.2;
    burst(q);
    CHECK(sizes.size() > 700);
    CHECK(sizes.size() < 900);
  }
  SECTION("duplicates") {
    q.duplicate = 0.1;
    burst(q);
    CHECK(sizes.size() > 1050);
    CHECK(sizes.size() < 1150);
  }
  SECTION("reordering") {
    q.reorder = 0.3;
    burst(q);
    CHECK(sizes.size() == 1000);
    CHECK_FALSE(in_order());
  }
  SECTION("rate, and a queue that is full") {
    q = {.delay = 0ms, .rate = 10'000, .queue = 5'000};
    burst(q);  // 500 kB in a second on a line for 10 kB
    CHECK(sizes.size() > 20);
    CHECK(sizes.size() < 300);
  }
}
