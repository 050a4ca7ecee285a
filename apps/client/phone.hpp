#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "client/audio_files.hpp"
#include "client/call_audio.hpp"
#include "client/event_printer.hpp"
#include "client/known_people.hpp"
#include "client/network.hpp"
#include "client/options.hpp"
#include "common/log.hpp"
#include "wzp/client/client_core.hpp"
#include "wzp/net/loop.hpp"

namespace wzp::client_app {

/// A running phone: `call` and `listen`. Joins the core, the network, the audio and the person.
///
///     packets -> Network -> events -> ClientCore -> actions -> Network, CallAudio, EventPrinter
class Phone {
 public:
  Phone(PhoneOptions options, const crypto::Seed& seed, KnownPeople people, std::unique_ptr<media::AudioSource> source, app::Log& log);

  /// Errors: Io, BadConfig.
  [[nodiscard]] Result<void> open(KnownRelays known);
  /// Until the call is over, SIGINT, or for ever. Returns the exit code.
  [[nodiscard]] int run();

 private:
  void handle(client::Event event);
  void perform(const client::Actions& actions);
  void report(const client::UserEvent& event);
  void on_incoming(const client::Incoming& event);
  void on_set_up();
  void on_ended(const client::Ended& event);
  void place_call(const Fingerprint& target);
  void answer(const CallId& call, proto::CallAcceptMode mode);
  /// A line from the terminal: t, p, r answer a question; q ends the call; "c FINGERPRINT" starts one.
  void on_typed(const std::string& line);
  void on_datagram(ConnectionId conn, ByteView datagram);

  void start_media(const client::MediaStart& action);
  void stop_media();
  [[nodiscard]] std::unique_ptr<RecordingFile> open_recording(const std::filesystem::path& path);
  void finish_recording(std::unique_ptr<RecordingFile>& recording);
  void show_status(Instant now);

  void end(int exit_code);
  void stop_when_idle();

  PhoneOptions options_;
  KnownPeople people_;
  app::Log& log_;
  EventPrinter printer_;
  client::ClientCore core_;
  std::unique_ptr<net::Loop> loop_;
  std::unique_ptr<Network> network_;
  std::deque<client::Event> events_;
  bool handling_ = false;

  std::unique_ptr<media::AudioSource> source_;
  std::unique_ptr<RecordingFile> heard_;
  std::unique_ptr<RecordingFile> sent_;
  std::unique_ptr<CallAudio> audio_;
  std::unordered_map<ConnectionId, Instant> media_seen_;  ///< when the core was last told
  std::vector<ConnectionId> paths_;
  std::optional<Instant> call_began_;
  std::optional<Instant> next_status_;

  std::optional<CallId> asked_;  ///< the call the person is to decide about
  bool placed_ = false;
  int calls_ended_ = 0;
  int exit_code_ = 0;
  bool ending_ = false;
};

}  // namespace wzp::client_app
