#include "sim.hpp"

#include <catch2/catch_test_macros.hpp>

namespace wzp::media::test {

void BufferSim::send(int number, std::uint16_t sequence, std::uint32_t timestamp, Duration sent, Duration delay,
                     CodecId codec) {
  flying_.emplace(sent + delay, Flying{{codec, sequence, timestamp, kFrameSamples, {}}, number});
}

void BufferSim::stream(int from, int to, const std::function<Duration(int)>& delay, Duration shift) {
  for (int n = from; n < to; ++n) {
    send(n, static_cast<std::uint16_t>(n), static_cast<std::uint32_t>(n) * 20, n * 20ms + shift, delay(n));
  }
}

void BufferSim::run_until(Duration at, bool quiet) {
  for (; next_pop_ < at; next_pop_ += 20ms) {
    while (!flying_.empty() && flying_.begin()->first <= next_pop_) {
      Flying f = flying_.begin()->second;
      ByteArray<4> payload{};
      store_be32(payload.data(), static_cast<std::uint32_t>(f.number));
      f.packet.payload = payload;
      REQUIRE(buffer.insert(f.packet, instant(flying_.begin()->first)));
      flying_.erase(flying_.begin());
    }
    auto popped = buffer.pop(instant(next_pop_), quiet);
    const auto number = [&] { return static_cast<int>(load_be32(popped.packet->payload.data())); };
    if (popped.step == JitterBuffer::Step::Skip) {
      steps.push_back({next_pop_, kSkippedBase - number()});
      popped = buffer.pop(instant(next_pop_), quiet);
    }
    switch (popped.step) {
      case JitterBuffer::Step::Skip:
      case JitterBuffer::Step::Play: steps.push_back({next_pop_, number()}); break;
      case JitterBuffer::Step::Conceal: steps.push_back({next_pop_, kConcealed}); break;
      case JitterBuffer::Step::Silence: steps.push_back({next_pop_, kSilent}); break;
    }
  }
}

std::vector<int> BufferSim::numbers() const {
  std::vector<int> out;
  for (const Step& s : steps) {
    if (s.what <= kSkippedBase) out.push_back(kSkippedBase - s.what);
    if (s.what >= 0) out.push_back(s.what);
  }
  return out;
}

}  // namespace wzp::media::test
