#include "wzp/proto/mini_frame.hpp"

#include <limits>

namespace wzp::proto {
namespace {

constexpr std::uint8_t kFullTag = 0x00;
constexpr std::uint8_t kMiniTag = 0x01;

/// The header that a mini frame stands for.
MediaHeader following(const MediaHeader& before, std::uint32_t delta) {
  MediaHeader header = before;
  header.seq = static_cast<std::uint16_t>(before.seq + 1);
  header.timestamp = before.timestamp + delta;
  header.has_quality_report = false;
  return header;
}

}  // namespace

Result<MiniHeader> parse_mini_header(ByteView bytes) {
  if (bytes.size() < MiniHeader::kSize) return Unexpected{Errc::TooShort, "mini header"};
  return MiniHeader{load_be16(bytes.data()), load_be16(bytes.data() + 2)};
}

void write(const MiniHeader& header, std::span<std::uint8_t, MiniHeader::kSize> out) noexcept {
  store_be16(out.data(), header.timestamp_delta_ms);
  store_be16(out.data() + 2, header.payload_len);
}

std::optional<MiniHeader> CompactEncoder::mini_for(const MediaPacketView& packet) const {
  if (!last_ || minis_ + 1 >= kFullFramePeriod || packet.report) return std::nullopt;
  const std::uint32_t delta = packet.header.timestamp - last_->timestamp;
  constexpr std::size_t kMax = std::numeric_limits<std::uint16_t>::max();
  if (delta > kMax || packet.payload.size() > kMax) return std::nullopt;
  if (packet.header != following(*last_, delta)) return std::nullopt;
  return MiniHeader{static_cast<std::uint16_t>(delta), static_cast<std::uint16_t>(packet.payload.size())};
}

Bytes CompactEncoder::encode(const MediaPacketView& packet) {
  Bytes out;
  if (const auto mini = mini_for(packet)) {
    out.resize(1 + MiniHeader::kSize);
    out[0] = kMiniTag;
    write(*mini, std::span{out}.subspan<1, MiniHeader::kSize>());
    append(out, packet.payload);
    ++minis_;
  } else {
    out.resize(1 + packet_size(packet));
    out[0] = kFullTag;
    (void)write_packet(packet, std::span{out}.subspan(1));  // the size is right
    minis_ = 0;
  }
  last_ = packet.header;
  return out;
}

Result<MediaPacketView> CompactDecoder::decode(ByteView frame) {
  if (frame.empty()) return Unexpected{Errc::TooShort, "compact frame"};
  const ByteView body = frame.subspan(1);
  if (frame[0] == kFullTag) {
    auto packet = parse_packet(body);
    if (packet) last_ = packet->header;
    return packet;
  }
  if (frame[0] != kMiniTag) return Unexpected{Errc::BadValue, "frame tag"};
  const auto mini = parse_mini_header(body);
  if (!mini) return mini.failure();
  const ByteView rest = body.subspan(MiniHeader::kSize);
  if (rest.size() < mini->payload_len) return Unexpected{Errc::TooShort, "mini payload"};
  if (!last_) return Unexpected{Errc::WrongState, "no full frame"};
  last_ = following(*last_, mini->timestamp_delta_ms);
  return MediaPacketView{*last_, rest.first(mini->payload_len), std::nullopt};
}

}  // namespace wzp::proto
