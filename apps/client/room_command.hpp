#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/audio_files.hpp"
#include "client/event_printer.hpp"
#include "client/network.hpp"
#include "client/options.hpp"
#include "client/room_audio.hpp"
#include "client/speaker_files.hpp"
#include "common/log.hpp"
#include "wzp/client/room_core.hpp"
#include "wzp/client/room_quality.hpp"
#include "wzp/net/loop.hpp"

namespace wzp::client_app {

/// Somebody in a room: `room`. Joins the core, the network, the audio and the person.
///
///     packets -> Network -> inputs -> RoomCore -> actions -> Network, RoomAudio, EventPrinter
class RoomPhone {
 public:
  RoomPhone(RoomOptions options, const crypto::Seed& seed, std::unique_ptr<media::AudioSource> source, app::Log& log);

  /// Errors: Io, BadConfig, Internal.
  [[nodiscard]] Result<void> open(KnownRelays known);
  /// Until the person leaves, the time is up, SIGINT, or the relay sends us away. Returns the exit code.
  [[nodiscard]] int run();

 private:
  [[nodiscard]] Result<void> open_audio();
  [[nodiscard]] Result<void> open_network(KnownRelays known);
  void hear_network(client::Event event);
  void handle(client::RoomInput input);
  void perform(const client::RoomActions& actions);
  void report(const client::RoomEvent& event);
  void on_joined(const client::RoomJoined& event);
  void on_people(const client::RoomPeople& event);
  void on_speaker(const media::SpeakerId& speaker);
  void on_ended(const client::RoomEnded& event);
  void look_at_path(Instant now);
  void show_status(Instant now);
  [[nodiscard]] const client::RoomMember* who_is(const media::SpeakerId& speaker) const;
  void finish(std::unique_ptr<RecordingFile>& recording);
  void leave(int exit_code);

  RoomOptions options_;
  app::Log& log_;
  EventPrinter printer_;
  client::RoomCore core_;
  client::RoomQuality quality_;
  std::unique_ptr<net::Loop> loop_;
  std::unique_ptr<Network> network_;
  std::deque<client::RoomInput> inputs_;
  bool handling_ = false;

  std::unique_ptr<media::AudioSource> source_;
  std::unique_ptr<RecordingFile> heard_;
  std::unique_ptr<RecordingFile> sent_;
  std::unique_ptr<SpeakerFiles> each_;
  std::unique_ptr<RoomAudio> audio_;  // after what it uses
  std::optional<Instant> joined_at_;
  std::optional<Instant> next_look_;
  std::optional<Instant> next_status_;
  bool listed_ = false;
  std::vector<media::SpeakerId> unnamed_;  ///< heard before any list named them
  std::optional<int> exit_code_;
  bool ending_ = false;
};

}  // namespace wzp::client_app
