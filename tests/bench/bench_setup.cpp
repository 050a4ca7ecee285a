#include <algorithm>

#include <fmt/format.h>

#include "bench.hpp"
#include "crowd.hpp"
#include "wzp/net/clock.hpp"
#include "wzp/net/random.hpp"

namespace wzp::bench {
namespace {

double milliseconds(Duration d) { return std::chrono::duration<double, std::milli>{d}.count(); }

struct Pair {
  CallId call;
  Instant offered;
  bool caller_set_up = false;
  bool callee_set_up = false;
};

}  // namespace

void bench_setup(const std::filesystem::path& binary, std::size_t pairs, double seconds, int workers) {
  const RelayProcess relay{binary, workers};
  Crowd crowd{relay, 2 * pairs};
  std::vector<Pair> calls(pairs);
  std::vector<double> latencies;
  bool running = true;
  const auto offer = [&](std::size_t pair) {
    calls[pair] = {CallId::from_random(net::random_array<16>()), net::now(), false, false};
    crowd.offer(2 * pair, 2 * pair + 1, calls[pair].call);
  };
  crowd.on_signal = [&](std::size_t index, const proto::SignalMessage& message) {
    auto& call = calls[index / 2];
    if (const auto* offered = std::get_if<proto::DirectCallOffer>(&message)) crowd.accept(index, *offered);
    if (!std::holds_alternative<proto::CallSetup>(message)) return;
    (index % 2 == 0 ? call.caller_set_up : call.callee_set_up) = true;
    if (!call.caller_set_up || !call.callee_set_up) return;
    latencies.push_back(milliseconds(net::now() - call.offered));
    crowd.send(index, proto::Hangup{proto::HangupReason::Normal, call.call.text()});
    if (running) offer(index / 2);
  };
  crowd.register_all();
  const auto began = net::now();
  const auto cpu_before = relay.child().cpu_time();
  const auto length = std::chrono::duration_cast<Duration>(std::chrono::duration<double>{seconds});
  for (std::size_t i = 0; i < pairs; ++i) offer(i);
  while (net::now() - began < length) crowd.turn(std::chrono::milliseconds{10});
  running = false;
  const auto wall = std::chrono::duration<double>{net::now() - began}.count();
  const auto cpu = std::chrono::duration<double>{relay.child().cpu_time() - cpu_before}.count();
  std::sort(latencies.begin(), latencies.end());
  const auto percentile = [&](double p) { return latencies.empty() ? 0.0 : latencies[static_cast<std::size_t>(p * static_cast<double>(latencies.size() - 1))]; };
  fmt::print("{} pairs calling without a pause for {:.1f} s, {} worker(s): offer, ringing, answer, both set-ups, hang-up\n", pairs, wall, workers);
  fmt::print("{} set-ups, {:.0f} per second; relay {:.0f} us of processor each ({:.0f} % of one)\n", latencies.size(), static_cast<double>(latencies.size()) / wall,
             latencies.empty() ? 0.0 : cpu * 1e6 / static_cast<double>(latencies.size()), 100 * cpu / wall);
  fmt::print("offer to both set-ups: p50 {:.2f} ms  p90 {:.2f} ms  p99 {:.2f} ms  max {:.2f} ms\n", percentile(0.5), percentile(0.9), percentile(0.99), percentile(1));
}

}  // namespace wzp::bench
