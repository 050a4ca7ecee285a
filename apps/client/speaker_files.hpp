#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "client/audio_files.hpp"
#include "wzp/client/room_event.hpp"
#include "wzp/media/speakers.hpp"

namespace wzp::client_app {

/// One recording for each speaker of a room, from its first sound on, in a folder.
///
/// Named by the fingerprint of the speaker without its colons; by the source, or "speaker-N", when the relay does not say who
/// it is within a second. A second speaker of the same name gets "-2". At most 256 files; later speakers are not recorded.
class SpeakerFiles {
 public:
  static constexpr std::size_t kMaxFiles = 256;

  struct Ports {
    std::function<void(const std::filesystem::path&, const media::SpeakerId&)> on_file;
    std::function<void(const std::string& why)> on_failure;
  };
  /// Makes the folder. Errors: BadConfig, with the system's words.
  [[nodiscard]] static Result<std::unique_ptr<SpeakerFiles>> create(std::filesystem::path folder, Ports ports);

  /// Who is in the room now: whose source is whose.
  void people(const std::vector<client::RoomMember>& members);
  void write(const media::SpeakerId& speaker, const media::Frame& frame);
  /// Completes all files; what failed goes to `on_failure`.
  void finish();

 private:
  struct Voice {
    std::vector<media::Frame> waiting;  ///< until the name is known, at most a second
    std::unique_ptr<RecordingFile> file;
    bool failed = false;
  };

  SpeakerFiles(std::filesystem::path folder, Ports ports) : folder_{std::move(folder)}, ports_{std::move(ports)} {}
  void open(const media::SpeakerId& speaker, Voice& voice);
  [[nodiscard]] std::string name_of(const media::SpeakerId& speaker) const;

  std::filesystem::path folder_;
  Ports ports_;
  std::map<proto::SourceId, Fingerprint> who_;
  std::map<media::SpeakerId, Voice> voices_;
  std::set<std::string> taken_;
  bool full_ = false;
};

}  // namespace wzp::client_app
