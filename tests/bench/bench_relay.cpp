#include <fmt/format.h>

#include "bench.hpp"
#include "crowd.hpp"
#include "raw_relay.hpp"
#include "wzp/base/overloaded.hpp"
#include "wzp/net/clock.hpp"
#include "wzp/net/random.hpp"
#include "wzp/net/udp_socket.hpp"

namespace wzp::bench {
namespace {

struct Outcome {
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  double cpu_us_per_packet = 0;  ///< of the relay, for a packet that arrived
  double packets_per_second = 0;
  double cpu_share = 0;          ///< of one processor
};

double seconds_of(Duration d) { return std::chrono::duration<double>{d}.count(); }

/// Sends for `load.seconds` at the load's rate, speakers spread evenly over time, and lets the rest arrive.
template <class Send, class Turn>
Outcome run_load(const RelayLoad& load, const Child& relay, std::uint64_t& received, Send send, Turn turn) {
  const std::size_t speakers = 2 * load.calls;
  const double per_second = static_cast<double>(speakers) * load.packets_per_second;
  Outcome outcome;
  received = 0;
  const auto began = net::now();
  const auto cpu_before = relay.cpu_time();
  const auto length = std::chrono::duration_cast<Duration>(std::chrono::duration<double>{load.seconds});
  for (auto now = began; now - began < length; now = net::now()) {
    const auto due = static_cast<std::uint64_t>(seconds_of(now - began) * per_second);
    // After a delay the backlog is sent at once, but never more than 20 ms of it: speakers do not store up frames.
    const auto most = outcome.sent + static_cast<std::uint64_t>(per_second / 50) + 1;
    for (; outcome.sent < std::min(due, most); ++outcome.sent) send(static_cast<std::size_t>(outcome.sent % speakers));
    turn(std::chrono::milliseconds{1});
  }
  for (const auto end = net::now() + std::chrono::milliseconds{300}; net::now() < end;) turn(std::chrono::milliseconds{10});
  const double cpu = seconds_of(relay.cpu_time() - cpu_before);
  const double wall = seconds_of(net::now() - began);
  outcome.received = received;
  outcome.cpu_us_per_packet = received == 0 ? 0 : cpu * 1e6 / static_cast<double>(received);
  outcome.packets_per_second = static_cast<double>(received) / load.seconds;
  outcome.cpu_share = cpu / wall;
  return outcome;
}

Outcome through_relay(const std::filesystem::path& binary, const RelayLoad& load, std::size_t& wire_size) {
  const RelayProcess relay{binary};
  Crowd crowd{relay, 2 * load.calls};
  crowd.on_signal = [&](std::size_t index, const proto::SignalMessage& message) {
    if (const auto* offer = std::get_if<proto::DirectCallOffer>(&message)) crowd.accept(index, *offer);
    if (const auto* setup = std::get_if<proto::CallSetup>(&message)) crowd.enter_room(index, *CallId::parse(setup->call_id));
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
      load, relay.child(), received, [&](std::size_t index) { crowd.send_media(index, datagram); }, [&](Duration wait) { crowd.turn(wait); });
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
      load, relay.child(), received,
      [&](std::size_t index) {
        const net::Train train{.remote = relay.address(), .local = {}, .ecn = 0, .segment = 0, .bytes = packet};
        sockets[index].send({&train, 1});
      },
      [&](Duration) {
        for (auto& socket : sockets) received += socket.receive().size();
      });
}

void print(const char* name, const Outcome& o) {
  fmt::print("{:<10} sent {:>8}  arrived {:>8} ({:.2f} % lost)  {:>9.0f} packets/s  {:6.2f} us of processor per packet  ({:.0f} % of one)\n", name, o.sent,
             o.received, o.sent == 0 ? 0.0 : 100.0 * (1.0 - static_cast<double>(o.received) / static_cast<double>(o.sent)), o.packets_per_second,
             o.cpu_us_per_packet, 100 * o.cpu_share);
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
