#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "wzp/base/bytes.hpp"
#include "wzp/base/result.hpp"
#include "wzp/proto/codec_id.hpp"
#include "wzp/proto/quality.hpp"

// Media packets: header (12) | payload | quality report (4, only if Q). Nothing here allocates.

namespace wzp::proto {

/// The first 12 bytes of every media packet (wire.md 3.2), bits counted from the most significant:
///
///     byte 0    V:1  T:1  codec:4  Q:1  ratio bit 6
///     byte 1    ratio bits 5..0 : 6   unused:2 (sent 0, ignored)
///     2-3 sequence   4-7 timestamp   8 FEC block   9 FEC symbol   10 reserved   11 csrc count
struct MediaHeader {
  static constexpr std::size_t kSize = 12;

  std::uint8_t version = 0;  ///< V, 0 or 1; send 0, any is accepted
  bool is_repair = false;    ///< T: an FEC repair symbol instead of audio
  CodecId codec = CodecId::Opus24k;
  bool has_quality_report = false;     ///< Q: the last four bytes of the packet are a report
  std::uint8_t fec_ratio_encoded = 0;  ///< 0..127, see `encode_fec_ratio`
  std::uint16_t seq = 0;               ///< +1 for every packet of this sender, repair and comfort noise too; wraps
  /// Milliseconds since the sender's start; old mobile clients count samples. For ordering, never for delays.
  std::uint32_t timestamp = 0;
  std::uint8_t fec_block = 0;
  std::uint8_t fec_symbol = 0;  ///< source: 0..K-1; repair: K and up
  std::uint8_t reserved = 0;    ///< send 0
  std::uint8_t csrc_count = 0;  ///< send 0

  bool operator==(const MediaHeader&) const = default;
};

/// Reads the first 12 bytes; more may follow. Errors: TooShort; BadValue for codec 9 to 15.
[[nodiscard]] Result<MediaHeader> parse_header(ByteView bytes);
void write(const MediaHeader& header, std::span<std::uint8_t, MediaHeader::kSize> out) noexcept;

/// Repair packets per source packet in seven bits: min(127, round(ratio * 63.5)), halves away from zero, in single
/// precision; negative and no number give 0.
[[nodiscard]] std::uint8_t encode_fec_ratio(float ratio) noexcept;
[[nodiscard]] float decode_fec_ratio(std::uint8_t encoded) noexcept;

/// A media packet whose payload is still where it was received.
struct MediaPacketView {
  MediaHeader header;
  ByteView payload;
  std::optional<QualityReport> report;
};

/// Reads one datagram. An empty payload is valid; without Q everything after the header is payload.
/// Errors: TooShort for less than 12 bytes, or 16 with Q; BadValue for codec 9 to 15.
[[nodiscard]] Result<MediaPacketView> parse_packet(ByteView datagram);

/// Writes the packet and returns its length. Q is set when there is a report and cleared when there is none, whatever
/// the header says. Errors: TooLong when `out` is too small.
[[nodiscard]] Result<std::size_t> write_packet(const MediaPacketView& packet, std::span<std::uint8_t> out);

/// The length `write_packet` needs.
[[nodiscard]] constexpr std::size_t packet_size(const MediaPacketView& packet) noexcept {
  return MediaHeader::kSize + packet.payload.size() + (packet.report ? QualityReport::kSize : 0);
}

/// Whether a media packet can start with this byte. FC to FF (version 1, repair, codec 15) never can, nor can any other
/// byte whose codec bits are 9 to 15, so those values are free as markers on connections between our own programs.
[[nodiscard]] constexpr bool can_start_packet(std::uint8_t first) noexcept {
  return codec_from_wire((first >> 2) & 0x0F).has_value();
}

/// The one-byte datagram that validates a direct connection; receivers ignore it. Source: crypto.md 8.
inline constexpr std::uint8_t kDirectProbe = 0xFC;
/// Kept for our trunk frames. Source: crypto.md 8.
inline constexpr std::uint8_t kTrunkMarker = 0xFD;

}  // namespace wzp::proto
