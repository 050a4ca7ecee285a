#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "wzp/base/bytes.hpp"
#include "wzp/base/time.hpp"
#include "wzp/media/pcm.hpp"
#include "wzp/media/playout.hpp"
#include "wzp/proto/media_tag.hpp"

namespace wzp::media {

/// One voice in a room.
struct SpeakerId {
  /// As the relay says; empty: from a relay that tells no senders apart.
  std::optional<proto::SourceId> source;
  /// Counts the voices of this room from 1; never used again.
  std::uint32_t number = 0;

  auto operator<=>(const SpeakerId&) const = default;
};
/// "speaker-3", or the source as 12 hex digits.
[[nodiscard]] std::string to_string(const SpeakerId& id);

/// What came for all speakers since the beginning, those that have gone included.
struct SpeakersStats {
  std::uint64_t trunk_frames = 0;  ///< datagrams with named senders
  std::uint64_t bare_packets = 0;  ///< packets without
  std::uint64_t received = 0;      ///< media packets of either kind
  std::uint64_t malformed = 0;     ///< no media packets
  std::uint64_t refused = 0;       ///< packets of new speakers for whom there was no room
  std::uint64_t speakers = 0;      ///< speakers that ever were
  std::uint64_t evicted = 0;       ///< silent speakers that made room
  std::uint64_t expired = 0;       ///< speakers of whom nothing came any more
  std::uint64_t lost = 0;          ///< packets, as `JitterStats`
  std::uint64_t late = 0;
  std::uint64_t concealed_frames = 0;
  std::uint64_t bad_packets = 0;  ///< also those of codecs that are not built in

  bool operator==(const SpeakersStats&) const = default;
};

/// The receiving end of a room: datagrams in, one frame for each speaker out every 20 ms.
///
/// Speakers are told apart by the source that a trunk frame names ([H-29]). Bare packets, and a source that proves to
/// be several senders (a relay behind it cannot tell them apart), are told apart by the continuity of codec, numbers
/// and times, with a window of 64 (relay.md 19.15). A source that was quiet for 200 ms may begin new numbers; one that
/// jumps without a pause is two.
///
/// Bounds: `kMaxSpeakers`, and `kMaxPerSource` of one source, so that a member who sends rubbish harms nobody else.
/// Bare packets may fill the whole room. At a bound the one that was silent longest makes room; if nobody was silent
/// for 2 s, the packets of the newcomer are refused and counted. A newcomer counts as heard when it comes, so there are
/// at most 64 of them in 2 s whatever arrives. A speaker of whom nothing came for 10 s is dropped.
class Speakers {
 public:
  static constexpr std::size_t kMaxSpeakers = 64;
  static constexpr std::size_t kMaxPerSource = 8;
  /// Source of all: our choice.
  static constexpr Duration kEvictAfter = std::chrono::seconds{2};
  static constexpr Duration kExpireAfter = std::chrono::seconds{10};

  Speakers();
  Speakers(Speakers&&) noexcept;
  Speakers& operator=(Speakers&&) noexcept;
  ~Speakers();

  /// One datagram of the room's connection. What is wrong with it is counted. True if it held a media packet.
  bool receive(ByteView datagram, Instant now);

  struct Heard {
    SpeakerId speaker;
    Frame frame;
    bool audible = false;  ///< louder than the noise of a quiet room
    bool first = false;    ///< audible for the first time
  };
  /// The next 20 ms of every speaker, oldest speaker first. Valid until the next call. Call it every 20 ms.
  [[nodiscard]] std::span<const Heard> next_frames(Instant now);

  [[nodiscard]] std::size_t size() const noexcept;
  [[nodiscard]] SpeakersStats stats() const;
  /// How unevenly packets arrive (RFC 3550 6.4.1), of the speaker of whom it is least among those heard from within 2
  /// s: what all of them have in common is our own path. Zero when nobody speaks.
  [[nodiscard]] Duration jitter(Instant now) const;

 private:
  struct Speaker;
  using Source = std::optional<proto::SourceId>;

  bool receive_packet(const Source& source, ByteView packet, Instant now);
  [[nodiscard]] Speaker* find(const Source& source, const proto::MediaPacketView& packet, Instant now);
  [[nodiscard]] Speaker* add(const Source& source, Instant now);
  /// Makes room among those of `source`, or among all. False when nobody is silent.
  [[nodiscard]] bool evict(const Source* source, Instant now);
  void drop(std::size_t index);

  std::vector<std::unique_ptr<Speaker>> speakers_;
  std::vector<Heard> heard_;
  SpeakersStats stats_;
};

}  // namespace wzp::media
