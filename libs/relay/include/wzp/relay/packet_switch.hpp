#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "wzp/base/bytes.hpp"
#include "wzp/base/ids.hpp"
#include "wzp/base/log.hpp"
#include "wzp/base/time.hpp"
#include "wzp/proto/media_header.hpp"
#include "wzp/registry/rate_limiter.hpp"
#include "wzp/relay/events.hpp"
#include "wzp/relay/media_drop.hpp"
#include "wzp/relay/media_duplicates.hpp"
#include "wzp/relay/room_table.hpp"

namespace wzp::relay {

/// Streams from here on are not those of seats: packets that a reference relay brought, which cannot tell its senders
/// apart, go on as *mixed* packets of this relay and one such stream for each link. (Two links share one when there are
/// more than 256.) Since the relay is named as the source, they count as an echo when they come back.
inline constexpr std::uint16_t kFirstMixedStream = 0xFF00;

/// One packet for one receiver: `head` and then `packet` make the datagram. Lives until the next call of the switch.
struct Delivery {
  ConnectionId from{};
  ConnectionId to{};
  ByteArray<24> head{};
  std::size_t head_size = 0;
  ByteView packet{};
  /// The datagram is a trunk frame of one entry: what follows the marker may be joined with others.
  bool trunk = false;
  /// ... and may wait for them: it comes straight from a seat. What has crossed a link has waited once already.
  bool may_wait = false;

  [[nodiscard]] ByteView head_bytes() const noexcept { return ByteView{head}.first(head_size); }
};

/// A datagram whose room another worker switches. Lives until the next call of the switch.
struct Handover {
  std::uint16_t worker = 0;
  ConnectionId from{};
  ByteView datagram{};  ///< as it came; out of a trunk frame, one entry
};

/// The packet path of a relay: says for every datagram of a seat or a link who gets it, and how it is written.
///
/// - A packet of a *seat* goes to all other seats of its room and to all links: bare toward seats, as a trunk frame
///   toward those that read them (never in the room of a call); behind a MediaTag, or the room tag alone, toward links.
/// - A packet of a *link* goes to all seats, and to other links if both have transit and hops are left. It never goes
///   back where it came from. It is dropped when its tag names no room or one that this link does not carry (V-75,
///   V-33), when its source is of this relay (V-37) or of one that the link may not speak for, or when it was here
///   before (see media_duplicates.hpp). Packets of reference relays and *mixed* ones are known by content; as long as a room has any, all of its packets are
///   remembered so, but those with a source of their own are judged by their source alone (H-29).
/// - Of several connections to one relay each may bring packets, and the newest gets them.
/// - Links are bounded, each by itself and in each room (V-43); so is each seat, and each direction of a call, in bytes.
/// - In the room of a call, what finds nobody is kept for a moment and given out by the table that brings somebody.
///
/// Datagrams that make no sense are counted and end nothing (H-32). Nothing allocates per packet once a room is quiet.
///
/// Every worker thread has a switch of its own with the same tables, for what comes in on its own connections. A room
/// with links is switched by one worker, which owns one of them: the others hand over what they get for it, so that
/// copies are noticed whatever links they take. What a connection may bring in all is judged where it comes in.
class PacketSwitch {
 public:
  struct Config {
    std::uint16_t worker = 0;  ///< whose switch this is
    ByteArray<4> relay{};      ///< the first four bytes of our fingerprint
    ByteArray<32> key{};       ///< random
    /// Of one link. Source: relay.md 10.6.
    registry::Rate link_rate{.count = 5'000, .period = std::chrono::seconds{1}, .burst = 1'000};
    /// Of one seat in a room of several people. Source: relay.md 10.6, what a link may bring for each.
    registry::Rate seat_rate{.count = 500, .period = std::chrono::seconds{1}, .burst = 500};
    /// Of one direction of a call, saved up for a second. Source: relay.md 22.1, 128 kbit/s and a fifth.
    std::uint32_t call_bytes_per_second = 19'200;
    /// Kept per direction of a call, and how long. Source: relay.md 22.1.
    std::size_t max_early = 10;
    Duration early_age = std::chrono::milliseconds{500};
    /// Kept in all. Source: our choice, 2 MB of voice.
    std::size_t max_early_in_all = 20'000;
    SourceWindows::Config windows{};
  };

  explicit PacketSwitch(Config config);
  PacketSwitch(const PacketSwitch&) = delete;
  PacketSwitch& operator=(const PacketSwitch&) = delete;

  /// The newest table of this room. Shared by the switches of all workers, and never changed by anybody. What was kept
  /// and has a receiver now goes to `out`.
  void set_room(std::shared_ptr<const RoomTable> table, Instant now, std::vector<Delivery>& out);
  void drop_room(const proto::RoomTag& tag);
  void set_link(const LinkMedia& link);
  /// The connection is gone. Its seat and its place in tables go with the next tables.
  void forget(ConnectionId conn);

  /// Adds to `out`. The deliveries refer to `datagram`.
  void handle(ConnectionId conn, ByteView datagram, Instant now, std::vector<Delivery>& out);
  /// What the last call of `handle` leaves to other workers.
  [[nodiscard]] const std::vector<Handover>& handovers() const noexcept { return handovers_; }
  /// The same for what another worker's switch has handed over.
  void take_over(ConnectionId from, ByteView datagram, Instant now, std::vector<Delivery>& out);

  /// What has grown too old goes. To be called about twice a second.
  void tick(Instant now);
  /// The newest quality report of each seat that sent one, at most two a second for each.
  void take_reports(Instant now, std::vector<Reported>& out);
  /// About drops on links: at most one line per link and reason in 10 s, and none without drops (H-12, V-35).
  void take_log(Instant now, std::vector<LogLine>& out);

  /// How many packets were dropped so far, by reason.
  [[nodiscard]] const MediaDrops& drops() const noexcept { return drops_; }
  [[nodiscard]] std::size_t rooms() const noexcept { return rooms_.size(); }
  [[nodiscard]] std::size_t seats() const noexcept { return seats_.size(); }
  [[nodiscard]] std::size_t links() const noexcept { return links_.size(); }
  [[nodiscard]] std::size_t kept() const noexcept { return early_.size(); }
  [[nodiscard]] std::size_t sources() const noexcept { return windows_.size(); }
  [[nodiscard]] const SeenContents& contents() const noexcept { return contents_; }

 private:
  /// Bytes per second, saved up for a second.
  class Budget {
   public:
    [[nodiscard]] bool take(std::size_t bytes, std::uint32_t per_second, Instant now);

   private:
    Instant full_at_ = Instant::min();
  };
  /// What a seat or a link brings into one room.
  struct Ingress {
    Budget budget;
    std::size_t kept = 0;
  };
  struct Room;
  struct Seat {
    Room* room;
    proto::SourceId source;
    registry::TokenBucket rate;
    Ingress in{};
    proto::QualityReport report{};
    bool reporting = false;
    Instant reported = Instant::min();
    std::uint64_t malformed = 0;
  };
  struct Link {
    LinkMedia media;
    std::uint16_t mixed_stream;
    registry::TokenBucket rate;
    MediaDrops unsaid{};  ///< not in the log yet
    std::array<Instant, kMediaDropReasons> quiet_until{};
  };
  /// A link in one room; at the same place as in the table.
  struct Lane {
    ConnectionId conn;
    Link* link;  ///< none before `set_link`
    std::uint32_t packets_per_second;
    registry::TokenBucket rate;
    Ingress in{};
  };
  struct Room {
    std::shared_ptr<const RoomTable> table{};
    std::vector<Lane> lanes{};
    std::size_t kept = 0;
    std::uint16_t worker = 0;  ///< who switches it
    bool has_reference_link = false;
    Instant mixed_until = Instant::min();  ///< some came; known by content until then
  };
  /// Where a packet came in, and as what it goes on.
  struct Origin {
    ConnectionId conn{};
    proto::SourceId source{};
    std::uint8_t hops = 0;
    std::uint8_t flags = 0;
  };
  struct Early {
    Room* room;
    Origin origin;
    Bytes packet;
    Instant since;
  };
  struct TagHash {
    std::uint64_t seed;
    std::size_t operator()(const proto::RoomTag& tag) const noexcept;
  };

  void drop(MediaDrop reason, Link* link = nullptr);
  /// What this one brings is judged as brought by it.
  [[nodiscard]] Link& counted(Link& link);
  void from_seat(ConnectionId conn, Seat& seat, ByteView packet, Instant now, std::vector<Delivery>& out);
  void from_trunk(Link& link, ByteView datagram, Instant now, std::vector<Delivery>& out);
  void from_link(Link& link, ByteView datagram, Instant now, std::vector<Delivery>& out);
  void into_room(Link& link, ByteView datagram, Instant now, bool is_handed_over, std::vector<Delivery>& out);
  /// Counts and says no when the packet may not enter the room.
  [[nodiscard]] bool admit(Link& link, Room& room, Lane& lane, const proto::TaggedPacket& tagged, Instant now);
  [[nodiscard]] bool is_new(Room& room, const proto::TaggedPacket& tagged, Instant now);
  void pass(Room& room, Ingress& in, const Origin& origin, ByteView packet, Instant now, Link* link,
            std::vector<Delivery>& out);
  /// False when nobody gets it.
  bool deliver(Room& room, const Origin& origin, ByteView packet, Instant now, std::vector<Delivery>& out);
  void keep(Room& room, Ingress& in, const Origin& origin, ByteView packet, Instant now, Link* link);
  [[nodiscard]] Ingress* ingress(Room& room, ConnectionId conn);
  void release_early(Room& room, Instant now, std::vector<Delivery>& out);
  void expire_early(Instant now);
  void drop_early(Room& room);
  void take_seats(Room& room, const RoomTable& table);
  void take_lanes(Room& room, const RoomTable& table);
  void look_up_links(Room& room);

  Config config_;
  std::unordered_map<proto::RoomTag, Room, TagHash> rooms_;
  std::unordered_map<ConnectionId, Seat> seats_;
  std::unordered_map<ConnectionId, Link> links_;
  SourceWindows windows_;
  SeenContents contents_;
  std::list<Early> early_;     ///< oldest first
  std::list<Early> released_;  ///< what the deliveries of the last call refer to
  std::vector<Handover> handovers_;
  std::vector<ConnectionId> reporting_;
  std::vector<LogLine> log_;
  MediaDrops drops_{};
};

}  // namespace wzp::relay
