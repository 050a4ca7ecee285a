#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "bench.hpp"
#include "crowd.hpp"
#include "load.hpp"
#include "wzp/crypto/certificate.hpp"
#include "wzp/net/clock.hpp"
#include "wzp/net/random.hpp"

namespace wzp::bench {
namespace {

constexpr std::uint16_t kSockets = 16;
constexpr std::size_t kPayload = 92;
/// Behind the header of a packet: when it was sent, in which room, and which it is.
constexpr std::size_t kStamp = 12;
constexpr std::size_t kMaxGlobalRooms = 64;
constexpr Duration kFlap = std::chrono::milliseconds{500};
constexpr Duration kMove = std::chrono::milliseconds{5};  ///< from one coming or going to the next
/// Of what stays on one relay: what a machine that is busy with other things may lose.
constexpr double kTolerated = 0.02;

/// Two relays, the first of which dials the second as long as it is told to.
struct Pair {
  Pair(const std::filesystem::path& binary, int workers, std::size_t global_rooms) {
    for (std::size_t i = 0; i < global_rooms; ++i) rooms += fmt::format("[[global_rooms]]\nname = \"room-{}\"\n", i);
    const std::array seeds{net::random_array<32>(), net::random_array<32>()};
    const auto name = [&](std::size_t i) { return crypto::relay_fingerprint(crypto::relay_certificate(crypto::Seed{seeds[i]}).der); };
    second.emplace(binary, RelayProcess::Setup{.workers = workers, .seed = seeds[1], .tables = federation_entry("trusted", name(0)) + rooms});
    peer = federation_entry("peers", name(1), to_string(second->address()));
    first.emplace(binary, RelayProcess::Setup{.workers = workers, .seed = seeds[0], .tables = peer + rooms});
  }
  void link(bool up) const { first->reload((up ? peer : "") + rooms); }

  std::string rooms;
  std::string peer;
  std::optional<RelayProcess> second;
  std::optional<RelayProcess> first;
};

/// Members of one room follow each other; the first speaks, the last comes and goes.
class Churn {
 public:
  Churn(const ChurnLoad& load, std::size_t global_rooms, const Pair& relays)
      : load_{load}, global_{global_rooms}, crowd_{places(relays), kSockets}, got_(crowd_.size()), numbers_(load.rooms) {
    crowd_.on_media = [this](std::size_t index, ByteView datagram) { heard(index, datagram); };
    for (std::size_t i = 0; i < crowd_.size(); ++i) {
      enter(i);
      if (i % 64 == 63 || i + 1 == crowd_.size()) wait_until_inside(i + 1);
    }
  }

  /// What members that stay hear from the speaker on their relay.
  struct Phase {
    std::uint64_t expected = 0;
    std::uint64_t received = 0;
    std::vector<Duration> delays;
    std::size_t moves = 0;
    std::size_t flaps = 0;
    [[nodiscard]] double lost() const { return 1 - static_cast<double>(received) / static_cast<double>(std::max<std::uint64_t>(expected, 1)); }
  };

  /// `flap`: takes the link up or down. None: everybody stays.
  Phase run(double seconds, const std::function<void(bool up)>& flap) {
    phase_ = {};
    is_counting_ = true;
    const auto began = net::now();
    const auto end = began + Duration{static_cast<Duration::rep>(seconds * 1e9)};
    const Duration gap{static_cast<Duration::rep>(1e9 / (load_.packets_per_second * static_cast<double>(load_.rooms)))};
    auto next_packet = began;
    auto next_move = began;
    auto next_flap = began + kFlap;
    std::size_t room = 0;
    bool up = true;
    for (auto now = began; now < end; now = net::now()) {
      for (; next_packet <= now; next_packet += gap) say(std::exchange(room, (room + 1) % load_.rooms));
      if (flap) {
        for (; next_move <= now; next_move += kMove) move();
        if (next_flap <= now) {
          flap(up = !up);
          ++phase_.flaps;
          next_flap = now + kFlap;
        }
      }
      crowd_.turn(std::min<Duration>(std::chrono::milliseconds{2}, std::max<Duration>(next_packet - net::now(), {})));
    }
    for (int i = 0; i < 30; ++i) crowd_.turn(std::chrono::milliseconds{10});  // the rest arrives
    is_counting_ = false;
    std::ranges::sort(phase_.delays);
    return std::exchange(phase_, {});
  }

  /// Everybody comes back, and hears something that is said from now on. False with a word on who does not.
  [[nodiscard]] bool all_hear() {
    for (std::size_t i = 0; i < crowd_.size(); ++i) {
      if (!crowd_.in_room(i) && !is_entering_.contains(i)) enter(i);
    }
    wait_until_inside(crowd_.size());
    std::vector<bool> done(crowd_.size());
    const auto from = numbers_;
    const auto deadline = net::now() + std::chrono::seconds{30};
    std::size_t left = 1;
    while (left > 0 && net::now() < deadline) {
      for (std::size_t room = 0; room < load_.rooms; ++room) say(room);
      for (int i = 0; i < 10; ++i) crowd_.turn(std::chrono::milliseconds{10});
      left = 0;
      for (std::size_t i = 0; i < crowd_.size(); ++i) {
        const auto& numbers = got_[i];
        const bool hears = is_speaker(i) || (!numbers.empty() && *numbers.rbegin() >= from[room_of(i)]);
        if (!hears) ++left;
      }
    }
    if (left > 0) fmt::print(stderr, "wzp-bench: {} of {} members hear nothing any more\n", left, crowd_.size());
    return left == 0;
  }
  [[nodiscard]] bool is_orderly() const {
    if (twice_ + foreign_ > 0) fmt::print(stderr, "wzp-bench: {} packets came twice, {} to another room\n", twice_, foreign_);
    return twice_ + foreign_ == 0;
  }

 private:
  [[nodiscard]] std::size_t room_of(std::size_t index) const { return index / load_.members; }
  [[nodiscard]] bool is_speaker(std::size_t index) const { return index % load_.members == 0; }
  [[nodiscard]] bool stays(std::size_t index) const { return index % load_.members + 1 != load_.members; }
  [[nodiscard]] bool at_first(std::size_t index) const {
    return (room_of(index) < global_ ? index % load_.members : room_of(index)) % 2 == 0;
  }
  [[nodiscard]] bool with_speaker(std::size_t index) const { return at_first(index) == at_first(room_of(index) * load_.members); }

  std::vector<const RelayProcess*> places(const Pair& relays) const {
    std::vector<const RelayProcess*> out;
    for (std::size_t i = 0; i < load_.rooms * load_.members; ++i) out.push_back(at_first(i) ? &*relays.first : &*relays.second);
    return out;
  }
  void enter(std::size_t index) {
    crowd_.enter_room(index, fmt::format("room-{}", room_of(index)));
    is_entering_.insert(index);
  }
  void wait_until_inside(std::size_t count) {
    crowd_.run_until(
        [&] {
          for (std::size_t i = 0; i < count; ++i) {
            if (!crowd_.in_room(i)) return false;
          }
          return true;
        },
        "room with everybody in it");
    is_entering_.clear();
  }
  /// Somebody leaves, or comes back.
  void move() {
    const auto index = (next_mover_++ % load_.rooms + 1) * load_.members - 1;
    ++phase_.moves;
    if (crowd_.in_room(index)) {
      is_entering_.erase(index);
      crowd_.leave_room(index);
      got_[index].clear();
    } else if (!is_entering_.contains(index)) {
      enter(index);
    }
  }
  void say(std::size_t room) {
    Bytes datagram(kPayload);
    const auto number = numbers_[room]++;
    store_be16(datagram.data() + 2, static_cast<std::uint16_t>(number));
    store_be64(datagram.data() + kStamp, static_cast<std::uint64_t>(net::now().time_since_epoch().count()));
    store_be32(datagram.data() + kStamp + 8, static_cast<std::uint32_t>(room));
    store_be32(datagram.data() + kStamp + 12, number);
    const auto speaker = room * load_.members;
    crowd_.send_media(speaker, datagram);
    if (!is_counting_) return;
    for (auto i = speaker + 1; stays(i); ++i) phase_.expected += with_speaker(i) ? 1U : 0U;
  }
  void heard(std::size_t index, ByteView datagram) {
    if (datagram.size() != kPayload || load_be32(datagram.data() + kStamp + 8) != room_of(index)) {
      ++foreign_;
      return;
    }
    if (!got_[index].insert(load_be32(datagram.data() + kStamp + 12)).second) ++twice_;
    if (!is_counting_ || !stays(index) || !with_speaker(index)) return;
    ++phase_.received;
    phase_.delays.push_back(net::now().time_since_epoch() - Duration{static_cast<Duration::rep>(load_be64(datagram.data() + kStamp))});
  }

  ChurnLoad load_;
  std::size_t global_;
  Crowd crowd_;
  std::vector<std::set<std::uint32_t>> got_;  ///< since they came
  std::vector<std::uint32_t> numbers_;        ///< of the next packet of each room
  std::set<std::size_t> is_entering_;
  std::size_t next_mover_ = 0;
  bool is_counting_ = false;
  Phase phase_;
  std::uint64_t twice_ = 0;
  std::uint64_t foreign_ = 0;
};

void print(const char* name, const Churn::Phase& phase) {
  fmt::print("{}: {} of {} arrived ({:.2f} % lost), p50 {:.0f} us, p99 {:.0f} us, longest {:.1f} ms; {} came or went, {} flaps of the link\n", name,
             phase.received, phase.expected, 100 * phase.lost(), quantile_us(phase.delays, 0.5), quantile_us(phase.delays, 0.99),
             quantile_us(phase.delays, 1) / 1000, phase.moves, phase.flaps);
}

}  // namespace

bool bench_churn(const std::filesystem::path& binary, const ChurnLoad& load) {
  const auto global_rooms = std::min((load.rooms + 2) / 3, kMaxGlobalRooms);
  Pair relays{binary, load.workers, global_rooms};
  bool is_good = true;
  {
    Churn churn{load, global_rooms, relays};
    fmt::print("{} rooms of {}, {} of them on both relays, {} threads each, {} packets/s in each room\n", load.rooms, load.members, global_rooms,
               load.workers, load.packets_per_second);
    is_good = churn.all_hear();
    const auto rest = churn.run(std::min(load.seconds, 3.0), {});
    print("at rest", rest);
    const auto busy = churn.run(load.seconds, [&](bool up) { relays.link(up); });
    print("in churn", busy);
    relays.link(true);
    is_good = churn.all_hear() && is_good;
    is_good = churn.is_orderly() && is_good;
    for (const auto& phase : {rest, busy}) is_good = phase.lost() <= kTolerated && is_good;
  }
  const auto codes = std::pair{relays.first->stop(), relays.second->stop()};
  if (codes != std::pair{0, 0}) fmt::print(stderr, "wzp-bench: the relays ended with {} and {}\n", codes.first, codes.second);
  is_good = codes == std::pair{0, 0} && is_good;
  fmt::print("{}\n", is_good ? "nothing lost, doubled or stuck" : "something went wrong");
  return is_good;
}

}  // namespace wzp::bench
