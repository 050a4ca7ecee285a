#include <algorithm>
#include <iterator>
#include <utility>

#include "wzp/relay/packet_switch.hpp"

// What changes the tables, and what happens between packets.

namespace wzp::relay {
namespace {

/// Source: our choice; twice a second shows a path that has gone bad within a second.
constexpr Duration kReportInterval = std::chrono::milliseconds{500};
/// Source: H-12.
constexpr Duration kLogInterval = std::chrono::seconds{10};
/// Source: our choice; nobody reads more.
constexpr std::size_t kMaxLines = 256;

/// Whether it also happens when nothing is wrong.
bool is_usual(MediaDrop reason) {
  using enum MediaDrop;
  return reason == Duplicate || reason == NoReceiver || reason == EarlyExpired || reason == EarlyOverflow ||
         reason == Closed;
}

template <class T>
bool has(const std::vector<T>& items, ConnectionId conn) {
  return std::ranges::any_of(items, [&](const T& item) { return item.conn == conn; });
}

}  // namespace

std::string_view name(MediaDrop reason) noexcept {
  switch (reason) {
    case MediaDrop::Malformed: return "malformed";
    case MediaDrop::NotAdmitted: return "not-admitted";
    case MediaDrop::UnknownRoom: return "unknown-room";
    case MediaDrop::ForeignRoom: return "foreign-room";
    case MediaDrop::Echo: return "echo";
    case MediaDrop::Impostor: return "impostor";
    case MediaDrop::Hops: return "hops";
    case MediaDrop::Duplicate: return "duplicate";
    case MediaDrop::LinkRate: return "link-rate";
    case MediaDrop::RoomRate: return "room-rate";
    case MediaDrop::SeatRate: return "seat-rate";
    case MediaDrop::CallRate: return "call-rate";
    case MediaDrop::Closed: return "closed";
    case MediaDrop::NoReceiver: return "no-receiver";
    case MediaDrop::EarlyOverflow: return "early-overflow";
    case MediaDrop::EarlyExpired: return "early-expired";
  }
  return "";
}

std::uint64_t MediaDrops::total() const noexcept {
  std::uint64_t sum = 0;
  for (const auto count : count_) sum += count;
  return sum;
}

std::size_t PacketSwitch::TagHash::operator()(const proto::RoomTag& tag) const noexcept {
  // People choose names of rooms, so the seed is a secret.
  const auto x = (load_be64(tag.data()) ^ seed) * 0x9e3779b97f4a7c15ULL;
  return static_cast<std::size_t>(x ^ (x >> 32));
}

PacketSwitch::PacketSwitch(Config config)
    : config_{config},
      rooms_{0, TagHash{load_be64(config.key.data())}},
      windows_{[&] {
        auto windows = config.windows;
        windows.seed ^= load_be64(config.key.data() + 8);
        return windows;
      }()},
      contents_{{.key = config.key}} {}

void PacketSwitch::set_room(std::shared_ptr<const RoomTable> table, Instant now, std::vector<Delivery>& out) {
  released_.clear();
  auto& room = rooms_[table->tag];
  take_seats(room, *table);
  take_lanes(room, *table);
  room.table = std::move(table);
  const auto& links = room.table->links;
  // Rooms are spread over the workers that have links.
  room.worker = links.empty() ? config_.worker : links[room.table->tag.back() % links.size()].conn.worker();
  look_up_links(room);
  if (room.kept > 0) release_early(room, now, out);
}

void PacketSwitch::take_seats(Room& room, const RoomTable& table) {
  if (room.table != nullptr) {
    for (const auto& old : room.table->seats) {
      const auto seat = seats_.find(old.conn);
      if (seat != seats_.end() && seat->second.room == &room && !has(table.seats, old.conn)) seats_.erase(seat);
    }
  }
  for (const auto& one : table.seats) {
    const Seat fresh{.room = &room, .source = one.source, .rate = registry::TokenBucket{config_.seat_rate}};
    const auto [seat, is_new] = seats_.try_emplace(one.conn, fresh);
    if (!is_new && seat->second.room != &room) seat->second = fresh;
    seat->second.source = one.source;
  }
}

void PacketSwitch::take_lanes(Room& room, const RoomTable& table) {
  std::vector<Lane> lanes;
  lanes.reserve(table.links.size());
  for (const auto& link : table.links) {
    const registry::Rate rate{link.packets_per_second, std::chrono::seconds{1}, link.packets_per_second};
    const auto old = std::ranges::find(room.lanes, link.conn, &Lane::conn);
    if (old == room.lanes.end()) {
      lanes.push_back({link.conn, nullptr, link.packets_per_second, registry::TokenBucket{rate}});
      continue;
    }
    lanes.push_back(*old);
    if (old->packets_per_second == link.packets_per_second) continue;
    lanes.back().packets_per_second = link.packets_per_second;
    lanes.back().rate = registry::TokenBucket{rate};
  }
  room.lanes = std::move(lanes);
}

void PacketSwitch::look_up_links(Room& room) {
  room.has_reference_link = false;
  for (auto& lane : room.lanes) {
    const auto link = links_.find(lane.conn);
    lane.link = link == links_.end() ? nullptr : &link->second;
    if (lane.link != nullptr && !lane.link->media.v2) room.has_reference_link = true;
  }
}

void PacketSwitch::drop_room(const proto::RoomTag& tag) {
  released_.clear();
  const auto found = rooms_.find(tag);
  if (found == rooms_.end()) return;
  auto& room = found->second;
  drop_early(room);
  for (const auto& old : room.table->seats) {
    const auto seat = seats_.find(old.conn);
    if (seat != seats_.end() && seat->second.room == &room) seats_.erase(seat);
  }
  if (!room.lanes.empty()) windows_.forget(tag);
  rooms_.erase(found);
}

void PacketSwitch::set_link(const LinkMedia& link) {
  auto media = link;
  media.trunk = link.trunk && link.v2;
  if (const auto known = links_.find(link.conn); known != links_.end()) {
    known->second.media = media;
  } else {
    std::array<bool, 256> taken{};
    for (const auto& [conn, other] : links_) taken[other.mixed_stream - kFirstMixedStream] = true;
    const auto free = std::ranges::find(taken, false);
    const auto number = free == taken.end() ? 255 : free - taken.begin();
    links_.emplace(link.conn, Link{.media = media,
                                   .mixed_stream = static_cast<std::uint16_t>(kFirstMixedStream + number),
                                   .rate = registry::TokenBucket{config_.link_rate}});
  }
  for (auto& [tag, room] : rooms_) look_up_links(room);
}

void PacketSwitch::forget(ConnectionId conn) {
  released_.clear();
  const auto seat = seats_.find(conn);
  if (seat != seats_.end() && seat->second.malformed > 0 && log_.size() < kMaxLines) {
    const auto count = std::to_string(std::exchange(seat->second.malformed, 0));
    log_.push_back({LogLevel::Info, to_string(conn) + ": " + count + " datagrams were no media packets"});
  }
  if (links_.erase(conn) == 0) return;
  for (auto& [tag, room] : rooms_) look_up_links(room);
}

// --- what comes before its receiver

PacketSwitch::Ingress* PacketSwitch::ingress(Room& room, ConnectionId conn) {
  if (const auto seat = seats_.find(conn); seat != seats_.end()) {
    return seat->second.room == &room ? &seat->second.in : nullptr;
  }
  const auto lane = std::ranges::find(room.lanes, conn, &Lane::conn);
  return lane == room.lanes.end() ? nullptr : &lane->in;
}

void PacketSwitch::keep(Room& room, Ingress& in, const Origin& origin, ByteView packet, Instant now, Link* link) {
  expire_early(now);
  if (in.kept >= config_.max_early || early_.size() >= config_.max_early_in_all) {
    return drop(MediaDrop::EarlyOverflow, link);
  }
  early_.push_back({&room, origin, Bytes{packet.begin(), packet.end()}, now});
  ++in.kept;
  ++room.kept;
}

void PacketSwitch::release_early(Room& room, Instant now, std::vector<Delivery>& out) {
  expire_early(now);
  for (auto early = early_.begin(); early != early_.end() && room.kept > 0;) {
    const auto one = early++;
    if (one->room != &room) continue;
    auto* in = ingress(room, one->origin.conn);
    if (in == nullptr) {  // it left, and its packets with it
      drop(MediaDrop::EarlyExpired);
    } else if (room.table->open && room.table->is_call && deliver(room, one->origin, one->packet, now, out)) {
      in->kept -= std::min<std::size_t>(in->kept, 1);
    } else {
      continue;
    }
    --room.kept;
    released_.splice(released_.end(), early_, one);
  }
}

void PacketSwitch::expire_early(Instant now) {
  while (!early_.empty() && now - early_.front().since >= config_.early_age) {
    auto& one = early_.front();
    if (auto* in = ingress(*one.room, one.origin.conn)) in->kept -= std::min<std::size_t>(in->kept, 1);
    --one.room->kept;
    const auto link = links_.find(one.origin.conn);
    drop(MediaDrop::EarlyExpired, link == links_.end() ? nullptr : &link->second);
    early_.pop_front();
  }
}

void PacketSwitch::drop_early(Room& room) {
  for (auto early = early_.begin(); early != early_.end() && room.kept > 0;) {
    const auto one = early++;
    if (one->room != &room) continue;
    --room.kept;
    drop(MediaDrop::EarlyExpired);
    early_.erase(one);
  }
}

// --- now and then

void PacketSwitch::tick(Instant now) {
  released_.clear();
  expire_early(now);
  windows_.expire(now);
  contents_.expire(now);
}

void PacketSwitch::take_reports(Instant now, std::vector<Reported>& out) {
  std::erase_if(reporting_, [&](ConnectionId conn) {
    const auto found = seats_.find(conn);
    if (found == seats_.end()) return true;
    auto& seat = found->second;
    if (!seat.reporting) return true;
    if (seat.reported != Instant::min() && now - seat.reported < kReportInterval) return false;
    seat.reported = now;
    seat.reporting = false;
    out.push_back({conn, seat.report});
    return true;
  });
}

void PacketSwitch::take_log(Instant now, std::vector<LogLine>& out) {
  std::ranges::move(log_, std::back_inserter(out));
  log_.clear();
  for (auto& [conn, link] : links_) {
    for (std::size_t i = 0; i < kMediaDropReasons; ++i) {
      const auto reason = static_cast<MediaDrop>(i);
      if (link.unsaid[reason] == 0 || now < link.quiet_until[i]) continue;
      link.quiet_until[i] = now + kLogInterval;
      const auto count = std::to_string(std::exchange(link.unsaid[reason], 0));
      out.push_back(
          {is_usual(reason) ? LogLevel::Debug : LogLevel::Warn,
           "link " + to_string(conn) + ": " + count + " packets of media dropped: " + std::string{name(reason)}});
    }
  }
}

}  // namespace wzp::relay
