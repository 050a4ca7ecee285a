#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "wzp/base/hex.hpp"
#include "wzp/proto/frame.hpp"

using namespace wzp;
using namespace wzp::proto;
using namespace std::chrono_literals;

namespace {

constexpr Instant kStart{};
constexpr StreamId kA{0};
constexpr StreamId kB{4};
constexpr StreamId kC{8};

Bytes frame(std::string_view json) { return encode_frame(json); }
InboxEvent message(StreamId stream, std::string json) { return InboxMessage{stream, std::move(json)}; }
InboxEvent stop(StreamId stream) { return StopStream{stream}; }
InboxEvent bad(StreamId stream, Errc code, std::string where) { return BadStream{stream, {code, std::move(where)}}; }

/// The first bytes of a frame of this length.
Bytes prefix(std::uint32_t length) {
  Bytes bytes(4);
  store_be32(bytes.data(), length);
  return bytes;
}

}  // namespace

TEST_CASE("a frame is the length in four bytes and the text", "[proto]") {
  CHECK(to_hex(frame("\"Hold\"")) == "0000000622486f6c6422");
  CHECK(frame(std::string(65'536, 'x')).size() == 65'540);
}

TEST_CASE("a whole frame with its end is one message", "[proto]") {
  SignalInbox inbox{{}};
  CHECK(inbox.receive(kA, frame("one"), true, kStart) == InboxEvents{message(kA, "one")});
  CHECK(inbox.receive(kB, frame("two"), true, kStart) == InboxEvents{message(kB, "two")});
  CHECK_FALSE(inbox.deadline());
  CHECK(inbox.buffered() == 0);
}

TEST_CASE("a frame may come in pieces of any size", "[proto]") {
  const std::size_t piece = GENERATE(1U, 2U, 3U, 4U, 5U, 7U);
  const Bytes bytes = frame("{\"Ping\":1}");
  SignalInbox inbox{{}};
  InboxEvents all;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    const auto some = ByteView{bytes}.subspan(at, std::min(piece, bytes.size() - at));
    const bool fin = at + some.size() == bytes.size();
    for (auto& event : inbox.receive(kA, some, fin, kStart)) all.push_back(event);
  }
  CHECK(all == InboxEvents{message(kA, "{\"Ping\":1}")});
}

TEST_CASE("what follows the first message of a stream is dropped and the stream is stopped", "[proto]") {
  SignalInbox inbox{{}};
  Bytes two = frame("one");
  append(two, frame("two"));
  CHECK(inbox.receive(kA, two, false, kStart) == InboxEvents{stop(kA), message(kA, "one")});
  CHECK(inbox.receive(kA, frame("three"), true, kStart).empty());
  CHECK(inbox.reset(kA, kStart).empty());
  CHECK(inbox.receive(kB, frame("four"), true, kStart) == InboxEvents{message(kB, "four")});
}

TEST_CASE("messages come in stream order even when a later stream is whole first", "[proto]") {
  SignalInbox inbox{{}};
  CHECK(inbox.receive(kC, frame("c"), true, kStart).empty());
  CHECK(inbox.receive(kB, frame("b"), true, kStart).empty());
  CHECK(inbox.buffered() == 2);
  CHECK(inbox.receive(kA, frame("a"), true, kStart) ==
        InboxEvents{message(kA, "a"), message(kB, "b"), message(kC, "c")});
}

TEST_CASE("the streams of a QUIC server are numbered from one", "[proto]") {
  SignalInbox inbox{{.first_stream = {1}}};
  CHECK(inbox.receive({5}, frame("b"), true, kStart).empty());
  CHECK(inbox.receive({1}, frame("a"), true, kStart) == InboxEvents{message({1}, "a"), message({5}, "b")});
}

TEST_CASE("streams of another kind are ignored", "[proto]") {
  SignalInbox inbox{{}};
  for (const std::uint64_t other : {1U, 2U, 3U, 5U}) {
    CHECK(inbox.receive({other}, frame("x"), true, kStart).empty());
    CHECK(inbox.opened({other}, kStart).empty());
    CHECK(inbox.reset({other}, kStart).empty());
  }
  CHECK_FALSE(inbox.deadline());
}

TEST_CASE("a half-written stream is stopped alone, and the ones behind it are delivered", "[proto][V-19]") {
  SignalInbox inbox{{}};
  CHECK(inbox.receive(kA, ByteView{frame("never ends")}.first(7), false, kStart).empty());
  CHECK(inbox.receive(kB, frame("b"), true, kStart + 1s).empty());
  REQUIRE(inbox.deadline() == kStart + 5s);
  CHECK(inbox.tick(kStart + 5s - 1ns).empty());
  CHECK(inbox.tick(kStart + 5s) == InboxEvents{stop(kA), bad(kA, Errc::Timeout, "signal stream"), message(kB, "b")});
  CHECK_FALSE(inbox.deadline());
  CHECK(inbox.receive(kA, frame("late"), true, kStart + 6s).empty());
  CHECK(inbox.receive(kC, frame("c"), true, kStart + 6s) == InboxEvents{message(kC, "c")});
  CHECK(inbox.buffered() == 0);
}

TEST_CASE("a stream that was only implied by a later one expires as well", "[proto][V-19]") {
  SignalInbox inbox{{}};
  CHECK(inbox.receive(kC, frame("c"), true, kStart).empty());
  CHECK(inbox.opened(kB, kStart + 3s).empty());  // its clock started with that of the stream above it
  CHECK(inbox.tick(kStart + 5s) == InboxEvents{stop(kA), bad(kA, Errc::Timeout, "signal stream"), stop(kB),
                                               bad(kB, Errc::Timeout, "signal stream"), message(kC, "c")});
}

TEST_CASE("each stream has its own five seconds", "[proto][V-19]") {
  SignalInbox inbox{{}};
  CHECK(inbox.opened(kA, kStart).empty());
  CHECK(inbox.opened(kB, kStart + 2s).empty());
  CHECK(inbox.tick(kStart + 6s) == InboxEvents{stop(kA), bad(kA, Errc::Timeout, "signal stream")});
  CHECK(inbox.deadline() == kStart + 7s);
  CHECK(inbox.receive(kB, frame("b"), true, kStart + 7s - 1ns) == InboxEvents{message(kB, "b")});
}

TEST_CASE("a slow message and a small one behind it are both delivered, in order", "[proto][D-40]") {
  const std::string big(65'536, 'x');
  const Bytes bytes = frame(big);
  SignalInbox inbox{{}};
  Instant now = kStart;
  const std::size_t piece = bytes.size() / 10;
  for (std::size_t i = 0; i < 9; ++i, now += 100ms) {
    CHECK(inbox.receive(kA, ByteView{bytes}.subspan(i * piece, piece), false, now).empty());
    CHECK(inbox.tick(now + 50ms).empty());
    if (i == 4) CHECK(inbox.receive(kB, frame("small"), true, now).empty());
  }
  CHECK(inbox.receive(kA, ByteView{bytes}.subspan(9 * piece), true, now) ==
        InboxEvents{message(kA, big), message(kB, "small")});
}

TEST_CASE("a stream that brings no message is told at once and harms no other", "[proto][H-01]") {
  SignalInbox inbox{{}};
  SECTION("empty frame") {
    CHECK(inbox.receive(kA, prefix(0), true, kStart) == InboxEvents{bad(kA, Errc::BadFrame, "length 0")});
  }
  SECTION("empty frame of a stream that goes on") {
    CHECK(inbox.receive(kA, prefix(0), false, kStart) == InboxEvents{stop(kA), bad(kA, Errc::BadFrame, "length 0")});
  }
  SECTION("no byte at all") {
    CHECK(inbox.receive(kA, {}, true, kStart) == InboxEvents{bad(kA, Errc::BadFrame, "ended early")});
  }
  SECTION("end inside the length") {
    CHECK(inbox.receive(kA, ByteView{prefix(5)}.first(3), true, kStart) ==
          InboxEvents{bad(kA, Errc::BadFrame, "ended early")});
  }
  SECTION("end inside the text") {
    CHECK(inbox.receive(kA, ByteView{frame("abc")}.first(6), true, kStart) ==
          InboxEvents{bad(kA, Errc::BadFrame, "ended early")});
  }
  SECTION("reset") {
    CHECK(inbox.receive(kA, ByteView{frame("abc")}.first(6), false, kStart).empty());
    CHECK(inbox.reset(kA, kStart) == InboxEvents{bad(kA, Errc::BadFrame, "reset")});
  }
  SECTION("one byte over the limit") {
    CHECK(inbox.receive(kA, prefix(65'537), false, kStart) ==
          InboxEvents{stop(kA), bad(kA, Errc::BadFrame, "length 65537")});
  }
  CHECK(inbox.buffered() == 0);
  CHECK(inbox.receive(kB, frame("next"), true, kStart) == InboxEvents{message(kB, "next")});
}

TEST_CASE("a broken stream in the middle is told at once, the order of the others stays", "[proto]") {
  SignalInbox inbox{{}};
  CHECK(inbox.receive(kB, prefix(0), true, kStart) == InboxEvents{bad(kB, Errc::BadFrame, "length 0")});
  CHECK(inbox.receive(kC, frame("c"), true, kStart).empty());
  CHECK(inbox.receive(kA, frame("a"), true, kStart) == InboxEvents{message(kA, "a"), message(kC, "c")});
}

TEST_CASE("the limit on a message is inclusive and configured", "[proto]") {
  SignalInbox inbox{{.max_message = 10}};
  CHECK(inbox.receive(kA, frame("0123456789"), true, kStart) == InboxEvents{message(kA, "0123456789")});
  CHECK(inbox.receive(kB, frame("0123456789a"), true, kStart) == InboxEvents{bad(kB, Errc::BadFrame, "length 11")});
}

TEST_CASE("streams behind an unfinished one share a bounded buffer", "[proto]") {
  SignalInbox inbox{{}};
  CHECK(inbox.opened(kA, kStart).empty());
  const std::string big(65'000, 'x');
  for (std::uint64_t i = 1; i <= 4; ++i) CHECK(inbox.receive({4 * i}, frame(big), true, kStart).empty());
  // The fifth crosses the bound and is lost; the first still has room for a whole message of its own.
  CHECK(inbox.receive({20}, frame(big), false, kStart) ==
        InboxEvents{stop({20}), bad({20}, Errc::LimitReached, "signal buffer")});
  const std::string full(65'536, 'y');
  const auto events = inbox.receive(kA, frame(full), true, kStart);
  REQUIRE(events.size() == 5);
  CHECK(events[0] == message(kA, full));
  CHECK(events[4] == message({16}, big));
  CHECK(inbox.buffered() == 0);
}

TEST_CASE("a peer that opens too many streams loses the oldest unfinished ones", "[proto]") {
  SignalInbox inbox{{.max_streams = 3}};
  CHECK(inbox.opened(kA, kStart).empty());
  CHECK(inbox.receive(kB, frame("b"), true, kStart).empty());
  CHECK(inbox.opened(kC, kStart).empty());
  CHECK(inbox.receive({12}, frame("d"), true, kStart) ==
        InboxEvents{stop(kA), bad(kA, Errc::LimitReached, "open streams"), message(kB, "b")});
  SECTION("a number far away costs nothing") {
    const StreamId far{std::uint64_t{1} << 61};
    CHECK(inbox.receive(far, frame("far"), true, kStart) ==
          InboxEvents{stop(kC), bad(kC, Errc::LimitReached, "open streams"), message({12}, "d")});
    CHECK(inbox.tick(kStart + 5s).back() == message(far, "far"));
    CHECK_FALSE(inbox.deadline());
  }
}

TEST_CASE("a hundred bad messages in a row are too many, unknown ones never", "[proto][H-01]") {
  BadMessageCounter counter;
  for (int i = 0; i < 1000; ++i) CHECK_FALSE(counter.bad(Errc::UnknownSignal));
  for (int i = 0; i < 99; ++i) CHECK_FALSE(counter.bad(Errc::BadJson));
  SECTION("the hundredth closes") { CHECK(counter.bad(Errc::BadField)); }
  SECTION("an unknown one in between changes nothing") {
    CHECK_FALSE(counter.bad(Errc::UnknownSignal));
    CHECK(counter.bad(Errc::BadJson));
  }
  SECTION("a good one starts again") {
    counter.good();
    CHECK_FALSE(counter.bad(Errc::BadJson));
    CHECK(counter.count() == 1);
  }
}
