#pragma once

#include <cstdint>

#include "wzp/base/bytes.hpp"
#include "wzp/base/result.hpp"
#include "wzp/media/pcm.hpp"

namespace wzp::media {

/// RIFF, fmt and data chunk in front of 16-bit samples.
inline constexpr std::size_t kWavHeaderBytes = 44;
/// As a number of samples: "not known yet". Players then read to the end of the file.
inline constexpr std::uint64_t kUnknownLength = ~std::uint64_t{0};

/// Reads a RIFF/WAVE file: PCM of 8, 16, 24 or 32 bits or 32-bit float, also in the extensible form. Chunks
/// other than fmt and data are skipped. A data size of 0x7fff0000 or more, which writers into pipes and
/// interrupted recordings leave behind, means "to the end", and half a sample at the end is dropped; any other
/// size beyond the end is an error. The clip is at most twice as large as `file`, which the caller bounds.
/// Errors: BadValue (no WAVE file, or a value outside the limits of `PcmClip`), TooShort (ends inside a chunk),
/// Unsupported (another encoding).
[[nodiscard]] Result<PcmClip> parse_wav(ByteView file);

/// The whole file, 16-bit PCM. Errors: BadValue (rate or channels of zero), TooLong (over 4 GiB).
[[nodiscard]] Result<Bytes> encode_wav(const PcmClip& clip);

/// The first 44 bytes of a 48 kHz mono recording. To record as it happens: write the header of
/// `kUnknownLength`, then samples, and at the end the header again with their number at offset 0. A crash in
/// between leaves a file that plays. Numbers that do not fit a WAV file (over 2^31 - 20) are written as
/// unknown.
[[nodiscard]] ByteArray<kWavHeaderBytes> wav_header(std::uint64_t samples);

/// Appends samples as a WAV file or a raw PCM stream has them: 16 bits, little-endian.
void append_pcm(Bytes& out, PcmView samples);

}  // namespace wzp::media
