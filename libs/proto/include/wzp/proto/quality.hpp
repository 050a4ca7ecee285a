#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <tuple>

#include "wzp/base/bytes.hpp"
#include "wzp/base/result.hpp"
#include "wzp/proto/codec_id.hpp"
#include "wzp/proto/field.hpp"

namespace wzp::proto {

/// How well the sender's own path does. One type for both forms: the four-byte trailer of a media packet, in field
/// order, and the JSON object of `QualityUpdate`. Source: wire.md 3.6.
struct QualityReport {
  std::uint8_t loss_pct = 0;          ///< 0..255 stands for 0..100 %
  std::uint8_t rtt_4ms = 0;           ///< steps of 4 ms; 255 is 1020 ms or more
  std::uint8_t jitter_ms = 0;         ///< ms; 255 or more
  std::uint8_t bitrate_cap_kbps = 0;  ///< kbit/s the sender wants to receive at most

  static constexpr std::size_t kSize = 4;
  /// What every sender of the deployed programs puts into `bitrate_cap_kbps`. Source: wire.md 3.6.
  static constexpr std::uint8_t kUsualBitrateCap = 200;

  bool operator==(const QualityReport&) const = default;

  /// Loss in percent, in the single precision of the deployed programs.
  [[nodiscard]] float loss_percent() const noexcept;
  [[nodiscard]] std::uint16_t rtt_ms() const noexcept { return static_cast<std::uint16_t>(rtt_4ms * 4); }

  static constexpr auto kFields = std::tuple{
      Field{"loss_pct", &QualityReport::loss_pct},
      Field{"rtt_4ms", &QualityReport::rtt_4ms},
      Field{"jitter_ms", &QualityReport::jitter_ms},
      Field{"bitrate_cap_kbps", &QualityReport::bitrate_cap_kbps},
  };
};

/// A report from measurements; what does not fit saturates, and a loss that is no number counts as none.
[[nodiscard]] QualityReport quality_report_from(float loss_percent, std::uint32_t rtt_ms,
                                                std::uint32_t jitter_ms) noexcept;

/// The trailer. Exactly four bytes. Errors: TooShort, TooLong.
[[nodiscard]] Result<QualityReport> parse_quality_report(ByteView bytes);
void write(const QualityReport& report, std::span<std::uint8_t, QualityReport::kSize> out) noexcept;

/// How somebody wants to be sent audio. `fec_ratio` is repair packets per source packet.
struct QualityProfile {
  CodecId codec = CodecId::Opus24k;
  float fec_ratio = 0.2F;
  std::uint8_t frame_duration_ms = 20;
  std::uint8_t frames_per_block = 5;

  bool operator==(const QualityProfile&) const = default;

  static constexpr auto kFields = std::tuple{
      Field{"codec", &QualityProfile::codec},
      Field{"fec_ratio", &QualityProfile::fec_ratio},
      Field{"frame_duration_ms", &QualityProfile::frame_duration_ms},
      Field{"frames_per_block", &QualityProfile::frames_per_block},
  };
};

/// The profiles that have a name, best first. Source: wire.md 2.3.
inline constexpr QualityProfile kStudio64k{CodecId::Opus64k, 0.1F, 20, 5};
inline constexpr QualityProfile kStudio48k{CodecId::Opus48k, 0.1F, 20, 5};
inline constexpr QualityProfile kStudio32k{CodecId::Opus32k, 0.1F, 20, 5};
inline constexpr QualityProfile kGood{CodecId::Opus24k, 0.2F, 20, 5};
inline constexpr QualityProfile kDegraded{CodecId::Opus6k, 0.5F, 40, 10};
inline constexpr QualityProfile kCatastrophic{CodecId::Codec2_1200, 1.0F, 40, 8};

}  // namespace wzp::proto
