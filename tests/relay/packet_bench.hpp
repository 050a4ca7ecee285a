#pragma once

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <memory>
#include <ostream>
#include <utility>
#include <vector>

#include "sim_clock.hpp"
#include "sim_random.hpp"
#include "wzp/base/hex.hpp"
#include "wzp/relay/packet_switch.hpp"

// Packets and tables for the tests of the packet path.

namespace wzp::test {

using relay::RoomLink;
using relay::RoomSeat;
using relay::RoomTable;

inline constexpr ByteArray<4> kHere{0xaa, 0xaa, 0xaa, 0x01};
inline constexpr ByteArray<4> kThere{0xbb, 0xbb, 0xbb, 0x02};
inline constexpr ByteArray<4> kFar{0xcc, 0xcc, 0xcc, 0x03};

inline constexpr ConnectionId kAlice{1};
inline constexpr ConnectionId kBob{2};
inline constexpr ConnectionId kCarol{3};
inline constexpr ConnectionId kEast{101};
inline constexpr ConnectionId kWest{102};
inline constexpr ConnectionId kOld{103};  ///< a reference relay

inline proto::RoomTag tag_of(std::uint8_t name) { return {name, 2, 3, 4, 5, 6, 7, 8}; }

/// A media packet. `fill` is every byte of its payload.
inline Bytes packet(std::uint16_t seq, std::uint8_t fill = 0x11, std::size_t payload = 20) {
  Bytes out(proto::MediaHeader::kSize + payload, fill);
  proto::write({.seq = seq, .timestamp = seq * 20U}, std::span{out}.first<proto::MediaHeader::kSize>());
  return out;
}

inline Bytes with_report(std::uint16_t seq, const proto::QualityReport& report) {
  Bytes out(100);
  const proto::MediaPacketView view{.header = {.seq = seq}, .payload = {}, .report = report};
  out.resize(*proto::write_packet(view, out));
  return out;
}

inline Bytes tagged(const proto::MediaTag& tag, ByteView media) {
  Bytes out(proto::MediaTag::kSize);
  proto::write(tag, std::span{out}.first<proto::MediaTag::kSize>());
  append(out, media);
  return out;
}

/// As a packet comes over a link from its own relay.
inline Bytes from(const proto::SourceId& source, ByteView media, std::uint8_t room = 'r', std::uint8_t hops = 1,
                  std::uint8_t flags = 0) {
  return tagged({tag_of(room), source, hops, flags}, media);
}

/// As a reference relay sends it.
inline Bytes room_tagged(ByteView media, std::uint8_t room = 'r') {
  const auto tag = tag_of(room);
  Bytes out{tag.begin(), tag.end()};
  append(out, media);
  return out;
}

inline Bytes link_trunk(const std::vector<Bytes>& entries) {
  Bytes out{proto::kTrunkMarker};
  for (const auto& entry : entries) {
    out.push_back(static_cast<std::uint8_t>(entry.size() >> 8));
    out.push_back(static_cast<std::uint8_t>(entry.size()));
    append(out, entry);
  }
  return out;
}

inline Bytes member_trunk(const proto::SourceId& source, ByteView media) {
  Bytes out{proto::kTrunkMarker};
  out.resize(1 + proto::kMemberEntryHead);
  proto::write_member_head(source, media.size(), std::span{out}.subspan<1, proto::kMemberEntryHead>());
  append(out, media);
  return out;
}

/// A datagram for somebody.
struct Sent {
  ConnectionId to;
  Bytes bytes;

  auto operator<=>(const Sent&) const = default;
  friend std::ostream& operator<<(std::ostream& out, const Sent& sent) {
    return out << sent.to.value << ": " << to_hex(sent.bytes);
  }
};
using Sents = std::vector<Sent>;

/// A switch with a clock.
class PacketBench {
 public:
  explicit PacketBench(const std::function<void(relay::PacketSwitch::Config&)>& tweak = {}) {
    relay::PacketSwitch::Config config{.relay = kHere, .key = {7, 7, 7}};
    if (tweak) tweak(config);
    sut_ = std::make_unique<relay::PacketSwitch>(config);
  }

  relay::PacketSwitch* operator->() { return sut_.get(); }
  sim::SimClock clock;

  Sents set(RoomTable table) {
    std::vector<relay::Delivery> out;
    (*this)->set_room(std::make_shared<const RoomTable>(std::move(table)), clock.now(), out);
    return read(out);
  }
  void links(std::initializer_list<relay::LinkMedia> links) {
    for (const auto& link : links) (*this)->set_link(link);
  }
  Sents bring(ConnectionId from, ByteView datagram) {
    std::vector<relay::Delivery> out;
    (*this)->handle(from, datagram, clock.now(), out);
    return read(out);
  }
  Sents take_over(ConnectionId from, ByteView datagram) {
    std::vector<relay::Delivery> out;
    (*this)->take_over(from, datagram, clock.now(), out);
    return read(out);
  }
  /// How many got it.
  std::size_t heard(ConnectionId from, ByteView datagram) { return bring(from, datagram).size(); }
  std::uint64_t dropped(relay::MediaDrop reason) { return (*this)->drops()[reason]; }

 private:
  static Sents read(const std::vector<relay::Delivery>& deliveries) {
    Sents out;
    for (const auto& delivery : deliveries) {
      const auto head = delivery.head_bytes();
      out.push_back({delivery.to, {head.begin(), head.end()}});
      append(out.back().bytes, delivery.packet);
    }
    return out;
  }

  std::unique_ptr<relay::PacketSwitch> sut_;
};

}  // namespace wzp::test
