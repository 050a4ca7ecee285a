#include <algorithm>

#include <fmt/format.h>

#include "bench.hpp"
#include "crowd.hpp"
#include "load.hpp"
#include "raw_relay.hpp"
#include "wzp/proto/media_header.hpp"
#include "wzp/proto/media_tag.hpp"

namespace wzp::bench {
namespace {

/// How many media packets a datagram brought.
std::size_t packets_in(ByteView datagram, bool trunk) {
  if (!trunk) return 1;
  std::size_t packets = 0;
  if (datagram.empty() || datagram[0] != proto::kTrunkMarker) return 0;
  for (auto rest = datagram.subspan(1); !rest.empty(); ++packets) {
    if (!proto::take_member_entry(rest)) break;
  }
  return packets;
}

Outcome through_relay(const std::filesystem::path& binary, const RoomLoad& room, const Load& load, std::uint64_t& datagrams) {
  const RelayProcess relay{binary, room.workers};
  Crowd crowd{relay, room.members, static_cast<std::uint16_t>(room.workers > 1 ? 16 : 1)};
  if (room.trunk) crowd.room_caps = {std::string{proto::kCapTrunk}};
  for (std::size_t i = 0; i < room.members; ++i) {
    crowd.enter_room(i, "bench");
    crowd.run_until([&] { return crowd.in_room(i); }, "room with everybody in it");
  }
  std::uint64_t received = 0;
  datagrams = 0;
  crowd.on_media = [&](std::size_t, ByteView datagram) {
    ++datagrams;
    received += packets_in(datagram, room.trunk);
  };
  // Lists of members and the like are still on their way.
  for (int i = 0; i < 20; ++i) crowd.turn(std::chrono::milliseconds{10});
  Bytes datagram(room.payload);
  std::uint16_t seq = 0;
  return run_load(
      load, relay.child(), received,
      [&](std::size_t index) {
        store_be16(datagram.data() + 2, ++seq);
        crowd.send_media(index, datagram);
      },
      [&](Duration wait) { crowd.turn(wait); });
}

}  // namespace

void bench_room(const std::filesystem::path& binary, const RoomLoad& room) {
  const auto copies = room.members - 1;
  Load load{.speakers = std::min(room.speakers, room.members), .packets_per_second = 0, .seconds = room.seconds};
  load.packets_per_second = room.deliveries_per_second / static_cast<double>(load.speakers * copies);
  fmt::print("{} members, {} speakers of {:.1f} packets/s, datagrams of {} bytes{}, {} s each\n", room.members, load.speakers,
             load.packets_per_second, room.payload, room.trunk ? ", trunk frames" : "", room.seconds);
  std::uint64_t datagrams = 0;
  const auto ours = through_relay(binary, room, load, datagrams);
  const auto floor = through_raw_relay(RawRelay::Pattern::Everybody, room.members, load, room.payload);
  print("wzp-relay", ours, copies);
  print("raw UDP", floor, copies);
  if (room.trunk) fmt::print("{:.2f} packets per trunk frame\n", static_cast<double>(ours.received) / static_cast<double>(std::max<std::uint64_t>(datagrams, 1)));
  fmt::print("one processor could deliver {:.0f} packets/s\n", ours.cpu_us_per_packet > 0 ? 1e6 / ours.cpu_us_per_packet : 0.0);
  fmt::print("ratio of processor time per packet: {:.2f}\n", ours.cpu_us_per_packet / floor.cpu_us_per_packet);
}

}  // namespace wzp::bench
