#include "wzp/relay/packet_switch.hpp"

#include <algorithm>
#include <utility>

namespace wzp::relay {
namespace {

using proto::kMaxHops;
using proto::MediaTag;

/// Source: our choice; no path between relays carries more in a datagram. Keeps every length within 16 bits.
constexpr std::size_t kMaxPacket = 9'000;
/// How long a room with *mixed* packets remembers contents after the last. Source: our choice.
constexpr Duration kMixedMemory = std::chrono::seconds{60};

/// The bytes before a packet, in each form that somebody may need. Written once for all receivers.
struct Heads {
  ByteArray<24> member{};      ///< trunk frame toward a seat
  ByteArray<24> tagged{};      ///< MediaTag
  ByteArray<24> link_trunk{};  ///< trunk frame toward a link
  ByteArray<24> room_tag{};

  static constexpr std::size_t kMember = 1 + proto::kMemberEntryHead;
  static constexpr std::size_t kLinkTrunk = 1 + proto::kTrunkEntryHead + MediaTag::kSize;

  Heads(const MediaTag& tag, std::size_t length) {
    member[0] = link_trunk[0] = proto::kTrunkMarker;
    proto::write_member_head(tag.source, length, std::span{member}.subspan<1, proto::kMemberEntryHead>());
    proto::write(tag, std::span{tagged}.first<MediaTag::kSize>());
    store_be16(link_trunk.data() + 1, static_cast<std::uint16_t>(MediaTag::kSize + length));
    std::copy_n(tagged.begin(), MediaTag::kSize, link_trunk.begin() + 1 + proto::kTrunkEntryHead);
    std::ranges::copy(tag.room, room_tag.begin());
  }
};
static_assert(Heads::kMember <= 24 && Heads::kLinkTrunk <= 24);

Delivery toward_seat(const RoomSeat& seat, bool trunk, const Heads& heads) {
  if (!trunk) return {.to = seat.conn};
  return {.to = seat.conn, .head = heads.member, .head_size = Heads::kMember, .trunk = true};
}

Delivery toward_link(const LinkMedia& link, const Heads& heads) {
  if (!link.v2) return {.to = link.conn, .head = heads.room_tag, .head_size = sizeof(proto::RoomTag)};
  if (!link.trunk) return {.to = link.conn, .head = heads.tagged, .head_size = MediaTag::kSize};
  return {.to = link.conn, .head = heads.link_trunk, .head_size = Heads::kLinkTrunk, .trunk = true};
}

}  // namespace

bool PacketSwitch::Budget::take(std::size_t bytes, std::uint32_t per_second, Instant now) {
  constexpr Duration kSecond = std::chrono::seconds{1};
  const Duration cost = kSecond * static_cast<Duration::rep>(bytes) / std::max(per_second, 1U);
  const auto full_at = std::max(full_at_, now) + cost;
  if (full_at - now > kSecond) return false;
  full_at_ = full_at;
  return true;
}

void PacketSwitch::drop(MediaDrop reason, Link* link) {
  ++drops_[reason];
  if (link != nullptr) ++link->unsaid[reason];
}

void PacketSwitch::handle(ConnectionId conn, ByteView datagram, Instant now, std::vector<Delivery>& out) {
  released_.clear();
  handovers_.clear();
  if (const auto seat = seats_.find(conn); seat != seats_.end()) {
    return from_seat(conn, seat->second, datagram, now, out);
  }
  const auto found = links_.find(conn);
  if (found == links_.end()) return drop(MediaDrop::NotAdmitted);
  auto& link = counted(found->second);
  // What a link carries was agreed: a room tag may start with any byte, that of the marker as well.
  link.media.trunk ? from_trunk(link, datagram, now, out) : from_link(link, datagram, now, out);
}

PacketSwitch::Link& PacketSwitch::counted(Link& link) {
  if (!link.media.newest) return link;
  const auto newest = links_.find(*link.media.newest);
  return newest == links_.end() ? link : newest->second;
}

void PacketSwitch::from_seat(ConnectionId conn, Seat& seat, ByteView packet, Instant now, std::vector<Delivery>& out) {
  const auto view = proto::parse_packet(packet);
  if (!view || packet.size() > kMaxPacket) {
    ++seat.malformed;
    return drop(MediaDrop::Malformed);
  }
  auto& room = *seat.room;
  if (room.table->is_call && !seat.in.budget.take(packet.size(), config_.call_bytes_per_second, now)) {
    return drop(MediaDrop::CallRate);
  }
  if (!room.table->is_call && !seat.rate.take(now)) return drop(MediaDrop::SeatRate);
  if (view->report) {
    seat.report = *view->report;
    if (!std::exchange(seat.reporting, true)) reporting_.push_back(conn);
  }
  if (room.worker != config_.worker) return handovers_.push_back({room.worker, conn, packet});
  pass(room, seat.in, {.conn = conn, .source = seat.source}, packet, now, nullptr, out);
}

void PacketSwitch::take_over(ConnectionId from, ByteView datagram, Instant now, std::vector<Delivery>& out) {
  released_.clear();
  if (const auto seat = seats_.find(from); seat != seats_.end()) {
    auto& [conn, one] = *seat;
    return pass(*one.room, one.in, {.conn = conn, .source = one.source}, datagram, now, nullptr, out);
  }
  const auto link = links_.find(from);
  if (link == links_.end()) return drop(MediaDrop::NotAdmitted);
  into_room(link->second, datagram, now, true, out);
}

void PacketSwitch::from_trunk(Link& link, ByteView datagram, Instant now, std::vector<Delivery>& out) {
  if (datagram.size() < 2 || datagram[0] != proto::kTrunkMarker) return drop(MediaDrop::Malformed, &link);
  for (auto rest = datagram.subspan(1); !rest.empty();) {
    const auto entry = proto::take_link_entry(rest);
    if (!entry) return drop(MediaDrop::Malformed, &link);  // what came before stands
    from_link(link, *entry, now, out);
  }
}

void PacketSwitch::from_link(Link& link, ByteView datagram, Instant now, std::vector<Delivery>& out) {
  if (!link.rate.take(now)) return drop(MediaDrop::LinkRate, &link);
  into_room(link, datagram, now, false, out);
}

void PacketSwitch::into_room(Link& link, ByteView datagram, Instant now, bool is_handed_over,
                             std::vector<Delivery>& out) {
  proto::TaggedPacket tagged;
  if (link.media.v2) {
    const auto parsed = proto::parse_tagged(datagram);
    if (!parsed) return drop(MediaDrop::Malformed, &link);
    tagged = *parsed;
  } else {
    const auto parsed = proto::parse_federation_datagram(datagram);
    if (!parsed) return drop(MediaDrop::Malformed, &link);
    tagged.tag = {parsed->room_tag, {config_.relay, link.mixed_stream}, 1, MediaTag::kMixed};
    tagged.packet = parsed->packet;
  }
  if (tagged.packet.size() > kMaxPacket || tagged.tag.source.stream == 0) return drop(MediaDrop::Malformed, &link);
  const auto found = rooms_.find(tagged.tag.room);
  if (found == rooms_.end()) return drop(MediaDrop::UnknownRoom, &link);
  auto& room = found->second;
  const auto lane = std::ranges::find(room.lanes, link.media.conn, &Lane::conn);
  if (lane == room.lanes.end()) return drop(MediaDrop::ForeignRoom, &link);
  // What was handed over stays, even if the table has just changed.
  if (room.worker != config_.worker && !is_handed_over) {
    return handovers_.push_back({room.worker, link.media.conn, datagram});
  }
  if (!admit(link, room, *lane, tagged, now)) return;
  const auto& tag = tagged.tag;
  pass(room, lane->in, {link.media.conn, tag.source, tag.hops, tag.flags}, tagged.packet, now, &link, out);
}

bool PacketSwitch::admit(Link& link, Room& room, Lane& lane, const proto::TaggedPacket& tagged, Instant now) {
  const auto refused = [&](MediaDrop reason) { return drop(reason, &link), false; };
  if (link.media.v2) {
    if (tagged.tag.source.relay == config_.relay) return refused(MediaDrop::Echo);
    if (link.media.only_relay.value_or(tagged.tag.source.relay) != tagged.tag.source.relay) {
      return refused(MediaDrop::Impostor);
    }
    if (tagged.tag.hops == 0 || tagged.tag.hops > kMaxHops) return refused(MediaDrop::Hops);
  }
  // Rates come before duplicates: a packet that is not let in must not stop its copy on a better way.
  if (lane.packets_per_second == 0 || !lane.rate.take(now)) return refused(MediaDrop::RoomRate);
  const auto size = tagged.packet.size();
  if (room.table->is_call && !lane.in.budget.take(size, config_.call_bytes_per_second, now)) {
    return refused(MediaDrop::CallRate);
  }
  return is_new(room, tagged, now) || refused(MediaDrop::Duplicate);
}

bool PacketSwitch::is_new(Room& room, const proto::TaggedPacket& tagged, Instant now) {
  if ((tagged.tag.flags & MediaTag::kMixed) != 0) {
    room.mixed_until = now + kMixedMemory;
    return contents_.insert(tagged.tag.room, tagged.packet, now);
  }
  return windows_.insert(tagged.tag.room, tagged.tag.source, load_be16(tagged.packet.data() + 2), now);
}

void PacketSwitch::pass(Room& room, Ingress& in, const Origin& origin, ByteView packet, Instant now, Link* link,
                        std::vector<Delivery>& out) {
  if (room.table->open && deliver(room, origin, packet, now, out)) return;
  if (room.table->is_call) return keep(room, in, origin, packet, now, link);
  drop(room.table->open ? MediaDrop::NoReceiver : MediaDrop::Closed, link);
}

bool PacketSwitch::deliver(Room& room, const Origin& origin, ByteView packet, Instant now, std::vector<Delivery>& out) {
  const auto& table = *room.table;
  const auto first = out.size();
  const Heads heads{{table.tag, origin.source, static_cast<std::uint8_t>(origin.hops + 1), origin.flags},
                    packet.size()};
  // Of the table of this moment: what was kept goes by the table that gives it out.
  const auto in = std::ranges::find(table.links, origin.conn, &RoomLink::conn);
  const bool passes_on = in == table.links.end() || (in->transit && origin.hops < kMaxHops);
  const auto add = [&](Delivery delivery) {
    delivery.from = origin.conn;
    delivery.packet = packet;
    delivery.may_wait = delivery.trunk && in == table.links.end();
    out.push_back(delivery);
  };
  for (const auto& seat : table.seats) {
    if (seat.conn != origin.conn) add(toward_seat(seat, seat.trunk && !table.is_call, heads));
  }
  for (std::size_t i = 0; i < room.lanes.size(); ++i) {
    const auto& lane = room.lanes[i];
    if (lane.link == nullptr || lane.conn == origin.conn || !passes_on) continue;
    if (in != table.links.end() && !table.links[i].transit) continue;
    add(toward_link(lane.link->media, heads));
  }
  const bool known = (origin.flags & MediaTag::kMixed) != 0;
  if (!known && (room.has_reference_link || now < room.mixed_until)) contents_.insert(table.tag, packet, now);
  return out.size() > first;
}

}  // namespace wzp::relay
