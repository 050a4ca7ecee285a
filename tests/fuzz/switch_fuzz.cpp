// Any datagrams of seats and links, and any changes of the tables in between: no packet goes back where it came from,
// everybody gets what they can read, what is remembered stays within its bounds, and the batcher neither loses nor
// reorders an entry. The input is a list of steps: what happens, and a few bytes that say to whom.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "fuzz.hpp"
#include "wzp/proto/federation_datagram.hpp"
#include "wzp/proto/media_tag.hpp"
#include "wzp/relay/packet_switch.hpp"
#include "wzp/relay/trunk_batcher.hpp"

using namespace wzp;
using namespace wzp::relay;

namespace {

constexpr ByteArray<4> kOwn{0xaa, 0, 0, 1};
constexpr std::size_t kRooms = 3;
constexpr std::size_t kConns = 16;  ///< 0 to 7 are seats, 8 to 15 links
constexpr std::size_t kMaxEarly = 12;
constexpr std::size_t kMaxSources = 8;
constexpr std::size_t kMaxContents = 2 * 65'536;

bool is_link(ConnectionId conn) { return conn.value >= kConns / 2; }
proto::RoomTag tag_of(std::size_t room) { return {static_cast<std::uint8_t>(room), 'r'}; }
Bytes joined(ByteView head, ByteView body) {
  Bytes out{head.begin(), head.end()};
  append(out, body);
  return out;
}

class Player {
 public:
  explicit Player(ByteView input) : in_{input} {}

  void play() {
    while (!in_.done()) {
      std::vector<Delivery> out;
      Bytes datagram;  // lives as long as the deliveries do
      switch (in_.below(10)) {
        case 0: set_room(out); break;
        case 1: switch_.drop_room(tag_of(in_.below(kRooms))); break;
        case 2: set_link(); break;
        case 3: forget(); break;
        case 4: pass_time(); break;
        case 5: limit_ = std::size_t{in_.byte()} * 8; break;
        case 6: take_over(datagram, out); break;
        default: bring(datagram, out); break;
      }
      deliver(out);
      check_bounds();
    }
    pass(std::chrono::hours{1});
    fuzz::require(switch_.kept() == 0 && switch_.sources() == 0 && switch_.contents().size() == 0);
    fuzz::require(batcher_.waiting() == 0 && !batcher_.deadline());
    for (const auto& [conn, entries] : waiting_) fuzz::require(entries.empty());
  }

 private:
  void set_room(std::vector<Delivery>& out) {
    const auto room = in_.below(kRooms);
    const auto flags = in_.byte(), seats = in_.byte(), links = in_.byte();
    RoomTable table{.tag = tag_of(room), .is_call = (flags & 1) != 0, .open = (flags & 2) == 0};
    for (std::uint8_t i = 0; i < 8; ++i) {
      const bool odd = ((flags >> 2) + i) % 3 == 0;
      if ((seats >> i & 1) != 0) table.seats.push_back({{i}, {kOwn, static_cast<std::uint16_t>(i + 1)}, odd});
      if ((links >> i & 1) != 0) table.links.push_back({{i + kConns / 2}, !odd, odd ? 3U : 500U});
    }
    tables_[table.tag] = table;
    switch_.set_room(std::make_shared<const RoomTable>(std::move(table)), now_, out);
  }

  void set_link() {
    const auto conn = ConnectionId{kConns / 2 + in_.below(kConns / 2)};
    const auto flags = in_.byte();
    LinkMedia link{.conn = conn, .v2 = (flags & 1) != 0, .trunk = (flags & 2) != 0};
    if ((flags & 4) != 0) link.only_relay = ByteArray<4>{0xbb, 0, 0, static_cast<std::uint8_t>(conn.value)};
    links_[conn] = link;
    links_[conn].trunk = link.trunk && link.v2;
    switch_.set_link(link);
  }

  void forget() {
    const ConnectionId conn{in_.below(kConns)};
    switch_.forget(conn);
    batcher_.forget(conn);
    links_.erase(conn);
    waiting_.erase(conn);
  }

  /// Another worker has looked at it already: at what a seat brings, and at how long it is.
  void take_over(Bytes& datagram, std::vector<Delivery>& out) {
    const ConnectionId conn{in_.below(kConns)};
    append(datagram, in_.chunk());
    if (conn.value < kConns / 2 && !proto::parse_packet(datagram)) return;
    switch_.take_over(conn, datagram, now_, out);
  }

  /// A datagram as it comes, or with a tag before it that makes sense.
  void bring(Bytes& datagram, std::vector<Delivery>& out) {
    const ConnectionId conn{in_.below(kConns)};
    const auto form = in_.below(4);
    const std::size_t copies = form == 3 ? 2 : 1;
    Bytes entry;
    if (form >= 1) {
      const proto::MediaTag tag{tag_of(in_.below(kRooms + 1)),
                                {{in_.byte(), 0, 0, in_.byte()}, in_.byte()},
                                static_cast<std::uint8_t>(in_.below(11)),
                                in_.byte()};
      entry.resize(proto::MediaTag::kSize);
      proto::write(tag, std::span{entry}.first<proto::MediaTag::kSize>());
    }
    append(entry, in_.chunk());
    if (form >= 2) datagram.push_back(proto::kTrunkMarker);
    for (std::size_t i = 0; i < copies; ++i) {
      if (form >= 2) datagram.push_back(static_cast<std::uint8_t>(entry.size() >> 8));
      if (form >= 2) datagram.push_back(static_cast<std::uint8_t>(entry.size()));
      append(datagram, entry);
    }
    datagram.shrink_to_fit();
    switch_.handle(conn, datagram, now_, out);
    for (const auto& d : out) fuzz::require(d.from == conn);
  }

  void deliver(const std::vector<Delivery>& deliveries) {
    for (const auto& d : deliveries) {
      fuzz::require(d.to != d.from && d.head_size <= d.head.size() && proto::parse_packet(d.packet).has_value());
      check_readable(d);
      if (!d.trunk) continue;
      fuzz::require(d.may_wait == !is_link(d.from));
      waiting_[d.to].push_back(joined(d.head_bytes().subspan(1), d.packet));
      std::vector<TrunkDatagram> out;
      batcher_.add(d.to, d.head_bytes(), d.packet, d.may_wait, now_, out);
      left(out);
    }
  }

  void check_readable(const Delivery& d) {
    const auto bytes = joined(d.head_bytes(), d.packet);
    if (!is_link(d.to)) {
      if (!d.trunk) return fuzz::require(d.head_size == 0);
      auto rest = ByteView{bytes}.subspan(1);
      const auto entry = proto::take_member_entry(rest);
      return fuzz::require(entry.has_value() && rest.empty() && entry->packet.size() == d.packet.size());
    }
    const auto link = links_.find(d.to);
    fuzz::require(link != links_.end() && d.trunk == link->second.trunk);
    ByteView rest{bytes};
    if (d.trunk) {
      rest = rest.subspan(1);
      const auto entry = proto::take_link_entry(rest);
      fuzz::require(entry.has_value() && rest.empty());
      rest = *entry;
    }
    proto::RoomTag room{};
    if (link->second.v2) {
      const auto tagged = proto::parse_tagged(rest);
      fuzz::require(tagged.has_value() && tagged->tag.hops >= 1 && tagged->tag.hops <= proto::kMaxHops);
      room = tagged->tag.room;
      const bool ours = tagged->tag.source.relay == kOwn;
      fuzz::require(is_link(d.from) || ours);
    } else {
      room = proto::parse_federation_datagram(rest).value().room_tag;
    }
    const auto& table = tables_.at(room);
    const auto of = [&](ConnectionId conn) { return std::ranges::find(table.links, conn, &RoomLink::conn); };
    fuzz::require(table.open && of(d.to) != table.links.end());
    if (!is_link(d.from)) return;
    fuzz::require(of(d.from) != table.links.end() && of(d.from)->transit && of(d.to)->transit);
  }

  /// Every datagram is the next entries of its receiver, in order, and no longer than it takes if there are several.
  void left(const std::vector<TrunkDatagram>& datagrams) {
    for (const auto& d : datagrams) {
      const auto bytes = joined(d.head, d.body);
      fuzz::require(!bytes.empty() && bytes[0] == proto::kTrunkMarker);
      auto& entries = waiting_[d.to];
      std::size_t count = 0;
      for (auto rest = ByteView{bytes}.subspan(1); !rest.empty(); ++count) {
        fuzz::require(!entries.empty() && entries.front().size() <= rest.size());
        fuzz::require(std::ranges::equal(entries.front(), rest.first(entries.front().size())));
        rest = rest.subspan(entries.front().size());
        entries.pop_front();
      }
      fuzz::require(count == 1 || (count > 1 && bytes.size() <= limit_));
    }
  }

  void pass_time() { pass(std::chrono::milliseconds{1 << in_.below(16)}); }
  void pass(Duration time) {
    if (const auto due = batcher_.deadline()) fuzz::require(*due <= now_ + std::chrono::milliseconds{5});
    now_ += time;
    std::vector<TrunkDatagram> out;
    batcher_.tick(now_, out);
    left(out);
    fuzz::require(!batcher_.deadline() || *batcher_.deadline() > now_);
    switch_.tick(now_);
    std::vector<Reported> reports;
    switch_.take_reports(now_, reports);
    fuzz::require(reports.size() <= kConns / 2);
    std::vector<LogLine> lines;
    switch_.take_log(now_, lines);
  }

  void check_bounds() {
    fuzz::require(switch_.kept() <= kMaxEarly && switch_.sources() <= kMaxSources);
    fuzz::require(switch_.contents().size() <= kMaxContents);
    fuzz::require(switch_.rooms() <= kRooms && switch_.seats() <= kConns / 2 && switch_.links() == links_.size());
    fuzz::require(batcher_.receivers() <= kConns && batcher_.waiting() <= batcher_.receivers());
  }

  fuzz::Reader in_;
  Instant now_{std::chrono::hours{1}};
  std::size_t limit_ = 1160;
  std::map<proto::RoomTag, RoomTable> tables_;
  std::map<ConnectionId, LinkMedia> links_;
  std::map<ConnectionId, std::deque<Bytes>> waiting_;  ///< entries that the batcher was given and has not let go
  PacketSwitch switch_{{.relay = kOwn,
                        .key = {7},
                        .max_early = 4,
                        .max_early_in_all = kMaxEarly,
                        .windows = {.max_sources = kMaxSources}}};
  TrunkBatcher batcher_{[this](ConnectionId) { return limit_; }};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Player{{data, size}}.play();
  return 0;
}
