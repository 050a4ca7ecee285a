#include "wzp/proto/federation_datagram.hpp"

#include <algorithm>

namespace wzp::proto {

Result<FederationDatagramView> parse_federation_datagram(ByteView datagram) {
  FederationDatagramView view;
  if (datagram.size() < view.room_tag.size() + MediaHeader::kSize) return Unexpected{Errc::TooShort, "room tag"};
  std::ranges::copy(datagram.first(view.room_tag.size()), view.room_tag.begin());
  view.packet = datagram.subspan(view.room_tag.size());
  if (const auto packet = parse_packet(view.packet); !packet) return packet.failure();
  return view;
}

Result<std::size_t> write_federation_datagram(const RoomTag& tag, ByteView packet, std::span<std::uint8_t> out) {
  if (out.size() < tag.size() + packet.size()) return Unexpected{Errc::TooLong, "datagram"};
  const auto rest = std::ranges::copy(tag, out.begin()).out;
  std::ranges::copy(packet, rest);
  return tag.size() + packet.size();
}

}  // namespace wzp::proto
