#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "client/speaker_files.hpp"
#include "wzp/base/time.hpp"
#include "wzp/media/encoder.hpp"
#include "wzp/media/mixer.hpp"
#include "wzp/media/sink.hpp"
#include "wzp/media/source.hpp"
#include "wzp/media/speakers.hpp"
#include "wzp/proto/quality.hpp"

namespace wzp::client_app {

/// The audio of one room: every 20 ms one frame from the source goes out, and the mix of all speakers goes to the sink.
///
///     source -> encoder -> datagrams        datagrams -> Speakers -> Mixer -> sink
///                                                            `-> SpeakerFiles
///
/// Silence is not sent (but for a packet every 400 ms): a room of fifty would else cost each member fifty streams.
class RoomAudio {
 public:
  struct Ends {
    media::AudioSource& source;
    media::AudioSink* heard = nullptr;  ///< may be missing
    media::AudioSink* sent = nullptr;   ///< may be missing
    SpeakerFiles* each = nullptr;       ///< may be missing
  };
  struct Ports {
    std::function<void(ByteView, Instant)> send;
    /// Somebody is heard for the first time.
    std::function<void(const media::SpeakerId&)> on_speaker;
  };
  static constexpr proto::CodecId kDefaultCodec = proto::CodecId::Opus24k;

  /// Errors: Internal (libopus).
  [[nodiscard]] static Result<std::unique_ptr<RoomAudio>> create(Ends ends, Ports ports);

  /// In the room, again or for the first time: the clock starts, and packets are sent.
  void open(Instant now);
  /// No longer: the clock runs on, so that recordings keep the time.
  void close() { open_ = false; }
  /// From the next frame on. Not an Opus codec: nothing changes.
  void use(proto::CodecId codec) { wanted_ = codec; }
  /// Goes out with the next packet.
  void attach(const proto::QualityReport& report) { report_ = report; }
  bool receive(ByteView datagram, Instant now) { return speakers_.receive(datagram, now); }
  /// Does the frames that are due: absolute deadlines; more than three late ones are not made up for (client.md D-37).
  void tick(Instant now);
  [[nodiscard]] std::optional<Instant> deadline() const noexcept { return next_frame_; }

  struct Summary {
    media::SpeakersStats speakers;
    std::uint64_t frames_sent = 0;
    std::uint64_t frames_silent = 0;   ///< not sent: nothing to hear
    std::uint64_t frames_unsent = 0;   ///< while there was no connection
    std::uint64_t frames_played = 0;
    std::uint64_t frames_skipped = 0;  ///< ticks that were not made up for
    float least_gain = 1;              ///< how far the limiter had to turn down
  };
  [[nodiscard]] Summary summary() const;
  [[nodiscard]] Duration jitter(Instant now) const { return speakers_.jitter(now); }
  /// Who was audible in the last frame.
  [[nodiscard]] const std::vector<media::SpeakerId>& speaking() const noexcept { return speaking_; }

 private:
  // A whole Opus packet, its header and a report.
  static constexpr std::size_t kMaxDatagram = proto::MediaHeader::kSize + media::kMaxPayloadBytes + proto::QualityReport::kSize;

  RoomAudio(Ends ends, Ports ports, media::Encoder encoder);
  void do_frame(Instant now);
  void speak(Instant now);
  void send(ByteView payload, Instant now);
  void listen(Instant now);

  Ends ends_;
  Ports ports_;
  media::Encoder encoder_;
  media::Speakers speakers_;
  media::Mixer mixer_;
  proto::CodecId wanted_ = kDefaultCodec;
  std::optional<proto::QualityReport> report_;
  std::optional<Instant> next_frame_;
  bool open_ = false;
  std::vector<std::int16_t> unsent_;  // less than a packet
  std::uint32_t timestamp_ms_ = 0;    // of the packet being filled
  std::uint16_t sequence_ = 0;
  std::vector<media::SpeakerId> speaking_;
  Summary summary_;
  std::array<std::uint8_t, kMaxDatagram> out_{};
};

}  // namespace wzp::client_app
