#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "admission.hpp"
#include "cid.hpp"
#include "datagram_queue.hpp"
#include "message_queue.hpp"
#include "routes.hpp"
#include "send_batch.hpp"
#include "timer_heap.hpp"
#include "wzp/quic/credentials.hpp"

using namespace wzp;
using namespace wzp::quic;
using namespace std::chrono_literals;

namespace {

Instant at(Duration d) { return Instant{d}; }
std::string text(const DatagramQueue::Item& item) { return std::string{text_of({item.block->bytes, item.size})}; }

}  // namespace

TEST_CASE("the timer heap yields deadlines in order, whatever is moved and removed", "[quic]") {
  std::mt19937 random{7};
  TimerHeap heap;
  std::vector<TimerHeap::Entry> entries(200);
  for (std::size_t i = 0; i < entries.size(); ++i) entries[i].owner = reinterpret_cast<Connection*>(i + 1);
  for (int round = 0; round < 2000; ++round) {
    auto& entry = entries[random() % entries.size()];
    if (random() % 4 == 0) {
      heap.remove(entry);
    } else {
      heap.set(entry, at(Duration{random() % 1000}));
    }
    std::optional<Instant> least;
    for (const auto& e : entries) {
      if (e.place != TimerHeap::Entry::kNowhere) least = earliest(least, e.due);
    }
    REQUIRE(heap.next() == least);
  }
  Instant before{};
  CHECK(heap.pop(at(-1ns)) == nullptr);
  while (const auto next = heap.next()) {
    CHECK(*next >= before);
    before = *next;
    CHECK(heap.pop(at(-1ns)) == nullptr);
    CHECK(heap.pop(*next) != nullptr);
  }
}

TEST_CASE("a datagram queue drops the oldest, by number and by age", "[quic]") {
  BlockPool pool;
  DatagramQueue queue{pool, 3};
  CHECK(queue.empty());
  queue.push(bytes_of("a"), bytes_of("1"), 0, at(1ms));
  queue.push(bytes_of("a"), bytes_of("2"), 0, at(2ms));
  queue.push({}, bytes_of("3"), 5, at(3ms));
  CHECK(queue.dropped() == 0);
  queue.push(bytes_of("4"), {}, 0, at(4ms));
  CHECK(queue.dropped() == 1);
  CHECK(text(queue.front()) == "a2");
  queue.drop_before(at(3ms));
  CHECK(queue.dropped() == 2);
  CHECK(text(queue.front()) == "3");
  CHECK(queue.front().tag == 5);
  queue.pop();
  CHECK(text(queue.front()) == "4");
  queue.pop();
  CHECK(queue.empty());
}

TEST_CASE("messages are numbered as streams of their side", "[quic]") {
  MessageQueue client{false};
  MessageQueue server{true};
  CHECK(client.push(bytes_of("a"), false) == 0);
  CHECK(client.push(bytes_of("b"), false) == 4);
  CHECK(client.push(bytes_of("c"), true) == 2);
  CHECK(server.push(bytes_of("a"), false) == 1);
  CHECK(server.push(bytes_of("b"), true) == 3);
  CHECK(server.push(bytes_of("c"), true) == 7);
  CHECK(client.bytes() == 3);
  client.remove(4);
  client.remove(4);
  CHECK(client.bytes() == 2);
  CHECK(client.size() == 2);
  CHECK(client.find(4) == nullptr);
  REQUIRE(client.find(2));
  CHECK(client.find(2)->uni());
}

TEST_CASE("routes find connections by ids of every size", "[quic]") {
  Routes routes;
  auto* one = reinterpret_cast<Connection*>(1);
  auto* two = reinterpret_cast<Connection*>(2);
  const auto ours = make_cid(0x1234);
  CHECK(worker_of(view(ours)) == 0x1234);
  const auto theirs = random_cid(20);
  routes.set(ours, {.live = one, .closing = nullptr});
  routes.set(theirs, {.live = two, .closing = nullptr});
  CHECK(routes.find(view(ours)).live == one);
  CHECK(routes.find(view(theirs)).live == two);
  CHECK_FALSE(routes.find(view(theirs).first(19)));
  CHECK_FALSE(routes.find({}));
  routes.remove(ours);
  routes.remove(theirs);
  CHECK_FALSE(routes.find(view(ours)));
  CHECK_FALSE(routes.find(view(theirs)));
}

TEST_CASE("admission asks for proof under load, and refuses at its bounds", "[quic]") {
  using Verdict = Admission::Verdict;
  const auto ip = IpAddress::v4(192, 0, 2, 1);
  const auto other = IpAddress::v4(192, 0, 2, 2);
  Admission admission{{.connections = 100, .per_ip = 4, .retry_threshold = 3}};
  CHECK(admission.judge(ip, false, 0) == Verdict::Accept);
  admission.started(ip);
  admission.started(ip);
  CHECK(admission.judge(ip, false, 2) == Verdict::Retry);  // half of its share is unproved
  CHECK(admission.judge(ip, true, 2) == Verdict::Accept);
  CHECK(admission.judge(other, false, 2) == Verdict::Accept);
  admission.started(ip);
  CHECK(admission.judge(other, false, 3) == Verdict::Retry);  // everybody's threshold
  admission.started(ip);
  CHECK(admission.judge(ip, true, 4) == Verdict::Refuse);
  CHECK(admission.judge(other, true, 100) == Verdict::Refuse);
  admission.completed(ip);
  CHECK(admission.half_open() == 3);
  admission.ended(ip, false);
  admission.ended(ip, true);
  CHECK(admission.half_open() == 2);
  CHECK(admission.judge(ip, true, 2) == Verdict::Accept);
}

TEST_CASE("the addresses of one IPv6 network share a place", "[quic]") {
  Admission admission{{.connections = 100, .per_ip = 1, .retry_threshold = 100}};
  admission.started(*IpAddress::parse("2001:db8::1"));
  CHECK(admission.judge(*IpAddress::parse("2001:db8::2"), true, 1) == Admission::Verdict::Refuse);
  CHECK(admission.judge(*IpAddress::parse("2001:db8:0:1::2"), true, 1) == Admission::Verdict::Accept);
}

TEST_CASE("a send batch makes trains of equal neighbours", "[quic]") {
  auto to = std::move(*net::UdpSocket::open({IpAddress::v4(127, 0, 0, 1), 0}));
  auto from = std::move(*net::UdpSocket::open({IpAddress::v4(127, 0, 0, 1), 0}));
  SendBatch batch{from};
  const Path path{{}, to.local()};
  std::size_t total = 0;
  for (const std::size_t size : {100UL, 100UL, 100UL, 60UL, 100UL, 200UL, 200UL}) {
    std::fill_n(batch.space(), size, static_cast<std::uint8_t>(size));
    batch.commit(size, path, 0);
    ++total;
  }
  // 100 100 100 60 | 100 | 200 200: a shorter one ends its train, a longer one begins another.
  CHECK(batch.trains == 3);
  CHECK(batch.packets == total);
  batch.send();
  std::vector<std::size_t> sizes;
  for (int i = 0; i < 100 && sizes.size() < total; ++i) {
    for (const auto& d : to.receive()) {
      sizes.push_back(d.bytes.size());
      CHECK(std::all_of(d.bytes.begin(), d.bytes.end(), [&](auto b) { return b == d.bytes.size(); }));
    }
  }
  CHECK(sizes == std::vector<std::size_t>{100, 100, 100, 60, 100, 200, 200});
}

TEST_CASE("fresh credentials are all different", "[quic]") {
  const auto a = fresh_credentials();
  const auto b = fresh_credentials();
  REQUIRE(a);
  REQUIRE(b);
  CHECK(a->certificate.size() > 200);
  CHECK(fingerprint_of(a->certificate) != fingerprint_of(b->certificate));
}
