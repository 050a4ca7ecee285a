#include "client/audio_files.hpp"

#include <cerrno>
#include <cstring>

#include "common/file.hpp"
#include "wzp/media/wav.hpp"

namespace wzp::client_app {
namespace {

constexpr std::size_t kMaxAudioBytes = std::size_t{512} << 20;
// Written every half second: a crash costs no more than that.
constexpr int kFramesPerWrite = 25;

bool is_raw(const std::filesystem::path& path) { return path.extension() == ".pcm" || path.extension() == ".raw"; }

media::PcmClip raw_clip(ByteView bytes) {
  media::PcmClip clip;
  clip.samples.reserve(bytes.size() / 2);
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
    clip.samples.push_back(static_cast<std::int16_t>(bytes[i] | bytes[i + 1] << 8));
  }
  return clip;
}

Unexpected bad_file(const std::filesystem::path& path, const std::string& what) {
  return {Errc::BadConfig, path.string() + ": " + what};
}

}  // namespace

Result<std::unique_ptr<media::AudioSource>> open_source(const AudioOptions& options) {
  if (options.tone) return std::unique_ptr<media::AudioSource>{std::make_unique<media::ToneSource>(*options.tone)};
  if (options.play.empty()) return std::unique_ptr<media::AudioSource>{std::make_unique<media::SilenceSource>()};
  const auto bytes = app::read_file(options.play, kMaxAudioBytes);
  if (!bytes) return bytes.failure();
  auto clip = is_raw(options.play) ? Result<media::PcmClip>{raw_clip(*bytes)} : media::parse_wav(*bytes);
  if (!clip) return bad_file(options.play, "cannot be played: " + clip.error().where + " (expected a WAV file, or raw 48 kHz mono 16-bit PCM as .pcm or .raw)");
  auto source = media::ClipSource::create(*clip, options.repeat ? media::ClipSource::Repeat::Yes : media::ClipSource::Repeat::No);
  if (!source) return bad_file(options.play, "cannot be played: " + source.error().where);
  return std::unique_ptr<media::AudioSource>{std::make_unique<media::ClipSource>(std::move(*source))};
}

Result<std::unique_ptr<RecordingFile>> RecordingFile::create(const std::filesystem::path& path) {
  std::FILE* file = std::fopen(path.c_str(), "wbe");
  if (file == nullptr) return bad_file(path, std::string{"cannot be written: "} + std::strerror(errno));
  std::unique_ptr<RecordingFile> recording{new RecordingFile{file, path, is_raw(path)}};
  if (!recording->raw_) recording->put(recording->stream_.header());
  return recording;
}

RecordingFile::~RecordingFile() {
  if (file_) (void)finish();  // whoever wants to know has called it before
}

void RecordingFile::write(const media::Frame& frame) {
  stream_.write(frame);
  if (++frames_pending_ >= kFramesPerWrite) write_out();
}

void RecordingFile::write_out() {
  frames_pending_ = 0;
  put(stream_.take());
  if (std::fflush(file_.get()) != 0 && error_ == 0) error_ = errno;
}

void RecordingFile::put(ByteView bytes) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), file_.get()) != bytes.size() && error_ == 0) error_ = errno;
}

Result<void> RecordingFile::finish() {
  if (!file_) return {};
  write_out();
  if (!raw_ && std::fseek(file_.get(), 0, SEEK_SET) == 0) put(stream_.header());
  if (std::fclose(file_.release()) != 0 && error_ == 0) error_ = errno;
  if (error_ != 0) return Unexpected{Errc::Io, path_.string() + ": " + std::strerror(error_)};
  return {};
}

}  // namespace wzp::client_app
