#include <catch2/catch_test_macros.hpp>

#include "accept_key.hpp"
#include "frame_budget.hpp"
#include "framing.hpp"
#include "outbox.hpp"
#include "support/sim_clock.hpp"
#include "wzp/ws/handler.hpp"

using namespace wzp;
using namespace wzp::ws;
using namespace std::chrono_literals;

TEST_CASE("the accept key is that of RFC 6455", "[ws]") {
  CHECK(accept_key("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  for (const auto* bad : {"", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQAA", "dGhlIHNhbXBsZSBub25jZ???",
                          "dGhlIHNhbXBsZSBub25jZQ===", "                        "}) {
    CAPTURE(bad);
    CHECK_FALSE(accept_key(bad));
  }
}

TEST_CASE("a steady sender within the rate never loses a frame", "[ws]") {
  sim::SimClock clock;
  FrameBudget budget{100, 5s, 1'000};
  for (int i = 0; i < 100; ++i) REQUIRE(budget.take(clock.now()) == FrameBudget::Verdict::Take);
  CHECK(budget.take(clock.now()) == FrameBudget::Verdict::Drop);
  for (int i = 0; i < 1'000; ++i) REQUIRE(budget.take(clock.advance(10ms)) == FrameBudget::Verdict::Take);
}

TEST_CASE("who is over the rate for long, or by much, is given up", "[ws]") {
  sim::SimClock clock;
  FrameBudget budget{100, 5s, 1'000};
  const auto burst = [&](int count) {
    auto verdict = FrameBudget::Verdict::Take;
    for (int i = 0; i < count; ++i) verdict = budget.take(clock.now());
    return verdict;
  };
  SECTION("by much") {
    CHECK(burst(1'100) == FrameBudget::Verdict::Drop);
    CHECK(burst(1) == FrameBudget::Verdict::GiveUp);
  }
  SECTION("for long") {
    burst(101);
    const auto start = clock.now();
    auto verdict = FrameBudget::Verdict::Take;
    while (verdict != FrameBudget::Verdict::GiveUp) {
      verdict = budget.take(clock.advance(9ms));
      REQUIRE(clock.now() < start + 6s);
    }
    CHECK(clock.now() > start + 5s);
  }
  SECTION("not after a pause") {
    for (int i = 0; i < 10; ++i) {
      CHECK(burst(500) == FrameBudget::Verdict::Drop);
      clock.advance(1s);
    }
  }
}

TEST_CASE("texts are kept and come first, binaries give way", "[ws]") {
  sim::SimClock clock;
  const ServerConfig config{.max_outgoing_messages = 2, .max_outgoing_bytes = 10, .max_queued_binaries = 2, .max_binary_age = 200ms};
  Outbox box{config};
  std::uint64_t dropped = 0;
  const auto next = [&] {
    const auto message = box.next(clock.now(), dropped);
    return message ? std::string{message->is_text ? "T" : "B"}.append(text_of(message->bytes)) : "";
  };
  CHECK(next().empty());
  CHECK(box.add_binary(bytes_of("a"), bytes_of("b"), clock.now()) == 0);
  CHECK(box.add_text(bytes_of("first")));
  CHECK(box.add_text(bytes_of("2nd")));
  CHECK_FALSE(box.add_text(bytes_of("")));  // the third
  CHECK(next() == "Tfirst");
  CHECK_FALSE(box.add_text(bytes_of("8 bytes.")));  // eleven in all
  CHECK(box.has_text());
  CHECK(next() == "T2nd");
  CHECK_FALSE(box.has_text());
  CHECK(box.add_text(bytes_of("one that is long by itself")));
  CHECK(next() == "Tone that is long by itself");
  CHECK(next() == "Bab");

  CHECK(box.add_binary({}, bytes_of("1"), clock.now()) == 0);
  clock.advance(150ms);
  CHECK(box.add_binary({}, bytes_of("2"), clock.now()) == 0);
  CHECK(box.add_binary({}, bytes_of("3"), clock.now()) == 1);  // instead of 1
  clock.advance(200ms);
  CHECK(box.add_binary({}, bytes_of("4"), clock.now()) == 1);
  CHECK(next() == "B3");
  clock.advance(1ms);
  CHECK(next() == "B4");
  CHECK(box.add_binary({}, bytes_of("5"), clock.now()) == 0);
  clock.advance(201ms);
  CHECK(next().empty());
  CHECK(dropped == 1);
}

TEST_CASE("framing says nothing after its close frame, and takes nothing after the peer's", "[ws]") {
  struct Sink : FramingSink {
    void on_frame() override { ++frames; }
    void on_message(bool, ByteView) override { ++messages; }
    void on_pong() override { ++pongs; }
    int frames = 0, messages = 0, pongs = 0;
  } sink;
  Framing framing{100, sink};
  Bytes out;
  framing.text(bytes_of("hi"));
  framing.take(out);
  CHECK(out == Bytes{0x81, 2, 'h', 'i'});
  framing.close(1000, "");
  framing.text(bytes_of("hi"));
  out.clear();
  framing.take(out);
  CHECK(out == Bytes{0x88, 2, 0x03, 0xe8});
  CHECK(framing.sent_close() == 1000);
  framing.receive(Bytes{0x82, 0x81, 0, 0, 0, 0, 7});  // said before it knew
  CHECK(sink.messages == 0);
  CHECK_FALSE(framing.has_peer_closed());
  framing.receive(Bytes{0x88, 0x80, 0, 0, 0, 0});
  CHECK(framing.has_peer_closed());
  CHECK_FALSE(framing.peer_close());  // only the answer to ours
  CHECK_FALSE(framing.is_reading());
  framing.receive(Bytes{0x82, 0x81, 0, 0, 0, 0, 7});
  CHECK(sink.frames == 2);
}
