#include "wzp/proto/media_header.hpp"

#include <algorithm>
#include <cmath>

namespace wzp::proto {
namespace {

// Byte 0 of the header, see media_header.hpp.
constexpr std::uint8_t kVersionBit = 0x80;
constexpr std::uint8_t kRepairBit = 0x40;
constexpr std::uint8_t kReportBit = 0x02;
constexpr std::uint8_t kRatioTopBit = 0x01;

}  // namespace

// Texts of errors here are short enough to need no memory.

Result<MediaHeader> parse_header(ByteView bytes) {
  if (bytes.size() < MediaHeader::kSize) return Unexpected{Errc::TooShort, "media header"};
  const std::uint8_t* b = bytes.data();
  const auto codec = codec_from_wire((b[0] >> 2) & 0x0F);
  if (!codec) return Unexpected{Errc::BadValue, "codec"};
  MediaHeader header;
  header.version = (b[0] & kVersionBit) != 0 ? 1 : 0;
  header.is_repair = (b[0] & kRepairBit) != 0;
  header.codec = *codec;
  header.has_quality_report = (b[0] & kReportBit) != 0;
  header.fec_ratio_encoded = static_cast<std::uint8_t>(((b[0] & kRatioTopBit) << 6) | (b[1] >> 2));
  header.seq = load_be16(b + 2);
  header.timestamp = load_be32(b + 4);
  header.fec_block = b[8];
  header.fec_symbol = b[9];
  header.reserved = b[10];
  header.csrc_count = b[11];
  return header;
}

void write(const MediaHeader& header, std::span<std::uint8_t, MediaHeader::kSize> out) noexcept {
  const std::uint8_t ratio = header.fec_ratio_encoded & 0x7F;
  out[0] = static_cast<std::uint8_t>((header.version != 0 ? kVersionBit : 0) | (header.is_repair ? kRepairBit : 0) |
                                     (static_cast<std::uint8_t>(header.codec) << 2) |
                                     (header.has_quality_report ? kReportBit : 0) | (ratio >> 6));
  out[1] = static_cast<std::uint8_t>(ratio << 2);
  store_be16(out.data() + 2, header.seq);
  store_be32(out.data() + 4, header.timestamp);
  out[8] = header.fec_block;
  out[9] = header.fec_symbol;
  out[10] = header.reserved;
  out[11] = header.csrc_count;
}

std::uint8_t encode_fec_ratio(float ratio) noexcept {
  if (!(ratio > 0.0F)) return 0;
  return static_cast<std::uint8_t>(std::min(127.0F, std::round(ratio * 63.5F)));
}

float decode_fec_ratio(std::uint8_t encoded) noexcept { return static_cast<float>(encoded & 0x7F) / 63.5F; }

Result<MediaPacketView> parse_packet(ByteView datagram) {
  const auto header = parse_header(datagram);
  if (!header) return header.failure();
  MediaPacketView packet{*header, datagram.subspan(MediaHeader::kSize), std::nullopt};
  if (!header->has_quality_report) return packet;
  if (packet.payload.size() < QualityReport::kSize) return Unexpected{Errc::TooShort, "report"};
  const auto report = parse_quality_report(packet.payload.last(QualityReport::kSize));
  if (!report) return report.failure();
  packet.report = *report;
  packet.payload = packet.payload.first(packet.payload.size() - QualityReport::kSize);
  return packet;
}

Result<std::size_t> write_packet(const MediaPacketView& packet, std::span<std::uint8_t> out) {
  const std::size_t size = packet_size(packet);
  if (out.size() < size) return Unexpected{Errc::TooLong, "media packet"};
  MediaHeader header = packet.header;
  header.has_quality_report = packet.report.has_value();
  write(header, out.first<MediaHeader::kSize>());
  std::ranges::copy(packet.payload, out.begin() + MediaHeader::kSize);
  if (packet.report) write(*packet.report, out.subspan(size - QualityReport::kSize).first<QualityReport::kSize>());
  return size;
}

}  // namespace wzp::proto
