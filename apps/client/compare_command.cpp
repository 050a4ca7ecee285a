#include <iostream>

#include <fmt/format.h>

#include "client/commands.hpp"
#include "common/exit_code.hpp"
#include "common/file.hpp"
#include "common/json_line.hpp"
#include "wzp/media/similarity.hpp"
#include "wzp/media/wav.hpp"

namespace wzp::client_app {
namespace {

constexpr std::size_t kMaxWavBytes = std::size_t{512} << 20;

Result<media::PcmClip> read_clip(const std::filesystem::path& path) {
  const auto bytes = app::read_file(path, kMaxWavBytes);
  if (!bytes) return bytes.failure();
  const auto clip = media::parse_wav(*bytes);
  if (!clip) return Unexpected{clip.error().code, path.string() + ": " + clip.error().where};
  return media::to_mono_48k(*clip);
}

}  // namespace

int run_compare(const CompareOptions& options) {
  const auto reference = read_clip(options.reference);
  if (!reference) return fail(app::kUsage, reference.error().where);
  const auto recording = read_clip(options.recording);
  if (!recording) return fail(app::kUsage, recording.error().where);
  const auto found = media::compare(reference->samples, recording->samples);
  const double lag_ms = std::chrono::duration<double, std::milli>{found.lag}.count();
  const bool same = found.score >= media::kSameSpeech;
  if (options.json) {
    std::cout << app::JsonLine{}.add("similarity", found.score).add("threshold", media::kSameSpeech).add("same_speech", same)
                     .add("lag_ms", lag_ms).add("speech_seconds", found.speech_seconds).text() << "\n";
  } else {
    std::cout << fmt::format("{}: similarity {:.3f} (same speech from {:.2f}), {:.0f} ms later, {:.1f} s of speech compared\n",
                             same ? "the same speech" : "not the same speech", found.score, media::kSameSpeech, lag_ms, found.speech_seconds);
  }
  return app::kOk;
}

}  // namespace wzp::client_app
