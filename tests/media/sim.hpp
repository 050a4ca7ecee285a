#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "wzp/media/jitter_buffer.hpp"

namespace wzp::media::test {

using namespace std::chrono_literals;

/// What one step of playout was: the number in the payload of a played packet, or one of these.
inline constexpr int kConcealed = -1;
inline constexpr int kSilent = -2;
inline constexpr int kSkippedBase = -1000;  // minus the number of a packet that was merged into the next

/// A jitter buffer, packets on their way to it, and a clock that only `run_until` moves.
class BufferSim {
 public:
  /// Numbered packets carry their number in four bytes, so that what is played can be told.
  void send(int number, std::uint16_t sequence, std::uint32_t timestamp, Duration sent, Duration delay,
            CodecId codec = CodecId::Opus24k);
  /// The ordinary stream: packets `from` .. `to` - 1, 20 ms each, sequence and timestamp from the number, sent
  /// at number * 20 ms + `shift`.
  void stream(int from, int to, const std::function<Duration(int)>& delay, Duration shift = {});
  /// Pops every 20 ms up to `at`. `quiet` is what the buffer is told about every step.
  void run_until(Duration at, bool quiet = false);

  [[nodiscard]] static Instant instant(Duration at) { return Instant{} + 100s + at; }
  [[nodiscard]] JitterStats stats() const { return buffer.stats(); }
  /// The numbers of packets that were heard, in order: played, or merged into the next one.
  [[nodiscard]] std::vector<int> numbers() const;

  struct Step {
    Duration at;
    int what;
  };
  JitterBuffer buffer;
  std::vector<Step> steps;

 private:
  struct Flying {
    JitterPacket packet;
    int number;
  };
  std::multimap<Duration, Flying> flying_;
  Duration next_pop_{7ms};  // not in step with the packets
};

}  // namespace wzp::media::test
