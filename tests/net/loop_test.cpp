#include "wzp/net/loop.hpp"

#include <catch2/catch_test_macros.hpp>

#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <thread>
#include <vector>

#include "wzp/net/clock.hpp"
#include "wzp/net/mailbox.hpp"
#include "wzp/net/random.hpp"
#include "wzp/net/resolver.hpp"
#include "wzp/net/worker.hpp"

using namespace wzp;
using namespace wzp::net;
using namespace std::chrono_literals;

namespace {

std::unique_ptr<Loop> make_loop() {
  auto loop = Loop::create();
  REQUIRE(loop);
  return std::move(*loop);
}

}  // namespace

TEST_CASE("a driver ticks at its deadline, not before", "[net][timeout]") {
  auto loop = make_loop();
  const auto start = now();
  std::optional<Instant> due = start + 30ms;
  Instant ticked{};
  int finishes = 0;
  loop->add({.deadline = [&] { return due; },
             .tick =
                 [&](Instant at) {
                   ticked = at;
                   due.reset();
                   loop->stop();
                 },
             .finish = [&](Instant) { ++finishes; }});
  loop->run();
  CHECK(ticked >= start + 30ms);
  CHECK(ticked < start + 2s);
  CHECK(finishes >= 1);
  CHECK(loop->now() >= ticked);
}

TEST_CASE("a delayed function runs once, and not at all when removed", "[net][timeout]") {
  auto loop = make_loop();
  int ran = 0;
  loop->after(5ms, [&](Instant) { ++ran; });
  const auto removed = loop->after(5ms, [&](Instant) { ran += 100; });
  loop->after(20ms, [&](Instant) { loop->stop(); });
  loop->remove(removed);
  loop->run();
  CHECK(ran == 1);
}

TEST_CASE("sources may remove themselves and each other while they run", "[net]") {
  auto loop = make_loop();
  const int a = ::eventfd(1, EFD_NONBLOCK);
  const int b = ::eventfd(1, EFD_NONBLOCK);
  int calls = 0;
  const auto once = [&](Instant) {
    ++calls;
    loop->unwatch(a);
    loop->unwatch(b);
  };
  REQUIRE(loop->watch(a, once));
  REQUIRE(loop->watch(b, once));
  Loop::Id second = 0;
  int ticks = 0;
  const auto due = [] { return std::optional{Instant{}}; };
  const auto first = loop->add({.deadline = due,
                                .tick =
                                    [&](Instant) {
                                      ++ticks;
                                      loop->remove(second);
                                    },
                                .finish = {}});
  second = loop->add({.deadline = due, .tick = [&](Instant) { ticks += 100; }, .finish = {}});
  loop->turn(0ms);
  loop->remove(first);
  loop->turn(0ms);
  CHECK(calls == 1);
  CHECK(ticks == 1);
  ::close(a);
  ::close(b);
}

TEST_CASE("a full socket is written once it has room, and not again unasked", "[net]") {
  auto loop = make_loop();
  int pair[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
  int readable = 0;
  int writable = 0;
  REQUIRE(loop->watch(pair[0], [&](Instant) { ++readable; }));
  const std::vector<char> block(4096);
  while (::write(pair[0], block.data(), block.size()) > 0) {
  }
  loop->await_writable(pair[0], [&](Instant) { writable += 100; });
  loop->await_writable(pair[0], [&](Instant) { ++writable; });  // instead of the first
  loop->turn(0ms);
  CHECK(writable == 0);
  std::vector<char> sink(1 << 20);
  while (::read(pair[1], sink.data(), sink.size()) > 0) {
  }
  loop->turn(1s);
  CHECK(writable == 1);
  loop->turn(0ms);
  CHECK(writable == 1);
  CHECK(readable == 0);
  SECTION("the end of the peer is something to read") {
    ::close(pair[1]);
    pair[1] = -1;
    loop->await_writable(pair[0], [&](Instant) { loop->unwatch(pair[0]); });
    loop->turn(1s);
    CHECK(readable == 1);
    loop->turn(0ms);
    CHECK(readable == 1);  // unwatched
  }
  loop->unwatch(pair[0]);
  loop->await_writable(pair[0], [&](Instant) { writable += 100; });  // nobody watches it: nothing happens
  loop->turn(0ms);
  CHECK(writable <= 1);
  for (const int fd : pair) {
    if (fd >= 0) ::close(fd);
  }
}

TEST_CASE("functions are posted from other threads, and the mailbox is bounded", "[net]") {
  auto loop = make_loop();
  std::vector<int> order;
  std::thread other{[&] {
    for (int i = 0; i < 300; ++i) loop->post([&order, i] { order.push_back(i); });
    loop->post([&] { loop->stop(); });
  }};
  loop->run();
  other.join();
  REQUIRE(order.size() == 300);
  CHECK(std::is_sorted(order.begin(), order.end()));

  std::size_t taken = 0;
  while (loop->post([] {})) ++taken;
  CHECK(taken == 4096);
}

TEST_CASE("a full mailbox refuses and counts, and what is left wakes the reader again", "[net]") {
  Mailbox<int> box{3};
  CHECK(box.push(1));
  CHECK(box.push(2));
  CHECK(box.push(3));
  CHECK_FALSE(box.push(4));
  CHECK(box.dropped() == 1);
  auto loop = make_loop();
  std::vector<int> got;
  REQUIRE(loop->watch(box.fd(), [&](Instant) { box.drain([&](int v) { got.push_back(v); }, 2); }));
  loop->turn(0ms);
  CHECK(got == std::vector{1, 2});
  loop->turn(0ms);
  CHECK(got == std::vector{1, 2, 3});
  loop->turn(0ms);
  CHECK(got.size() == 3);
  CHECK(box.push(5));
  loop->turn(0ms);
  CHECK(got.back() == 5);
  loop->unwatch(box.fd());
}

TEST_CASE("signals come through the loop", "[net]") {
  auto loop = make_loop();
  int seen = 0;
  REQUIRE(loop->on_signals({SIGUSR1}, [&](int s) {
    seen = s;
    loop->stop();
  }));
  ::kill(::getpid(), SIGUSR1);
  loop->run();
  CHECK(seen == SIGUSR1);
}

TEST_CASE("a worker runs its loop on a named thread until it is stopped", "[net]") {
  std::string name;
  bool finished = false;
  auto worker = Worker::start("a-name-of-more-than-15", [&](Loop& loop) {
    char buffer[16] = {};
    ::pthread_getname_np(::pthread_self(), buffer, sizeof buffer);
    name = buffer;
    loop.run();
    finished = true;
  });
  REQUIRE(worker);
  Mailbox<int> answer{1};
  CHECK((*worker)->loop().post([&] { answer.push(7); }));
  auto loop = make_loop();
  int got = 0;
  REQUIRE(loop->watch(answer.fd(), [&](Instant) { answer.drain([&](int v) { got = v; }); }));
  while (got == 0) loop->turn(1s);
  (*worker)->stop();
  CHECK(got == 7);
  CHECK(name == "a-name-of-more-");
  CHECK(finished);
}

TEST_CASE("a stop that comes before the run is not lost on a worker", "[net]") {
  for (int i = 0; i < 50; ++i) {
    auto worker = Worker::start("short", [](Loop& loop) { loop.run(); });
    REQUIRE(worker);
    (*worker)->stop();
  }
  SUCCEED("every thread has ended");
}

TEST_CASE("hosts and ports are parsed strictly", "[net]") {
  const auto parse = [](const char* text) { return HostPort::parse(text, 4433); };
  CHECK(*parse("relay.example") == HostPort{"relay.example", 4433});
  CHECK(*parse("relay.example:1") == HostPort{"relay.example", 1});
  CHECK(*parse("192.0.2.1:65535") == HostPort{"192.0.2.1", 65535});
  CHECK(*parse("[2001:db8::1]:80") == HostPort{"2001:db8::1", 80});
  CHECK(*parse("[::1]") == HostPort{"::1", 4433});
  CHECK(*parse("2001:db8::1") == HostPort{"2001:db8::1", 4433});
  CHECK(to_string(*parse("[::1]")) == "[::1]:4433");
  CHECK(to_string(*parse("a.b")) == "a.b:4433");
  for (const char* bad : {"", ":1", "a:", "a:0", "a:65536", "a:1x", "a:-1", "[::1", "[::1]80", "[]:1"}) {
    INFO(bad);
    CHECK(parse(bad).error().code == Errc::BadValue);
  }
}

TEST_CASE("names are resolved on the resolver's thread", "[net][V-55]") {
  CHECK(*resolve({"127.0.0.1", 9}) == std::vector{SocketAddress{IpAddress::v4(127, 0, 0, 1), 9}});
  auto loop = make_loop();
  Resolver resolver{*loop};
  std::optional<Result<std::vector<SocketAddress>>> good;
  std::optional<Result<std::vector<SocketAddress>>> bad;
  CHECK(resolver.resolve({"localhost", 4433}, [&](auto answer) { good = std::move(answer); }));
  CHECK(resolver.resolve({"no such name.invalid", 1}, [&](auto answer) {
    bad = std::move(answer);
    loop->stop();
  }));
  CHECK_FALSE(good);
  loop->run();
  REQUIRE(good);
  REQUIRE(*good);
  for (const auto& a : **good) {
    CHECK(a.ip.is_loopback());
    CHECK(a.port == 4433);
  }
  REQUIRE(bad);
  CHECK_FALSE(*bad);
}

TEST_CASE("a resolver that goes forgets its questions", "[net]") {
  auto loop = make_loop();
  int answers = 0;
  {
    Resolver resolver{*loop};
    for (int i = 0; i < 10; ++i) resolver.resolve({"localhost", 1}, [&](auto) { ++answers; });
  }
  loop->after(50ms, [&](Instant) { loop->stop(); });
  loop->run();
  CHECK(answers == 0);
}

TEST_CASE("random bytes differ, and time does not go back", "[net]") {
  CHECK(random_array<16>() != random_array<16>());
  CHECK_FALSE(random_secret<32>() == random_secret<32>());
  const auto before = now();
  CHECK(before <= now());
}
