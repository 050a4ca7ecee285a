#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "wzp/base/bytes.hpp"
#include "wzp/base/result.hpp"
#include "wzp/base/time.hpp"
#include "wzp/media/codec.hpp"
#include "wzp/media/delay_estimator.hpp"
#include "wzp/media/timeline.hpp"

namespace wzp::media {

/// One media packet as it arrived, decrypted. `samples` is how long it plays at 48 kHz.
/// Comfort noise stands for the frame that ends at its timestamp (wire.md 3.4), everything else starts there.
struct JitterPacket {
  CodecId codec{};
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  std::size_t samples = kFrameSamples;
  ByteView payload;
};

/// What happened so far. Counts are of packets, except where frames (20 ms) are named.
struct JitterStats {
  std::uint64_t received = 0;
  std::uint64_t played = 0;
  std::uint64_t lost = 0;  ///< numbers that were due and not there, also those that came late
  std::uint64_t late = 0;  ///< came after their time and were dropped
  std::uint64_t duplicate = 0;
  std::uint64_t overflow = 0;          ///< dropped because the buffer was full
  std::uint64_t concealed_frames = 0;  ///< frames in place of missing packets
  std::uint64_t inserted_frames = 0;   ///< frames added to grow the delay
  std::uint64_t skipped_packets = 0;   ///< packets merged into the next one to shrink the delay
  std::uint64_t underruns = 0;         ///< times the buffer was empty while speech was expected
  std::uint64_t resets = 0;            ///< a new sender, or a new time line of the old one
  std::int64_t depth_ms = 0;           ///< audio waiting, now
  std::int64_t target_ms = 0;          ///< delay aimed at, now

  bool operator==(const JitterStats&) const = default;
};

/// Holds packets of one speaker back until their time, in the order of their *timestamps*; sequence numbers
/// only tell loss from silence.
///
/// - It starts to play when it holds audio for the target delay, or the first packet has waited that long.
/// - A gap before the next packet is concealed if sequence numbers are missing there, and silent if not: a
///   sender that suppresses silence sends nothing and its clock runs on.
/// - Empty: conceal for up to 120 ms without advancing (what comes then is still played, and time concealed is
///   taken off a gap), then silence until enough has arrived again. After a pause play goes on with whatever
///   comes.
/// - The delay follows the target of `DelayEstimator`: too short, and a concealed frame is inserted; too long,
///   and gaps are cut short or a packet is merged into the next one, first where it is quiet. At most one
///   change in 7 frames. Source: 15 %, client.md 19.10.
/// - A jump of the time line over 3 s (relative to the clock), or 10 late packets in a row, is a new sender:
///   start afresh. Exact repetitions (number and time) of the last 64 played packets are duplicates, not late.
/// - Full (`kMaxPackets`): the oldest packet is dropped.
class JitterBuffer {
 public:
  /// Source: our choice: 2.5 s of 20 ms packets, six times the largest target.
  static constexpr std::size_t kMaxPackets = 128;

  /// What to do for the next stretch of playout.
  enum class Step : std::uint8_t {
    Play,     ///< decode `packet`
    Skip,     ///< decode `packet`, blend it into the following one, and pop again at once
    Conceal,  ///< 20 ms in place of missing audio
    Silence,  ///< 20 ms in which nobody speaks or nothing has come yet
  };
  struct Popped {
    Step step = Step::Silence;
    /// Of Play and Skip; valid until the next call.
    std::optional<JitterPacket> packet;
  };

  JitterBuffer();
  /// Takes a packet or counts why not. Errors: TooLong (over `kMaxPayloadBytes`), BadValue (no samples, or more
  /// than 120 ms).
  Result<void> insert(const JitterPacket& packet, Instant arrival);
  /// Call when the audio of the last Play or other step has been used up. `quiet`: what was played last was too
  /// soft for a missing frame to be noticed.
  [[nodiscard]] Popped pop(Instant now, bool quiet);
  [[nodiscard]] JitterStats stats() const;

 private:
  struct Stored {
    std::int64_t ticks = 0;
    std::uint16_t sequence = 0;
    CodecId codec{};
    std::uint16_t samples = 0;
    std::uint16_t size = 0;
    Instant arrival;
    std::array<std::uint8_t, kMaxPayloadBytes> payload{};
  };
  struct Played {
    std::int64_t ticks = 0;
    std::uint16_t sequence = 0;
  };
  enum class State : std::uint8_t { Filling, Playing };

  void restart();
  [[nodiscard]] bool is_jump(std::int64_t ms, Instant arrival);
  [[nodiscard]] bool is_late(const JitterPacket& packet, std::int64_t ticks);
  [[nodiscard]] bool is_duplicate(const JitterPacket& packet, std::int64_t ticks) const;
  [[nodiscard]] std::int64_t place(const JitterPacket& packet);
  void observe(std::int64_t ms, Instant arrival);
  void store(const JitterPacket& packet, std::int64_t ticks, Instant arrival);
  [[nodiscard]] bool ready(Instant now) const;
  [[nodiscard]] Popped when_empty();
  [[nodiscard]] std::optional<Popped> bridge_gap(Instant now);
  [[nodiscard]] std::optional<Popped> adjust(Instant now, bool quiet);
  [[nodiscard]] Popped take(Step step);
  [[nodiscard]] std::int64_t start_ms(const Stored& packet) const { return timeline_.to_ms(packet.ticks); }
  [[nodiscard]] std::int64_t end_ms(const Stored& packet) const { return start_ms(packet) + packet.samples / 48; }

  Timeline timeline_;
  DelayEstimator delay_;
  std::vector<Stored> waiting_;  // ordered by ticks
  Stored current_;
  State state_ = State::Filling;
  std::int64_t cursor_ms_ = 0;    // what plays next, once something was played
  std::int64_t stalled_ms_ = 0;   // time passed since the buffer ran empty
  std::size_t since_adjust_ = 0;  // steps since the delay was last changed
  std::size_t late_in_a_row_ = 0;
  bool in_silence_ = false;                     // the sender announced it by comfort noise
  std::optional<std::uint16_t> last_sequence_;  // of what was played; none: nothing yet
  std::optional<std::int64_t> last_relative_ms_;
  std::array<Played, 64> played_{};  // tells a duplicate from a late packet
  std::size_t played_count_ = 0;
  JitterStats stats_;
};

}  // namespace wzp::media
