#include "wzp/media/speakers.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <map>
#include <vector>

#include "signal.hpp"
#include "wzp/media/encoder.hpp"
#include "wzp/media/source.hpp"

using namespace wzp;
using namespace wzp::media;
using namespace std::chrono_literals;

namespace {

proto::SourceId source(std::uint16_t stream) { return proto::SourceId{{1, 2, 3, 4}, stream}; }

Bytes packet_of(std::uint16_t seq, std::uint32_t timestamp, ByteView payload, CodecId codec = CodecId::Opus24k) {
  proto::MediaHeader header;
  header.codec = codec;
  header.seq = seq;
  header.timestamp = timestamp;
  Bytes out(proto::MediaHeader::kSize + payload.size());
  REQUIRE(proto::write_packet({header, payload, std::nullopt}, out));
  return out;
}

void append_entry(Bytes& trunk, const proto::SourceId& from, ByteView packet) {
  if (trunk.empty()) trunk.push_back(proto::kTrunkMarker);
  ByteArray<proto::kMemberEntryHead> head{};
  proto::write_member_head(from, packet.size(), head);
  append(trunk, head);
  append(trunk, packet);
}

Bytes trunk_of(const proto::SourceId& from, ByteView packet) {
  Bytes out;
  append_entry(out, from, packet);
  return out;
}

/// Somebody who sends a tone.
struct Voice {
  explicit Voice(double hz, std::uint16_t first_seq = 0, std::uint32_t first_time = 0)
      : tone{hz}, seq{first_seq}, timestamp{first_time} {}

  Bytes next() {
    const auto payload = encoder.encode(tone.next());
    REQUIRE(payload);
    const auto out = packet_of(seq++, timestamp, *payload);
    timestamp += 20;
    return out;
  }

  Encoder encoder = std::move(*Encoder::create({}));
  ToneSource tone;
  std::uint16_t seq;
  std::uint32_t timestamp;
};

/// An Opus packet of a silent person, the same bytes for everybody.
const Bytes& silence() {
  static const Bytes bytes = [] {
    auto encoder = std::move(*Encoder::create({}));
    const auto made = encoder.encode(Frame{});
    return Bytes(made->begin(), made->end());
  }();
  return bytes;
}

/// A room, its clock, and all that each speaker was heard to say.
struct Room {
  Speakers speakers;
  Instant now = Instant{} + 1h;
  std::map<SpeakerId, std::vector<std::int16_t>> heard;
  std::map<SpeakerId, bool> audible;

  void tick() {
    for (const auto& one : speakers.next_frames(now)) {
      auto& samples = heard[one.speaker];
      samples.insert(samples.end(), one.frame.begin(), one.frame.end());
      audible[one.speaker] = one.audible;
    }
    now += 20ms;
  }
  void ticks(int n) {
    for (int i = 0; i < n; ++i) tick();
  }
  /// The speaker who is heard to say this tone; fails if it is not exactly one.
  SpeakerId who_says(double hz) {
    std::vector<SpeakerId> found;
    for (const auto& [id, samples] : heard) {
      if (test::tone_dbfs(test::middle(samples), hz) > -20) found.push_back(id);
    }
    REQUIRE(found.size() == 1);
    return found[0];
  }
};

}  // namespace

TEST_CASE("speakers in a trunk frame are told apart by their source", "[media][speakers]") {
  Room room;
  Voice a{500}, b{1500};
  for (int i = 0; i < 100; ++i) {
    Bytes trunk;
    append_entry(trunk, source(1), a.next());
    append_entry(trunk, source(2), b.next());
    CHECK(room.speakers.receive(trunk, room.now));
    room.tick();
  }
  CHECK(room.heard.size() == 2);
  CHECK(room.who_says(500).source == source(1));
  CHECK(room.who_says(1500).source == source(2));
  CHECK(room.speakers.stats().trunk_frames == 100);
  CHECK(room.speakers.stats().received == 200);
  CHECK(room.speakers.stats().lost == 0);
}

TEST_CASE("identical numbers, times and payload of two sources are two speakers' packets",
          "[media][speakers][H-29][V-28]") {
  Room room;
  Voice a{700};
  for (int i = 0; i < 100; ++i) {
    const auto packet = a.next();
    room.speakers.receive(trunk_of(source(1), packet), room.now);
    room.speakers.receive(trunk_of(source(2), packet), room.now);
    room.tick();
  }
  REQUIRE(room.heard.size() == 2);
  for (const auto& [id, samples] : room.heard) {
    INFO(to_string(id));
    CHECK(test::tone_dbfs(test::middle(samples), 700) > -20);
  }
}

TEST_CASE("bare packets of several senders are told apart by continuity", "[media][speakers]") {
  Room room;
  const auto [seq, time] = GENERATE(table<std::uint16_t, std::uint32_t>({
      {30000, 90000},  // far apart
      {40, 800},       // near: within the window for disorder
      {0, 0},          // the same numbers and times: only what they say differs
      {65530, 5000},   // wraps
  }));
  INFO(seq);
  Voice a{500}, b{1500, seq, time};
  for (int i = 0; i < 150; ++i) {
    room.speakers.receive(a.next(), room.now);
    room.speakers.receive(b.next(), room.now + 7ms);
    room.tick();
  }
  CHECK(room.speakers.size() == 2);
  CHECK(room.who_says(500) != room.who_says(1500));
  CHECK(room.speakers.stats().bare_packets == 300);
  CHECK_FALSE(room.who_says(500).source);
}

TEST_CASE("a source that proves to be several senders is taken apart", "[media][speakers]") {
  Room room;
  Voice a{500}, b{1500, 20000, 400000};
  for (int i = 0; i < 100; ++i) {
    room.speakers.receive(trunk_of(source(9), a.next()), room.now);
    room.speakers.receive(trunk_of(source(9), b.next()), room.now + 5ms);
    room.tick();
  }
  CHECK(room.speakers.size() == 2);
  CHECK(room.who_says(500).source == source(9));
  CHECK(room.who_says(500) != room.who_says(1500));
}

TEST_CASE("one sender stays one speaker through losses, disorder, duplicates and pauses", "[media][speakers]") {
  const bool named = GENERATE(true, false);
  Room room;
  Voice voice{500};
  std::vector<Bytes> held;
  const auto give = [&](ByteView packet) {
    room.speakers.receive(named ? trunk_of(source(1), packet) : Bytes(packet.begin(), packet.end()), room.now);
  };
  for (int i = 0; i < 400; ++i) {
    auto packet = voice.next();
    if (i % 10 == 3) {  // lost
    } else if (i % 10 == 5) {
      held.push_back(packet);
    } else if (i > 100 && i < 140) {  // 800 ms of nothing
    } else {
      give(packet);
      if (i % 10 == 8) give(packet);
      if (i % 10 == 7 && !held.empty()) {
        give(held.back());
        held.clear();
      }
    }
    if (i == 200) voice.timestamp += 5000;  // silence that is not sent
    if (i == 200) room.ticks(250);
    room.tick();
  }
  CHECK(room.speakers.stats().speakers == 1);
}

TEST_CASE("a named sender that begins anew after a pause stays one speaker", "[media][speakers][D-59]") {
  Room room;
  Voice before{500, 1000, 20000};
  for (int i = 0; i < 50; ++i, room.tick()) room.speakers.receive(trunk_of(source(1), before.next()), room.now);
  room.ticks(15);
  Voice after{900};
  for (int i = 0; i < 100; ++i, room.tick()) room.speakers.receive(trunk_of(source(1), after.next()), room.now);
  CHECK(room.speakers.size() == 1);
  CHECK(test::tone_dbfs(PcmView{room.heard.begin()->second}.last(48000), 900) > -20);
}

TEST_CASE("a speaker of whom nothing comes for ten seconds is dropped", "[media][speakers][timeout]") {
  Room room;
  Voice a{500};
  room.speakers.receive(trunk_of(source(1), a.next()), room.now);
  room.now += 10s - 1ns;
  CHECK(room.speakers.next_frames(room.now).size() == 1);
  CHECK(room.speakers.next_frames(room.now + 1ns).empty());
  CHECK(room.speakers.stats().expired == 1);
  SECTION("and comes back as a new one") {
    room.now += 1s;
    room.speakers.receive(trunk_of(source(1), a.next()), room.now);
    CHECK(room.speakers.size() == 1);
    CHECK(room.speakers.stats().speakers == 2);
  }
}

TEST_CASE("a full room refuses newcomers until somebody is silent for two seconds", "[media][speakers]") {
  Room room;
  std::vector<Voice> voices;
  for (std::uint16_t i = 0; i < Speakers::kMaxSpeakers; ++i) voices.emplace_back(300 + 20 * i);
  const auto all_speak = [&](std::size_t except) {
    for (std::uint16_t i = 0; i < voices.size(); ++i) {
      if (i != except)
        room.speakers.receive(trunk_of(source(static_cast<std::uint16_t>(i + 1)), voices[i].next()), room.now);
    }
    room.tick();
  };
  for (int i = 0; i < 50; ++i) all_speak(voices.size());
  Voice late{5000};
  const auto newcomer = [&] { return room.speakers.receive(trunk_of(source(999), late.next()), room.now); };
  const auto is_here = [&] {
    const auto frames = room.speakers.next_frames(room.now);
    return std::any_of(frames.begin(), frames.end(), [](const auto& h) { return h.speaker.source == source(999); });
  };
  (void)newcomer();
  CHECK(room.speakers.size() == Speakers::kMaxSpeakers);
  CHECK(room.speakers.stats().refused == 1);
  CHECK_FALSE(is_here());

  for (int i = 0; i < 130; ++i) all_speak(7);  // 2.6 s; the eighth says nothing any more
  (void)newcomer();
  CHECK(room.speakers.size() == Speakers::kMaxSpeakers);
  CHECK(room.speakers.stats().evicted == 1);
  CHECK(is_here());
  const auto frames = room.speakers.next_frames(room.now);
  CHECK(std::none_of(frames.begin(), frames.end(), [](const auto& h) { return h.speaker.source == source(8); }));
}

TEST_CASE("somebody who sends silence is silent", "[media][speakers]") {
  Room room;
  std::uint16_t seq = 0;
  for (int i = 0; i < 300; ++i, ++seq) {
    for (std::uint16_t s = 1; s <= Speakers::kMaxSpeakers; ++s) {
      room.speakers.receive(trunk_of(source(s), packet_of(seq, seq * 20U, silence())), room.now);
    }
    if (i % 20 == 0) (void)room.speakers.next_frames(room.now);  // sparse: this is about bounds
    room.now += 20ms;
  }
  Voice late{800};
  room.speakers.receive(trunk_of(source(999), late.next()), room.now);
  CHECK(room.speakers.stats().evicted == 1);
  CHECK(room.speakers.size() == Speakers::kMaxSpeakers);
}

TEST_CASE("a member who invents senders takes neither the others' places nor much time", "[media][speakers]") {
  Room room;
  Voice good{500};
  std::uint32_t random = 1;
  for (int i = 0; i < 200; ++i) {
    for (int k = 0; k < 20; ++k) {
      random = random * 1664525U + 1013904223U;
      room.speakers.receive(trunk_of(source(2), packet_of(static_cast<std::uint16_t>(random >> 16), random, silence())),
                            room.now);
    }
    room.speakers.receive(trunk_of(source(1), good.next()), room.now);
    room.tick();
  }
  CHECK(room.speakers.size() <= 1 + Speakers::kMaxPerSource);
  CHECK(room.speakers.stats().refused > 3000);
  CHECK(room.speakers.stats().speakers < 40);
  CHECK(room.who_says(500).source == source(1));
}

TEST_CASE("what is no media is counted and harms nobody", "[media][speakers]") {
  Room room;
  Voice a{500};
  const auto good = a.next();
  auto cut = trunk_of(source(1), good);
  append_entry(cut, source(2), good);
  cut.pop_back();
  CHECK(room.speakers.receive(cut, room.now));  // the first entry stands
  CHECK(room.speakers.stats().malformed == 1);
  CHECK(room.speakers.size() == 1);
  for (const auto& bad : std::vector<Bytes>{{}, {0xFD}, {0xFC}, {0xFF, 1, 2}, {0, 1, 2}, {0xFD, 1}, Bytes(12, 0x3C)}) {
    CHECK_FALSE(room.speakers.receive(bad, room.now));
  }
  CHECK(room.speakers.stats().malformed == 8);
  CHECK(room.speakers.size() == 1);
  SECTION("codecs that are not built in are counted") {
    room.speakers.receive(packet_of(0, 0, Bytes(8, 1), CodecId::Codec2_3200), room.now);
    CHECK(room.speakers.stats().bad_packets == 1);
  }
}

TEST_CASE("jitter is that of our own path: the least of all who speak", "[media][speakers][D-20]") {
  Room room;
  Voice steady{500}, shaky{900};
  CHECK(room.speakers.jitter(room.now) == 0ns);
  for (int i = 0; i < 400; ++i) {
    room.speakers.receive(trunk_of(source(1), shaky.next()), room.now + (i % 2) * 30ms);
    room.tick();
  }
  const auto alone = room.speakers.jitter(room.now);
  CHECK(alone > 20ms);
  CHECK(alone < 40ms);
  for (int i = 0; i < 50; ++i) {
    room.speakers.receive(trunk_of(source(1), shaky.next()), room.now + (i % 2) * 30ms);
    room.speakers.receive(trunk_of(source(2), steady.next()), room.now);
    room.tick();
  }
  CHECK(room.speakers.jitter(room.now) < 1ms);
}

TEST_CASE("rubbish of every kind keeps within the bounds", "[media][speakers]") {
  Room room;
  std::uint32_t random = GENERATE(range(1U, 9U));
  const auto next = [&] { return (random = random * 1664525U + 1013904223U) >> 8; };
  Voice voice{500};
  for (int i = 0; i < 3000; ++i) {
    auto datagram = voice.next();
    if (next() % 2 == 0) datagram = trunk_of(source(static_cast<std::uint16_t>(next() % 200)), datagram);
    for (auto flips = next() % 6; flips > 0; --flips) {
      datagram[next() % std::min<std::size_t>(datagram.size(), 24)] = static_cast<std::uint8_t>(next());
    }
    if (next() % 8 == 0) datagram.resize(next() % datagram.size());
    room.speakers.receive(datagram, room.now);
    if (next() % 64 == 0) (void)room.speakers.next_frames(room.now);
    room.now += std::chrono::milliseconds{next() % 10};
    REQUIRE(room.speakers.size() <= Speakers::kMaxSpeakers);
  }
  const auto stats = room.speakers.stats();
  CHECK(stats.received > 1000);
  CHECK(stats.malformed > 100);
  CHECK(stats.speakers >= room.speakers.size() + stats.evicted + stats.expired);
}
