#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>

#include "wzp/base/time.hpp"
#include "wzp/client/media_session.hpp"
#include "wzp/media/encoder.hpp"
#include "wzp/media/level.hpp"
#include "wzp/media/playout.hpp"
#include "wzp/media/sink.hpp"
#include "wzp/media/source.hpp"

namespace wzp::client_app {

/// The audio of one call: every 20 ms one frame from the source goes out and one frame of what came in goes to the sink.
///
///     source -> encoder -> MediaSession -> datagrams        datagrams -> MediaSession -> Playout -> sink
class CallAudio {
 public:
  struct Ends {
    media::AudioSource& source;
    media::AudioSink* heard = nullptr;  ///< may be missing
    media::AudioSink* sent = nullptr;   ///< may be missing
  };
  using SendDatagram = std::function<void(ConnectionId, ByteView, Instant)>;

  /// Errors: Internal (libopus).
  [[nodiscard]] static Result<std::unique_ptr<CallAudio>> create(const client::MediaStart& start, Ends ends, SendDatagram send);

  /// The clock starts with the first path to send on.
  void set_paths(const client::MediaPaths& paths, Instant now);
  /// One datagram of a path. True when it was an authentic packet of this call.
  bool receive(ConnectionId conn, ByteView datagram, Instant now);
  /// Does the frames that are due: absolute deadlines, so a late wake-up loses no time (client.md D-37). More than three
  /// late frames are not made up for.
  void tick(Instant now);
  [[nodiscard]] std::optional<Instant> deadline() const noexcept { return next_frame_; }

  struct Summary {
    client::MediaCounters packets;
    media::PlayoutStats playout;
    std::uint64_t frames_played = 0;
    std::uint64_t frames_skipped = 0;  ///< ticks that were not made up for
  };
  [[nodiscard]] Summary summary() const;
  /// Loudness of the newest frame that was heard.
  [[nodiscard]] double heard_dbfs() const noexcept { return heard_dbfs_; }

 private:
  CallAudio(const client::MediaStart& start, Ends ends, SendDatagram send, media::Encoder encoder, media::Playout playout);
  void do_frame(Instant now);

  client::MediaSession session_;
  Ends ends_;
  SendDatagram send_;
  media::Encoder encoder_;
  media::Playout playout_;
  std::optional<Instant> next_frame_;
  std::uint32_t timestamp_ms_ = 0;
  std::uint64_t frames_played_ = 0;
  std::uint64_t frames_skipped_ = 0;
  double heard_dbfs_ = media::kSilenceDbfs;
  std::array<std::uint8_t, client::MediaSession::kMaxDatagram> out_{};
  std::array<std::uint8_t, client::MediaSession::kMaxDatagram> in_{};
};

}  // namespace wzp::client_app
