#include "wzp/relay/signal_channels.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <deque>

#include "sim_clock.hpp"
#include "wzp/proto/signal_json.hpp"

using namespace std::chrono_literals;

namespace wzp::relay {
namespace {

constexpr ConnectionId kConn{7};

struct Fixture {
  explicit Fixture(proto::ConnectionClass cls = proto::ConnectionClass::Signal) {
    Opened opened;
    opened.conn = kConn;
    opened.cls = cls;
    channels.open(opened, clock.now());
  }

  ChannelActions send(const proto::SignalMessage& message) { return channels.send(kConn, message); }
  ChannelActions receive(std::uint64_t stream, const Bytes& bytes, bool fin = true) {
    return channels.received(kConn, proto::StreamId{stream}, bytes, fin, clock.now());
  }
  /// Sends and writes a message; gives its stream.
  std::uint64_t write(const proto::SignalMessage& message) {
    const auto out = send(message);
    REQUIRE(out.size() == 1);
    channels.wrote(std::get<WriteFrame>(out[0]), ++last, clock.now());
    return last;
  }
  ChannelActions acknowledge(std::uint64_t stream) { return channels.acknowledged(kConn, stream, clock.now()); }
  ChannelActions tick(Duration later) { return channels.tick(clock.advance(later)); }

  sim::SimClock clock;
  SignalChannels channels;
  std::uint64_t last = 0;
};

proto::RoomUpdate update(std::uint32_t count) { return {.count = count}; }

Bytes frame(const proto::SignalMessage& message) { return proto::encode_frame(proto::encode(message)); }

}  // namespace

TEST_CASE("a stream becomes a message, and bytes that are none become an error", "[relay]") {
  Fixture f;
  const auto good = f.receive(0, frame(proto::Reflect{}));
  REQUIRE(good.size() == 1);
  CHECK(std::get<ToCore>(good[0]).event == Event{Received{kConn, proto::Reflect{}}});
  for (const auto& bad :
       {f.receive(4, proto::encode_frame("{")), f.channels.reset(kConn, proto::StreamId{8}, f.clock.now())}) {
    REQUIRE(bad.size() == 1);
    CHECK(std::holds_alternative<BadMessage>(std::get<ToCore>(bad[0]).event));
  }
}

TEST_CASE("a client's message may have 64 KiB, a relay's more", "[relay]") {
  const auto cls =
      GENERATE(proto::ConnectionClass::Signal, proto::ConnectionClass::Room, proto::ConnectionClass::Federation);
  Fixture f{cls};
  proto::Hangup hangup;
  hangup.call_id = std::string(70'000, 'x');
  const auto out = f.receive(0, frame(hangup));
  REQUIRE(!out.empty());
  const auto* event = std::get_if<ToCore>(&out.back());
  const bool taken = event != nullptr && std::holds_alternative<Received>(event->event);
  CHECK(taken == (cls == proto::ConnectionClass::Federation));
}

TEST_CASE("a stream that stalls loses its message after 5 s", "[relay][timeout]") {
  Fixture f;
  CHECK(f.receive(0, Bytes{0, 0}, false).empty());
  for (int i = 0; i < 9; ++i) CHECK(f.tick(500ms).empty());
  const auto given_up = f.tick(1s);
  REQUIRE(given_up.size() == 2);
  CHECK(std::holds_alternative<StopStream>(given_up[0]) != std::holds_alternative<StopStream>(given_up[1]));
}

TEST_CASE("of the lists of a room one is under way, and the newest waits", "[relay][room][V-22]") {
  Fixture f{proto::ConnectionClass::Room};
  const auto first = f.write(update(1));
  CHECK(f.send(update(2)).empty());
  CHECK(f.send(update(3)).empty());
  const auto other = f.write(proto::Pong{});  // others do not wait for lists
  CHECK(f.acknowledge(other).empty());
  const auto next = f.acknowledge(first);
  REQUIRE(next.size() == 1);
  CHECK(std::get<WriteFrame>(next[0]).frame == frame(update(3)));
  CHECK(std::get<WriteFrame>(next[0]).is_news);
}

TEST_CASE("a member that reads no streams is kept, and so little is kept for it", "[relay][room][timeout][V-22]") {
  Fixture f{proto::ConnectionClass::Room};
  const auto first = f.write(update(1));
  std::size_t written = 0;
  for (std::uint32_t i = 2; i <= 300; ++i) {
    written += f.send(update(i)).size();
    written += f.send(proto::QualityDirective{proto::kGood, std::to_string(i)}).size();
    written += f.tick(1s).size();  // nor is it given up
  }
  CHECK(written == 0);
  // When it reads at last, it hears how things are now.
  const auto list = f.acknowledge(first);
  REQUIRE(list.size() == 1);
  CHECK(std::get<WriteFrame>(list[0]).frame == frame(update(300)));
  f.channels.wrote(std::get<WriteFrame>(list[0]), ++f.last, f.clock.now());
  const auto directive = f.acknowledge(f.last);
  REQUIRE(directive.size() == 1);
  CHECK(std::get<WriteFrame>(directive[0]).frame == frame(proto::QualityDirective{proto::kGood, "300"}));
  f.channels.wrote(std::get<WriteFrame>(directive[0]), ++f.last, f.clock.now());
  CHECK(f.acknowledge(f.last).empty());
  (void)f.write(update(301));
}

TEST_CASE("a relay that has much to hear gets it as it acknowledges, in order, and up to a bound", "[relay]") {
  Fixture f{proto::ConnectionClass::Federation};
  const auto number = [](const ChannelAction& action) {
    const auto& bytes = std::get<WriteFrame>(action).frame;
    return std::get<proto::Pong>(*proto::decode(text_of(ByteView{bytes}.subspan(4)))).timestamp_ms;
  };
  std::deque<std::uint64_t> streams;
  std::uint64_t expected = 0;
  const auto write_all = [&](const ChannelActions& out) {
    for (const auto& action : out) {
      CHECK(number(action) == expected++);
      streams.push_back(4 * expected);
      f.channels.wrote(std::get<WriteFrame>(action), streams.back(), f.clock.now());
    }
  };
  for (std::uint64_t i = 0; i < 1'000; ++i) write_all(f.send(proto::Pong{i}));
  CHECK(expected == 64);
  for (; !streams.empty(); streams.pop_front()) write_all(f.acknowledge(streams.front()));
  CHECK(expected == 1'000);

  proto::UserState part;
  part.add = std::string(128 * 1024, 'a');
  (void)f.write(part);
  bool given_up = false;
  for (int i = 0; i < 200 && !given_up; ++i) {
    const auto out = f.send(part);
    given_up = !out.empty() && std::holds_alternative<GiveUp>(out[0]);
  }
  CHECK(given_up);
}

TEST_CASE("what a relay passes on for others cuts no link, and stands in nobody's way", "[relay][V-21]") {
  Fixture f{proto::ConnectionClass::Federation};
  proto::RoomState news;
  news.hops = 2;
  news.room = std::string(128 * 1024, 'r');
  proto::RoutedSignal call;
  call.path = {"one", "two"};
  call.body = std::string(60'000, 'c');
  std::deque<ChannelActions> written;
  const auto send = [&](const proto::SignalMessage& message) {
    auto out = f.send(message);
    for (const auto& action : out) {
      REQUIRE(std::holds_alternative<WriteFrame>(action));
      f.channels.wrote(std::get<WriteFrame>(action), ++f.last, f.clock.now());
    }
    return out.size();
  };
  CHECK(send(news) == 1);
  for (int i = 0; i < 300; ++i) CHECK(send(news) == 0);
  for (int i = 0; i < 300; ++i) CHECK(send(call) <= 1);
  // Its own word still has room, and goes before what others said first.
  CHECK(send(proto::Pong{7}) == 0);
  bool pong = false;
  int calls = 0;
  int lists = 1;
  for (std::uint64_t stream = 1; stream <= f.last; ++stream) {
    for (const auto& action : f.acknowledge(stream)) {
      const auto& write = std::get<WriteFrame>(action);
      f.channels.wrote(write, ++f.last, f.clock.now());
      const auto message = *proto::decode(text_of(ByteView{write.frame}.subspan(4)));
      pong = pong || std::holds_alternative<proto::Pong>(message);
      calls += std::holds_alternative<proto::RoutedSignal>(message) ? 1 : 0;
      if (!std::holds_alternative<proto::RoomState>(message)) continue;
      ++lists;
      CHECK(pong);
    }
  }
  CHECK(pong);
  CHECK(calls < 300);
  CHECK(lists < 301);
  const auto told = f.tick(500ms);
  REQUIRE(told.size() == 1);
  const auto* unsent = std::get_if<Unsent>(&std::get<ToCore>(told[0]).event);
  REQUIRE(unsent);
  CHECK(unsent->messages > 300 + 301 - 400);
  CHECK(f.tick(1s).empty());
}

TEST_CASE("who acknowledges nothing for 10 s while something is under way is given up", "[relay][timeout]") {
  Fixture f;
  (void)f.write(proto::Pong{});
  const auto second = f.write(proto::Pong{});
  CHECK(f.tick(9s).empty());
  CHECK(f.acknowledge(second).empty());
  CHECK(f.tick(10s).empty());
  const auto out = f.tick(500ms);
  REQUIRE(out.size() == 1);
  CHECK(std::get<GiveUp>(out[0]).code == 0x16);
}

TEST_CASE("who is checked on has 800 ms to acknowledge something", "[relay][timeout]") {
  Fixture f;
  const auto check = [&] { return f.channels.check(kConn, f.clock.now()); };
  const auto is_event = [](const ChannelActions& out, const Event& event) {
    return out.size() == 1 && std::get<ToCore>(out[0]).event == event;
  };
  const auto stream = f.write(proto::Pong{});
  CHECK(check().empty());
  CHECK(check().empty());
  SECTION("and is alive when it does") {
    f.clock.advance(799ms);
    CHECK(is_event(f.acknowledge(stream), Alive{kConn}));
    CHECK(f.tick(1ms).empty());
    CHECK(is_event(check(), Alive{kConn}));  // nothing is under way that it could owe us an answer to
  }
  SECTION("each time anew") {
    f.clock.advance(700ms);
    CHECK(is_event(f.acknowledge(stream), Alive{kConn}));
    (void)f.write(proto::Pong{});
    CHECK(check().empty());
    CHECK(f.tick(799ms).empty());
    CHECK(is_event(f.tick(1ms), Silent{kConn}));
  }
  SECTION("and is silent when it does not, until it does") {
    CHECK(f.tick(799ms).empty());
    CHECK(is_event(f.tick(1ms), Silent{kConn}));
    CHECK(is_event(check(), Silent{kConn}));
    CHECK(is_event(f.acknowledge(stream), Alive{kConn}));
    const auto next = f.write(proto::Pong{});
    CHECK(check().empty());
    CHECK(is_event(f.acknowledge(next), Alive{kConn}));
    CHECK(f.acknowledge(f.write(proto::Pong{})).empty());  // nobody asked
  }
}

TEST_CASE("nothing is due once all connections are closed", "[relay]") {
  Fixture f;
  CHECK(f.channels.deadline());
  CHECK(f.channels.close(kConn));
  CHECK_FALSE(f.channels.close(kConn));
  CHECK(f.tick(1s).empty());
  CHECK_FALSE(f.channels.deadline());
}

}  // namespace wzp::relay
