#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "bench.hpp"
#include "crowd.hpp"
#include "load.hpp"
#include "wzp/crypto/certificate.hpp"
#include "wzp/net/clock.hpp"
#include "wzp/net/random.hpp"

namespace wzp::bench {
namespace {

constexpr double kSpeakerRate = 50;
/// Behind the header of a packet: when it was sent.
constexpr std::size_t kStamp = 12;

struct Way {
  Outcome outcome;
  double p50_us = 0;
  double p99_us = 0;
  double cpu_us_per_packet = 0;  ///< of all relays together
};

std::string entry(const char* table, const RelayFingerprint& who, const std::string& url) {
  return fmt::format("[[{}]]\n{}fingerprint = \"{}\"\ndelegate = true\n", table, url.empty() ? "" : "url = \"" + url + "\"\n", to_string(who));
}

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
    std::string tables = "[[global_rooms]]\nname = \"bench\"\n";
    if (i > 0) tables += entry("trusted", names[i - 1], "");
    if (i + 1 < count) tables += entry("peers", names[i + 1], to_string(relays[i + 1]->address()));
    relays[i] = std::make_unique<RelayProcess>(binary, RelayProcess::Setup{.workers = 1, .seed = seeds[i], .tables = tables});
  }
  return relays;
}

double quantile_us(std::vector<Duration>& sorted, double q) {
  if (sorted.empty()) return 0;
  const auto at = static_cast<std::size_t>(q * static_cast<double>(sorted.size() - 1));
  return seconds_of(sorted[at]) * 1e6;
}

Way through(const std::filesystem::path& binary, std::size_t count, double rate, double seconds) {
  const auto relays = chain(binary, count);
  const auto speakers = std::max<std::size_t>(1, static_cast<std::size_t>(rate / kSpeakerRate));
  // The listener is the last one, and the only one at the far end.
  std::vector<const RelayProcess*> where(speakers, relays.front().get());
  where.push_back(relays.back().get());
  Crowd crowd{where};
  for (std::size_t i = 0; i < crowd.size(); ++i) crowd.enter_room(i, "bench");
  crowd.run_until([&] {
    for (std::size_t i = 0; i < crowd.size(); ++i) {
      if (!crowd.in_room(i)) return false;
    }
    return true;
  }, "room with everybody in it");

  std::uint64_t received = 0;
  std::vector<Duration> delays;
  crowd.on_media = [&](std::size_t index, ByteView datagram) {
    if (index != speakers || datagram.size() < kStamp + 8) return;
    ++received;
    delays.push_back(net::now().time_since_epoch() - Duration{static_cast<Duration::rep>(load_be64(datagram.data() + kStamp))});
  };
  Bytes datagram(92);
  std::vector<std::uint16_t> seq(speakers);
  const auto send = [&](std::size_t index) {
    store_be16(datagram.data() + 2, ++seq[index]);
    store_be64(datagram.data() + kStamp, static_cast<std::uint64_t>(net::now().time_since_epoch().count()));
    crowd.send_media(index, datagram);
  };
  // The relays still have to tell each other who is in the room.
  crowd.run_until([&] { return send(0), received > 0; }, "packet through the whole chain");
  for (int i = 0; i < 50; ++i) crowd.turn(std::chrono::milliseconds{10});
  delays.clear();

  std::vector<Duration> before;
  for (const auto& relay : relays) before.push_back(relay->child().cpu_time());
  Way way;
  way.outcome = run_load({speakers, rate / static_cast<double>(speakers), seconds}, relays.front()->child(), received, send,
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
  fmt::print("{} packets/s from speakers of {} each to one listener behind the last relay, {} s each\n", rate, kSpeakerRate, seconds);
  std::vector<Way> ways;
  for (std::size_t count = 1; count <= relays; ++count) {
    const auto way = ways.emplace_back(through(binary, count, rate, seconds));
    const auto lost = 100.0 * (1.0 - static_cast<double>(way.outcome.received) / static_cast<double>(std::max<std::uint64_t>(way.outcome.sent, 1)));
    fmt::print("{} relay(s): {} of {} arrived ({:.2f} % lost), p50 {:.0f} us, p99 {:.0f} us, {:.1f} us of processor per packet in all\n", count,
               way.outcome.received, way.outcome.sent, lost, way.p50_us, way.p99_us, way.cpu_us_per_packet);
  }
  if (relays < 2) return;
  const auto further = static_cast<double>(relays - 1);
  fmt::print("each further relay adds p50 {:.0f} us, p99 {:.0f} us\n", (ways.back().p50_us - ways.front().p50_us) / further,
             (ways.back().p99_us - ways.front().p99_us) / further);
}

}  // namespace wzp::bench
