#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "wzp/base/bytes.hpp"
#include "wzp/base/result.hpp"
#include "wzp/proto/media_header.hpp"

// Compact frames: media packets whose headers are mostly left out (wire.md 3.8).
//
//     00 | header (12) | payload | report, if Q            full frame
//     01 | timestamp delta u16 | length u16 | payload       mini frame
//
// For streams and files only: losing a frame breaks the numbers until the next full one. No program sends compact
// frames over the network today; never send one to a peer that has not asked for them.

namespace wzp::proto {

/// The four bytes of a mini frame between tag and payload.
struct MiniHeader {
  static constexpr std::size_t kSize = 4;

  std::uint16_t timestamp_delta_ms = 0;
  std::uint16_t payload_len = 0;

  bool operator==(const MiniHeader&) const = default;
};

/// Reads the first four bytes; more may follow. Errors: TooShort.
[[nodiscard]] Result<MiniHeader> parse_mini_header(ByteView bytes);
void write(const MiniHeader& header, std::span<std::uint8_t, MiniHeader::kSize> out) noexcept;

/// Writes one direction. The first frame is full, and so is every one after 49 mini frames in a row. A frame that a
/// mini frame cannot express (a report, a gap, a jump of time, another header field) is written full as well.
class CompactEncoder {
 public:
  /// A full frame at least this often. Source: wire.md 3.8.
  static constexpr std::uint32_t kFullFramePeriod = 50;

  [[nodiscard]] Bytes encode(const MediaPacketView& packet);

 private:
  [[nodiscard]] std::optional<MiniHeader> mini_for(const MediaPacketView& packet) const;

  std::optional<MediaHeader> last_;
  std::uint32_t minis_ = 0;
};

/// Reads one direction. A mini frame has the header of the frame before it, with seq + 1, timestamp + delta and no
/// report. A frame that is refused changes nothing.
class CompactDecoder {
 public:
  /// The payload points into `frame`. Bytes after the declared length of a mini frame are ignored.
  /// Errors: TooShort; BadValue for another tag or codec; WrongState for a mini frame before any full one.
  [[nodiscard]] Result<MediaPacketView> decode(ByteView frame);

 private:
  std::optional<MediaHeader> last_;
};

}  // namespace wzp::proto
