#pragma once

#include <string>

#include "client/call_audio.hpp"
#include "client/room_audio.hpp"
#include "common/json_line.hpp"
#include "wzp/client/room_event.hpp"
#include "wzp/client/user_event.hpp"

namespace wzp::client_app {

/// The beginning of every line of `--json`.
[[nodiscard]] app::JsonLine event_line(std::string_view event);

/// Tells the person, or the script, what happens: sentences, or with `json` one object a line with `event` and `time_ms` (Unix time
/// in milliseconds).
class EventPrinter {
 public:
  EventPrinter(bool json, bool terminal) : json_{json}, terminal_{terminal && !json} {}

  void print(const client::UserEvent& event);
  void summary(const CallAudio::Summary& summary);
  void print(const client::RoomEvent& event);
  void member(const client::RoomMember& member);
  /// Somebody is heard for the first time; `who` is empty when the relay does not tell.
  void speaker(const media::SpeakerId& speaker, const client::RoomMember* who);
  /// A speaker has a file of its own.
  void recording(const std::string& path, const media::SpeakerId& speaker, const client::RoomMember* who);
  void summary(const RoomAudio::Summary& summary);
  /// One event of the program itself.
  void note(const std::string& event, const std::string& sentence);
  /// The live line at the bottom of a terminal; replaced by the next one.
  void status(const std::string& line);
  [[nodiscard]] bool wants_status() const noexcept { return terminal_; }

 private:
  void put(app::JsonLine line, const std::string& sentence);
  bool json_;
  bool terminal_;
  bool status_shown_ = false;
};

}  // namespace wzp::client_app
