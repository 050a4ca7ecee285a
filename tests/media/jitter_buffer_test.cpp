#include "wzp/media/jitter_buffer.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <numeric>

#include "signal.hpp"
#include "sim.hpp"

using namespace wzp;
using namespace wzp::media;
using namespace wzp::media::test;

namespace {

std::vector<int> count_up(int from, int to) {
  std::vector<int> out(static_cast<std::size_t>(to - from));
  std::iota(out.begin(), out.end(), from);
  return out;
}

Duration steady(int) { return 30ms; }

/// How many steps in [from, to) were `what`.
auto steps_in(const BufferSim& sim, Duration from, Duration to, int what) {
  return std::count_if(sim.steps.begin(), sim.steps.end(),
                       [&](const auto& s) { return s.at >= from && s.at < to && s.what == what; });
}

/// When packet `number` was played; negative if never.
Duration played_at(const BufferSim& sim, int number) {
  for (const auto& s : sim.steps) {
    if (s.what == number) return s.at;
  }
  return -1s;
}

}  // namespace

TEST_CASE("a steady stream plays whole and in order, after the target delay", "[media]") {
  BufferSim sim;
  sim.stream(0, 500, steady);
  sim.run_until(10s);
  CHECK(sim.numbers() == count_up(0, static_cast<int>(sim.numbers().size())));
  CHECK(sim.numbers().size() >= 490);
  CHECK(played_at(sim, 0) >= 30ms + 60ms);
  CHECK(played_at(sim, 0) <= 30ms + 100ms);
  CHECK(sim.stats().concealed_frames == 0);
  CHECK(sim.stats().lost == 0);
  CHECK(sim.stats().underruns == 0);
}

TEST_CASE("a lost packet is concealed once and nothing else moves", "[media]") {
  BufferSim sim;
  sim.stream(0, 50, steady);
  sim.stream(51, 100, steady);
  sim.run_until(2s);
  auto expected = count_up(0, 100);
  expected[50] = kConcealed;
  std::vector<int> heard;
  for (const auto& s : sim.steps) {
    if (s.what == kSilent || heard.size() == 90) continue;
    heard.push_back(s.what <= kSkippedBase ? kSkippedBase - s.what : s.what);
  }
  expected.resize(90);
  CHECK(heard == expected);
  CHECK(sim.stats().lost == 1);
  CHECK(sim.stats().concealed_frames == 1);
}

TEST_CASE("overtaken packets are put back in order and none is repeated", "[media][D-34]") {
  BufferSim sim;
  Random random{7};
  sim.stream(0, 1'000, [&](int) { return 30ms + (random(10) == 0 ? (1 + random(3)) * 20ms + 1ms : 0ms); });
  sim.run_until(20s);
  const auto numbers = sim.numbers();
  CHECK(std::is_sorted(numbers.begin(), numbers.end()));
  CHECK(std::adjacent_find(numbers.begin(), numbers.end()) == numbers.end());
  const auto stats = sim.stats();
  CHECK(numbers.size() + stats.late + stats.skipped_packets >= 985);
  CHECK(stats.late <= 10);
  CHECK(stats.resets == 0);
}

TEST_CASE("duplicates are counted and played once, however late they come", "[media]") {
  BufferSim sim;
  sim.stream(0, 300, steady);
  sim.stream(0, 300, [](int n) { return n % 3 == 0 ? 31ms : n % 3 == 1 ? 100ms : 500ms; });
  sim.run_until(6s);
  CHECK(sim.numbers() == count_up(0, static_cast<int>(sim.numbers().size())));
  CHECK(sim.stats().late == 0);
  CHECK(sim.stats().duplicate >= 260);
  CHECK(sim.stats().resets == 0);
}

TEST_CASE("jitter is covered after two seconds, and the delay shrinks again", "[media][D-31]") {
  const auto seed = GENERATE(1U, 2U, 3U, 4U, 5U);
  BufferSim sim;
  Random random{seed};
  sim.stream(0, 2'000,
             [&](int n) { return n < 250 || n >= 1'250 ? 30ms : 30ms + std::chrono::milliseconds{random(81)}; });
  sim.run_until(7s);
  const auto early = sim.stats();
  sim.run_until(25s);
  const auto jittery = sim.stats();
  CHECK(jittery.late - early.late < 9);  // 1 % of 18 s
  CHECK(jittery.target_ms >= 80);
  const auto delay = [&](int from, int to) {
    Duration sum{};
    int count = 0;
    for (const auto& s : sim.steps) {
      if (s.what < from || s.what >= to) continue;
      sum += s.at - s.what * 20ms;
      ++count;
    }
    return sum / std::max(count, 1);
  };
  sim.run_until(40s, true);
  CHECK(sim.stats().target_ms == DelayEstimator::kMinTargetMs);
  CHECK(delay(1'000, 1'250) > 100ms);
  CHECK(delay(1'750, 1'990) < 90ms);
  CHECK(sim.stats().resets == 0);
}

TEST_CASE("the delay shrinks although nobody pauses for breath", "[media][D-31]") {
  BufferSim sim;
  Random random{1};
  sim.stream(0, 2'500, [&](int n) { return n >= 500 ? 30ms : 30ms + std::chrono::milliseconds{random(201)}; });
  sim.run_until(11s, false);
  CHECK(sim.stats().depth_ms > 100);
  sim.run_until(49s, false);
  CHECK(sim.stats().depth_ms <= 80);
  CHECK(sim.stats().skipped_packets >= 5);
}

TEST_CASE("after an outage audio is back within a target depth", "[media][D-30]") {
  BufferSim sim;
  sim.stream(0, 100, steady);
  SECTION("the sender goes on with the next number, later") {
    sim.stream(100, 400, steady, 400ms);
    sim.run_until(8s);
    const Duration first = 2s + 400ms + 30ms;
    CHECK(played_at(sim, 100) >= first);
    CHECK(played_at(sim, 100) <= first + 100ms);
    CHECK(sim.stats().late == 0);
    CHECK(sim.stats().lost == 0);
    CHECK(sim.numbers() == count_up(0, static_cast<int>(sim.numbers().size())));
  }
  SECTION("the network held packets back and delivers them at once") {
    sim.stream(100, 400, [](int n) { return std::max(steady(n), Duration{430ms - (n - 100) * 20ms}); });
    sim.run_until(8s);
    CHECK(played_at(sim, 100) >= 2'430ms);
    CHECK(played_at(sim, 100) <= 2'430ms + 100ms);
    CHECK(sim.stats().lost == 0);
    CHECK(sim.stats().target_ms < 100);
  }
  SECTION("the packets of the outage are lost") {
    sim.stream(120, 400, steady);
    sim.run_until(8s);
    CHECK(played_at(sim, 120) >= 2'430ms);
    CHECK(played_at(sim, 120) <= 2'430ms + 100ms);
    CHECK(sim.stats().lost == 20);
    CHECK(sim.stats().underruns == 1);
  }
  CHECK(sim.stats().underruns <= 2);
  CHECK(sim.stats().resets == 0);
  CHECK(steps_in(sim, 4s, 7s, kConcealed) <= 4);
}

TEST_CASE("an empty buffer says conceal, then silence, and never loops", "[media][D-30]") {
  BufferSim sim;
  sim.stream(0, 50, steady);
  sim.run_until(60s);
  CHECK(sim.stats().concealed_frames <= 6);
  CHECK(sim.stats().underruns == 1);
  CHECK(sim.steps.back().what == kSilent);
  CHECK(sim.numbers() == count_up(0, 50));
}

TEST_CASE("the first word after a pause of the sender is intact", "[media][D-64]") {
  const auto pause = GENERATE(1'000, 1'900, 2'100, 30'000);
  BufferSim sim;
  sim.stream(0, 50, steady);
  // Time runs on, numbers do not.
  for (int i = 0; i < 50; ++i) {
    const int n = 50 + i;
    const auto at = static_cast<std::uint32_t>(n * 20 + pause);
    sim.send(n, static_cast<std::uint16_t>(n), at, std::chrono::milliseconds{at}, 30ms);
  }
  sim.run_until(std::chrono::milliseconds{2'200 + pause});
  CHECK(sim.numbers() == count_up(0, 100));
  CHECK(sim.stats().late == 0);
  CHECK(sim.stats().lost == 0);
  CHECK(sim.stats().resets == 0);
  CHECK(played_at(sim, 50) < std::chrono::milliseconds{1'000 + pause} + 30ms + 100ms);
}

TEST_CASE("comfort noise holds the place of suppressed frames", "[media][D-64]") {
  BufferSim sim;
  sim.stream(0, 50, steady);
  // Every tenth suppressed frame is a noise packet, whose timestamp is that of the next frame and whose number counts.
  for (int i = 0; i < 3; ++i) {
    const auto at = static_cast<std::uint32_t>(1'000 + (i + 1) * 200);
    sim.send(1'000 + i, static_cast<std::uint16_t>(50 + i), at, std::chrono::milliseconds{at - 20}, 30ms,
             CodecId::ComfortNoise);
  }
  for (int i = 0; i < 50; ++i) {
    sim.send(100 + i, static_cast<std::uint16_t>(53 + i), static_cast<std::uint32_t>(1'600 + 20 * i),
             1'600ms + 20ms * i, 30ms);
  }
  sim.run_until(3s);
  auto expected = count_up(0, 50);
  for (const int n : {1'000, 1'001, 1'002}) expected.push_back(n);
  for (const int n : count_up(100, 150)) expected.push_back(n);
  CHECK(sim.numbers() == expected);
  CHECK(sim.stats().duplicate == 0);
  CHECK(sim.stats().late == 0);
  CHECK(sim.stats().lost == 0);
}

TEST_CASE("a new sender with other numbers costs at most 200 ms", "[media][D-59]") {
  const int offset = GENERATE(-1, -50, -100, -101, -30'000);
  const int restart_timestamp = GENERATE(0, 1);
  BufferSim sim;
  sim.stream(0, 250, steady);
  for (int i = 0; i < 250; ++i) {
    const int n = 250 + i;
    const auto timestamp = static_cast<std::uint32_t>(20 * i + (restart_timestamp == 1 ? 0 : 4'007));
    sim.send(n, static_cast<std::uint16_t>(250 + offset + i), timestamp, 5s + 20ms * i, 30ms);
  }
  sim.run_until(9s);
  const auto numbers = sim.numbers();
  const auto first_new = std::find_if(numbers.begin(), numbers.end(), [](int n) { return n >= 250; });
  REQUIRE(first_new != numbers.end());
  CHECK(*first_new <= 260);
  CHECK(sim.stats().resets == 1);
  CHECK(std::is_sorted(numbers.begin(), numbers.end()));
}

TEST_CASE("a sender that counts samples plays like one that counts milliseconds", "[media][D-55]") {
  const std::uint32_t first = GENERATE(0U, 0xffff'0000U);
  BufferSim sim;
  Random random{3};
  for (int n = 0; n < 500; ++n) {
    sim.send(n, static_cast<std::uint16_t>(n), first + static_cast<std::uint32_t>(n) * 960, n * 20ms,
             30ms + std::chrono::milliseconds{random(30)});
  }
  sim.run_until(10s);
  CHECK(sim.numbers() == count_up(0, static_cast<int>(sim.numbers().size())));
  CHECK(sim.numbers().size() >= 485);
  CHECK(sim.stats().resets == 0);
  CHECK(sim.stats().late == 0);
}

TEST_CASE("the timestamp may wrap in the middle of a call", "[media]") {
  BufferSim sim;
  for (int n = 0; n < 300; ++n) {
    sim.send(n, static_cast<std::uint16_t>(n + 65'400), static_cast<std::uint32_t>(n) * 20U - 2'000U, n * 20ms, 30ms);
  }
  sim.run_until(6s);
  CHECK(sim.numbers() == count_up(0, static_cast<int>(sim.numbers().size())));
  CHECK(sim.numbers().size() >= 290);
  CHECK(sim.stats().lost == 0);
}

TEST_CASE("packets of 40 ms advance playout by 40 ms", "[media][D-33]") {
  JitterBuffer buffer;
  const Bytes payload(10);
  int played = 0;
  for (int ms = 0; ms < 4'000; ms += 40) {
    const auto number = static_cast<std::uint16_t>(ms / 40);
    REQUIRE(buffer.insert({CodecId::Opus6k, number, static_cast<std::uint32_t>(ms), 2 * kFrameSamples, payload},
                          BufferSim::instant(std::chrono::milliseconds{ms})));
    const auto popped = buffer.pop(BufferSim::instant(std::chrono::milliseconds{ms + 5}), false);
    if (popped.step != JitterBuffer::Step::Play) continue;
    CHECK(popped.packet->sequence == played);
    CHECK(popped.packet->samples == 2 * kFrameSamples);
    ++played;
  }
  CHECK(played >= 97);
  CHECK(buffer.stats().concealed_frames == 0);
}

TEST_CASE("a sender's clock that runs fast or slow neither fills nor starves the buffer", "[media][D-61]") {
  const int ppm = GENERATE(-200, 200);
  BufferSim sim;
  const int frames = 30 * 60 * 50;
  for (int n = 0; n < frames; ++n) {
    const auto sent = std::chrono::nanoseconds{20'000'000 - 20 * ppm} * n;
    sim.send(n, static_cast<std::uint16_t>(n), static_cast<std::uint32_t>(n) * 20, sent, 30ms);
  }
  sim.run_until(29min, true);
  const auto stats = sim.stats();
  CHECK(stats.overflow == 0);
  CHECK(stats.underruns == 0);
  CHECK(stats.late == 0);
  CHECK(stats.lost == 0);
  CHECK(stats.depth_ms <= 80);
  CHECK(stats.inserted_frames + stats.skipped_packets >= 15);  // 348 ms of drift
  CHECK(stats.inserted_frames + stats.skipped_packets <= 60);
}

TEST_CASE("a buffer that is not emptied drops the oldest", "[media]") {
  JitterBuffer buffer;
  const Bytes payload(60);
  for (int n = 0; n < 1'000; ++n) {
    REQUIRE(buffer.insert(
        {CodecId::Opus24k, static_cast<std::uint16_t>(n), static_cast<std::uint32_t>(20 * n), kFrameSamples, payload},
        BufferSim::instant(20ms * n)));
  }
  const auto stats = buffer.stats();
  CHECK(stats.overflow == 1'000 - JitterBuffer::kMaxPackets);
  CHECK(stats.depth_ms == 20 * JitterBuffer::kMaxPackets);
  const auto popped = buffer.pop(BufferSim::instant(20s), false);
  REQUIRE(popped.packet);
  CHECK(popped.packet->sequence == 1'000 - JitterBuffer::kMaxPackets);
}

TEST_CASE("packets of impossible size or length are refused", "[media]") {
  JitterBuffer buffer;
  const Bytes payload(kMaxPayloadBytes + 1);
  const auto code = [&](std::size_t samples, std::size_t bytes) {
    const auto r = buffer.insert({CodecId::Opus24k, 0, 0, samples, ByteView{payload}.first(bytes)}, Instant{});
    return r ? Errc::Internal : r.error().code;
  };
  CHECK(code(kFrameSamples, kMaxPayloadBytes + 1) == Errc::TooLong);
  CHECK(code(0, 10) == Errc::BadValue);
  CHECK(code(kMaxPacketSamples + 1, 10) == Errc::BadValue);
  CHECK(buffer.stats().received == 0);
}

TEST_CASE("whatever arrives, numbers stay in order of time and memory stays bounded", "[media]") {
  const auto seed = GENERATE(Catch::Generators::range(0U, 40U));
  INFO("seed " << seed);
  JitterBuffer buffer;
  Random random{seed};
  const Bytes payload(20);
  Duration now{};
  std::uint64_t steps = 0;
  for (int i = 0; i < 5'000; ++i) {
    now += std::chrono::milliseconds{random(30)};
    const auto base = static_cast<std::uint32_t>(now / 1ms);
    for (std::uint32_t k = random(4); k > 0; --k) {
      const std::uint32_t timestamp = random(50) == 0 ? random(0x7fff'ffff) * 2 : base + random(400);
      const CodecId codec = random(10) == 0 ? CodecId::ComfortNoise : CodecId::Opus24k;
      REQUIRE(buffer.insert(
          {codec, static_cast<std::uint16_t>(random(65'536)), timestamp, (1 + random(6)) * kFrameSamples, payload},
          BufferSim::instant(now)));
    }
    auto popped = buffer.pop(BufferSim::instant(now), random(2) == 0);
    if (popped.step == JitterBuffer::Step::Skip) {
      REQUIRE(popped.packet);
      popped = buffer.pop(BufferSim::instant(now), true);
      CHECK(popped.step == JitterBuffer::Step::Play);
    }
    CHECK(popped.packet.has_value() == (popped.step == JitterBuffer::Step::Play));
    ++steps;
  }
  const auto s = buffer.stats();
  CHECK(steps == 5'000);
  CHECK(s.received >= s.played + s.skipped_packets + s.late + s.duplicate + s.overflow);
  CHECK(s.target_ms >= DelayEstimator::kMinTargetMs);
  CHECK(s.target_ms <= DelayEstimator::kMaxTargetMs);
}
