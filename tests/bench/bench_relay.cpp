#include <fmt/format.h>

#include "bench.hpp"
#include "crowd.hpp"
#include "load.hpp"
#include "raw_relay.hpp"
#include "wzp/base/overloaded.hpp"
#include "wzp/net/clock.hpp"
#include "wzp/net/random.hpp"
#include "wzp/net/udp_socket.hpp"

namespace wzp::bench {
namespace {

Outcome through_relay(const std::filesystem::path& binary, const RelayLoad& load, std::size_t& wire_size) {
  const RelayProcess relay{binary};
  Crowd crowd{relay, 2 * load.calls};
  crowd.on_signal = [&](std::size_t index, const proto::SignalMessage& message) {
    if (const auto* offer = std::get_if<proto::DirectCallOffer>(&message)) crowd.accept(index, *offer);
    if (const auto* setup = std::get_if<proto::CallSetup>(&message)) crowd.enter_room(index, CallId::parse(setup->call_id)->room());
  };
  crowd.register_all();
  for (std::size_t i = 0; i < load.calls; ++i) crowd.offer(2 * i, 2 * i + 1, CallId::from_random(net::random_array<16>()));
  crowd.run_until(
      [&] {
        for (std::size_t i = 0; i < crowd.size(); ++i) {
          if (!crowd.in_room(i)) return false;
        }
        return true;
      },
      "room with everybody in it");
  Bytes datagram(load.payload);
  std::uint64_t received = 0;
  crowd.on_media = [&](std::size_t, ByteView) { ++received; };
  const auto outcome = run_load(
      {2 * load.calls, load.packets_per_second, load.seconds}, relay.child(), received, [&](std::size_t index) { crowd.send_media(index, datagram); }, [&](Duration wait) { crowd.turn(wait); });
  // Short header (1 + 8 bytes of id + up to 4 of number), DATAGRAM frame (3), tag (16).
  wire_size = load.payload + 32;
  return outcome;
}

Outcome through_floor(const RelayLoad& load, std::size_t wire_size) {
  std::vector<net::UdpSocket> sockets;
  std::vector<SocketAddress> addresses;
  const auto loopback = *SocketAddress::parse("127.0.0.1:0");
  for (std::size_t i = 0; i < 2 * load.calls; ++i) {
    sockets.push_back(std::move(*net::UdpSocket::open(loopback)));
    addresses.push_back(sockets.back().local());
  }
  const RawRelay relay{addresses};
  const Bytes packet(wire_size);
  std::uint64_t received = 0;
  return run_load(
      {2 * load.calls, load.packets_per_second, load.seconds}, relay.child(), received,
      [&](std::size_t index) {
        const net::Train train{.remote = relay.address(), .local = {}, .ecn = 0, .segment = 0, .bytes = packet};
        sockets[index].send({&train, 1});
      },
      [&](Duration) {
        for (auto& socket : sockets) received += socket.receive().size();
      });
}

}  // namespace

void bench_relay(const std::filesystem::path& binary, const RelayLoad& load) {
  fmt::print("{} calls, {} speakers of {} packets/s, datagrams of {} bytes, {} s each\n", load.calls, 2 * load.calls, load.packets_per_second, load.payload,
             load.seconds);
  std::size_t wire_size = 0;
  const auto ours = through_relay(binary, load, wire_size);
  const auto floor = through_floor(load, wire_size);
  print("wzp-relay", ours);
  print("raw UDP", floor);
  fmt::print("ratio of processor time per packet: {:.2f}\n", ours.cpu_us_per_packet / floor.cpu_us_per_packet);
}

}  // namespace wzp::bench
