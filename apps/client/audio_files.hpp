#pragma once

#include <cstdio>
#include <filesystem>
#include <memory>

#include "client/options.hpp"
#include "wzp/base/result.hpp"
#include "wzp/media/sink.hpp"
#include "wzp/media/source.hpp"

namespace wzp::client_app {

/// What the options say to send: a file, a tone, or silence. Errors: BadConfig with the file and what is wrong with it.
[[nodiscard]] Result<std::unique_ptr<media::AudioSource>> open_source(const AudioOptions& options);

/// A recording that grows while it is made; a crash leaves a file that plays. WAV, or raw PCM for .pcm and .raw.
class RecordingFile final : public media::AudioSink {
 public:
  /// An existing file is replaced. Errors: BadConfig, with the system's words.
  [[nodiscard]] static Result<std::unique_ptr<RecordingFile>> create(const std::filesystem::path& path);
  ~RecordingFile() override;

  void write(const media::Frame& frame) override;
  /// Writes what is pending and the final length. Errors: Io, also for what failed before.
  [[nodiscard]] Result<void> finish();

 private:
  struct Close {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
  };
  RecordingFile(std::FILE* file, std::filesystem::path path, bool raw) : file_{file}, path_{std::move(path)}, raw_{raw} {}
  void write_out();
  void put(ByteView bytes);

  std::unique_ptr<std::FILE, Close> file_;
  std::filesystem::path path_;
  bool raw_;
  media::WavStream stream_;
  int frames_pending_ = 0;
  int error_ = 0;  ///< errno of the first write that failed
};

}  // namespace wzp::client_app
