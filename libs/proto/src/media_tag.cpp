#include "wzp/proto/media_tag.hpp"

#include <algorithm>

#include "wzp/base/hex.hpp"

namespace wzp::proto {
namespace {

SourceId load_source(const std::uint8_t* p) noexcept {
  SourceId source;
  std::copy_n(p, source.relay.size(), source.relay.begin());
  source.stream = load_be16(p + source.relay.size());
  return source;
}

void store_source(std::uint8_t* p, const SourceId& source) noexcept {
  std::ranges::copy(source.relay, p);
  store_be16(p + source.relay.size(), source.stream);
}

}  // namespace

SourceId SourceId::of(const RelayFingerprint& relay, std::uint16_t stream) noexcept {
  SourceId source{.stream = stream};
  std::copy_n(relay.bytes.begin(), source.relay.size(), source.relay.begin());
  return source;
}

std::optional<SourceId> SourceId::parse(std::string_view text) {
  const auto bytes = array_from_hex<kSize>(text);
  return bytes ? std::optional{load_source(bytes->data())} : std::nullopt;
}

std::string to_string(const SourceId& source) {
  ByteArray<SourceId::kSize> bytes{};
  store_source(bytes.data(), source);
  return to_hex(bytes);
}

Result<TaggedPacket> parse_tagged(ByteView datagram) {
  if (datagram.size() < MediaTag::kSize + MediaHeader::kSize) return Unexpected{Errc::TooShort, "media tag"};
  TaggedPacket out;
  std::copy_n(datagram.begin(), out.tag.room.size(), out.tag.room.begin());
  out.tag.source = load_source(datagram.data() + 8);
  out.tag.hops = datagram[14];
  out.tag.flags = datagram[15];
  out.packet = datagram.subspan(MediaTag::kSize);
  if (const auto packet = parse_packet(out.packet); !packet) return packet.failure();
  return out;
}

void write(const MediaTag& tag, std::span<std::uint8_t, MediaTag::kSize> out) noexcept {
  std::ranges::copy(tag.room, out.begin());
  store_source(out.data() + 8, tag.source);
  out[14] = tag.hops;
  out[15] = tag.flags;
}

Result<MemberEntry> take_member_entry(ByteView& rest) {
  if (rest.size() < kMemberEntryHead) return Unexpected{Errc::TooShort, "trunk entry"};
  const std::size_t length = load_be16(rest.data() + SourceId::kSize);
  if (rest.size() - kMemberEntryHead < length) return Unexpected{Errc::TooShort, "trunk packet"};
  const MemberEntry entry{load_source(rest.data()), rest.subspan(kMemberEntryHead, length)};
  rest = rest.subspan(kMemberEntryHead + length);
  return entry;
}

Result<ByteView> take_link_entry(ByteView& rest) {
  if (rest.size() < kTrunkEntryHead) return Unexpected{Errc::TooShort, "trunk entry"};
  const std::size_t length = load_be16(rest.data());
  if (rest.size() - kTrunkEntryHead < length) return Unexpected{Errc::TooShort, "trunk packet"};
  const auto entry = rest.subspan(kTrunkEntryHead, length);
  rest = rest.subspan(kTrunkEntryHead + length);
  return entry;
}

void write_member_head(const SourceId& source, std::size_t length,
                       std::span<std::uint8_t, kMemberEntryHead> out) noexcept {
  store_source(out.data(), source);
  store_be16(out.data() + SourceId::kSize, static_cast<std::uint16_t>(length));
}

}  // namespace wzp::proto
