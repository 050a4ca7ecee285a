#include "client/speaker_files.hpp"

#include <system_error>

#include <fmt/format.h>

#include "wzp/base/hex.hpp"

namespace wzp::client_app {
namespace {

// A second: a list follows a join at once, but by another way than the audio.
constexpr std::size_t kMaxWaiting = 50;

}  // namespace

Result<std::unique_ptr<SpeakerFiles>> SpeakerFiles::create(std::filesystem::path folder, Ports ports) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return Unexpected{Errc::BadConfig, folder.string() + ": cannot be made: " + error.message()};
  return std::unique_ptr<SpeakerFiles>{new SpeakerFiles{std::move(folder), std::move(ports)}};
}

void SpeakerFiles::people(const std::vector<client::RoomMember>& members) {
  who_.clear();
  for (const auto& member : members) {
    if (member.source && member.fingerprint) who_.emplace(*member.source, *member.fingerprint);
  }
}

void SpeakerFiles::write(const media::SpeakerId& speaker, const media::Frame& frame) {
  auto found = voices_.find(speaker);
  if (found == voices_.end()) {
    if (voices_.size() >= kMaxFiles) {
      if (!std::exchange(full_, true)) ports_.on_failure(fmt::format("no more than {} speakers are recorded", kMaxFiles));
      return;
    }
    found = voices_.emplace(speaker, Voice{}).first;
  }
  auto& voice = found->second;
  if (voice.failed) return;
  if (voice.file) return voice.file->write(frame);
  voice.waiting.push_back(frame);
  const bool known = speaker.source && who_.contains(*speaker.source);
  if (known || !speaker.source || voice.waiting.size() >= kMaxWaiting) open(speaker, voice);
}

void SpeakerFiles::open(const media::SpeakerId& speaker, Voice& voice) {
  const auto name = name_of(speaker);
  auto unique = name;
  for (int n = 2; !taken_.insert(unique).second; ++n) unique = fmt::format("{}-{}", name, n);
  const auto path = folder_ / (unique + ".wav");
  auto file = RecordingFile::create(path);
  if (!file) {
    voice.failed = true;
    ports_.on_failure(file.error().where);
  } else {
    voice.file = std::move(*file);
    for (const auto& frame : voice.waiting) voice.file->write(frame);
    ports_.on_file(path, speaker);
  }
  voice.waiting = {};
}

std::string SpeakerFiles::name_of(const media::SpeakerId& speaker) const {
  const auto found = speaker.source ? who_.find(*speaker.source) : who_.end();
  return found == who_.end() ? to_string(speaker) : to_hex(found->second.bytes);
}

void SpeakerFiles::finish() {
  for (auto& [speaker, voice] : voices_) {
    if (!voice.file && !voice.failed && !voice.waiting.empty()) open(speaker, voice);
    if (!voice.file) continue;
    if (const auto finished = voice.file->finish(); !finished) ports_.on_failure(finished.error().where);
    voice.file.reset();
    voice.failed = true;
  }
}

}  // namespace wzp::client_app
