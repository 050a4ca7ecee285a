#pragma once

#include "wzp/base/time.hpp"
#include "wzp/media/pcm.hpp"

namespace wzp::media {

/// How much of what was said was heard.
struct SpeechSimilarity {
  /// -1..1: 1 is the same speech, about 0 something else. 0 when either side has no speech.
  double score = 0;
  /// How much later the recording is than the reference, by the best alignment of the whole.
  Duration lag{};
  /// Seconds of the reference that hold speech and were therefore compared.
  double speech_seconds = 0;

  bool operator==(const SpeechSimilarity&) const = default;
};

/// Separates "the same speech, sent through the codec with losses" from everything else. Source: measured by
/// tests/media/similarity_test.cpp with two voices: 0.94 and more over Opus 24k with 5 % loss and 80 ms of jitter, 0.88
/// over Opus 16k with 10 % loss and 150 ms, 0.53 when half of the speech is missing, at most 0.21 for the other speaker.
inline constexpr double kSameSpeech = 0.7;

/// Compares two recordings, mono at 48 kHz, by the shape of their loudness over time in 20 mel bands.
///
/// 1. Both become log band energies, one row per 10 ms, with everything 45 dB under the loud parts cut off.
/// 2. One lag of the whole is found within `max_lag`.
/// 3. The reference is cut into pieces of 1.5 s. For each piece that holds speech the best lag near the
///    previous one is found, so that frames which a jitter buffer inserted or dropped cost little, and the
///    correlation of both with the mean of every band taken away counts, weighted by how much speech the piece
///    holds. Gain and constant tones therefore do not matter; speech that was not recorded counts as 0.
[[nodiscard]] SpeechSimilarity compare(PcmView reference, PcmView recorded, Duration max_lag = std::chrono::seconds{5});

}  // namespace wzp::media
