#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "bench.hpp"
#include "crowd.hpp"
#include "load.hpp"
#include "raw_relay.hpp"
#include "wzp/crypto/certificate.hpp"
#include "wzp/net/clock.hpp"
#include "wzp/net/random.hpp"

namespace wzp::bench {
namespace {

constexpr double kSpeakerRate = 50;
constexpr std::size_t kPayload = 92;
/// Behind the header of a packet: when it was sent.
constexpr std::size_t kStamp = 12;

struct Way {
  Outcome outcome;
  double p50_us = 0;
  double p99_us = 0;
  double cpu_us_per_packet = 0;  ///< of all relays together
};

/// A chain in which each relay dials the next.
std::vector<std::unique_ptr<RelayProcess>> chain(const std::filesystem::path& binary, std::size_t count) {
  std::vector<ByteArray<32>> seeds(count);
  std::vector<RelayFingerprint> names(count);
  for (std::size_t i = 0; i < count; ++i) {
    seeds[i] = net::random_array<32>();
    names[i] = crypto::relay_fingerprint(crypto::relay_certificate(crypto::Seed{seeds[i]}).der);
  }
  std::vector<std::unique_ptr<RelayProcess>> relays(count);
  for (auto i = count; i-- > 0;) {
    std::string tables;
    if (i > 0) tables += federation_entry("trusted", names[i - 1]);
    if (i + 1 < count) tables += federation_entry("peers", names[i + 1], to_string(relays[i + 1]->address()));
    relays[i] = std::make_unique<RelayProcess>(binary, RelayProcess::Setup{.workers = 1, .seed = seeds[i], .tables = tables});
  }
  return relays;
}

Way through(const std::filesystem::path& binary, std::size_t count, const Load& load) {
  const auto relays = chain(binary, count);
  // Callers on the first relay, callees on the last.
  std::vector<const RelayProcess*> where(load.speakers, relays.front().get());
  where.resize(2 * load.speakers, relays.back().get());
  Crowd crowd{where};
  std::vector<std::pair<std::size_t, std::size_t>> calls;
  for (std::size_t i = 0; i < load.speakers; ++i) calls.emplace_back(i, load.speakers + i);
  crowd.connect(calls);

  std::uint64_t received = 0;
  std::vector<Duration> delays;
  crowd.on_media = [&](std::size_t, ByteView datagram) {
    if (datagram.size() < kStamp + 8) return;
    ++received;
    delays.push_back(net::now().time_since_epoch() - Duration{static_cast<Duration::rep>(load_be64(datagram.data() + kStamp))});
  };
  Bytes datagram(kPayload);
  std::vector<std::uint16_t> seq(load.speakers);
  const auto send = [&](std::size_t index) {
    store_be16(datagram.data() + 2, ++seq[index]);
    store_be64(datagram.data() + kStamp, static_cast<std::uint64_t>(net::now().time_since_epoch().count()));
    crowd.send_media(index, datagram);
  };
  for (int i = 0; i < 50; ++i) crowd.turn(std::chrono::milliseconds{10});  // the last signals are still on their way
  delays.clear();

  std::vector<Duration> before;
  for (const auto& relay : relays) before.push_back(relay->child().cpu_time());
  Way way;
  way.outcome = run_load(load, relays.front()->child(), received, send,
                         [&](Duration wait) { crowd.turn(wait); });
  for (std::size_t i = 0; i < count; ++i) {
    way.cpu_us_per_packet += seconds_of(relays[i]->child().cpu_time() - before[i]) * 1e6 / static_cast<double>(std::max<std::uint64_t>(way.outcome.sent, 1));
  }
  std::ranges::sort(delays);
  way.p50_us = quantile_us(delays, 0.5);
  way.p99_us = quantile_us(delays, 0.99);
  return way;
}

}  // namespace

void bench_hops(const std::filesystem::path& binary, std::size_t relays, double rate, double seconds) {
  Load load{.speakers = std::max<std::size_t>(2, static_cast<std::size_t>(rate / kSpeakerRate)), .seconds = seconds};
  load.packets_per_second = rate / static_cast<double>(load.speakers);
  fmt::print("{} packets/s in {} calls from the first relay to the last, {} s each\n", rate, load.speakers, seconds);
  const auto floor = through_raw_relay(RawRelay::Pattern::Pairs, load.speakers, load, kPayload);
  print("raw UDP", floor);
  Way before;
  for (std::size_t count = 1; count <= relays; ++count) {
    const auto way = through(binary, count, load);
    const auto lost = 100.0 * (1.0 - static_cast<double>(way.outcome.received) / static_cast<double>(std::max<std::uint64_t>(way.outcome.sent, 1)));
    fmt::print("{} relay(s): {} of {} arrived ({:.2f} % lost), p50 {:.0f} us, p99 {:.0f} us, {:.1f} us of processor per packet in all, ratio {:.2f} a relay\n",
               count, way.outcome.received, way.outcome.sent, lost, way.p50_us, way.p99_us, way.cpu_us_per_packet,
               way.cpu_us_per_packet / (static_cast<double>(count) * floor.cpu_us_per_packet));
    if (count > 1) fmt::print("    the last one adds p50 {:.0f} us, p99 {:.0f} us\n", way.p50_us - before.p50_us, way.p99_us - before.p99_us);
    before = way;
  }
}

}  // namespace wzp::bench
