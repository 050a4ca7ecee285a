// Any statements of any neighbours in any order, and time: the three directories stay within their bounds, speak to
// neighbours only and for others to delegates only, and are never due at a moment that has passed. The input is a list
// of steps: what happens, and a few bytes for each field of what is said.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "fuzz.hpp"
#include "wzp/base/hex.hpp"
#include "wzp/base/overloaded.hpp"
#include "wzp/federation/relay_map.hpp"
#include "wzp/federation/room_directory.hpp"
#include "wzp/federation/user_directory.hpp"

using namespace wzp;
using namespace wzp::federation;

namespace {

constexpr std::size_t kRelays = 12;  ///< we are number 5; up to 7 may be neighbours
constexpr std::size_t kOwn = 5;
constexpr std::size_t kNeighbours = 8;
constexpr std::size_t kMaxRelays = 6;
constexpr std::size_t kMaxPeople = 3;
constexpr std::size_t kMaxOrigins = 3;
constexpr std::size_t kMaxEntries = 8;
constexpr std::size_t kMaxTotal = 12;
constexpr std::array<std::string_view, 4> kRooms{"hall", "den", "HALL", ""};

RelayFingerprint relay(std::size_t number) {
  RelayFingerprint out;
  out.bytes.fill(static_cast<std::uint8_t>(number + 1));
  return out;
}

class Player {
 public:
  explicit Player(ByteView input) : in_{input} {}

  void play() {
    while (!in_.done()) {
      switch (in_.below(16)) {
        case 0:
        case 1: link_up(); break;
        case 2: link_down(); break;
        case 3:
        case 4: pass(std::chrono::milliseconds{1 << in_.below(18)}); break;
        case 5: local(); break;
        case 6:
        case 7:
        case 8: hear_relay(); break;
        case 9:
        case 10: hear_room(); break;
        case 11: hear_plain(); break;
        case 12:
        case 13: hear_users(); break;
        case 14: hear_digest(); break;
        default: hear_request(); break;
      }
      check();
    }
    pass(std::chrono::minutes{4});  // nobody says anything any more
    const auto linked = std::ranges::count_if(up_, [](const auto& one) { return !one.second.reference; });
    fuzz::require(users_.origins() == 0 && users_.total() == 0 && std::ssize(map_.relays()) == linked);
  }

 private:
  struct Up {
    bool delegate = false;
    bool reference = false;
  };

  std::uint64_t number() {
    const auto n = in_.byte();
    return n < 0xf0 ? n : (std::uint64_t{1} << (n % 16 * 4 + 3)) + n;
  }
  std::string name() {
    const auto n = in_.byte();
    const auto text = to_string(relay(n % kRelays));
    return n < 0xf0 ? text : text.substr(0, n % 16 * 7);
  }
  std::string text() { return std::string{text_of(in_.take(in_.below(160)))}; }
  std::string entries() {
    std::string out;
    for (auto n = in_.below(kMaxEntries + 3); n > 0; --n) out += "00000000000000" + to_hex(ByteArray<1>{in_.byte()});
    return out;
  }
  proto::RoomParticipant person() {
    const auto n = in_.byte();
    proto::RoomParticipant out{.fingerprint = std::string(n % 4, 'p')};
    if ((n & 4) != 0) out.relay_label = std::string(n >> 6, 'l');
    if ((n & 8) != 0) out.source = "0101010100" + to_hex(ByteArray<1>{n});
    if ((n & 16) != 0) out.alias = std::string(n, 'a');
    return out;
  }
  RoomDirectory::People people() {
    RoomDirectory::People out;
    for (auto n = in_.below(kMaxPeople + 2); n > 0; --n) out.push_back(person());
    return out;
  }
  /// Most of what comes comes from a neighbour, but not all.
  RelayFingerprint from() { return relay(in_.below(kNeighbours)); }
  std::uint8_t hops() { return static_cast<std::uint8_t>(in_.below(11)); }

  void link_up() {
    const auto number = in_.below(kNeighbours);
    const auto flags = in_.byte();
    if (number == kOwn) return;
    const Up up{.delegate = (flags & 1) != 0 && flags < 0xc0, .reference = flags >= 0xc0};
    if (up_.contains(relay(number))) down(relay(number));
    up_[relay(number)] = up;
    if (!up.reference) {
      run(map_.link_up(relay(number), up.delegate, now_));
      run(users_.link_up(relay(number), up.delegate, map_, now_));
    }
    using Kind = RoomDirectory::Kind;
    const auto kind = up.reference ? Kind::Reference : Kind::MediaV2;
    if ((flags & 2) == 0) {
      run(rooms_.link_up(relay(number), {kind, up.delegate, std::string(flags % 5, 'n')}, map_, now_));
    }
  }
  void link_down() { down(from()); }
  void down(const RelayFingerprint& who) {
    up_.erase(who);
    run(map_.link_down(who, now_));
    run(users_.link_down(who, map_, now_));
    run(rooms_.link_down(who, map_, now_));
  }

  void local() {
    const auto what = in_.byte();
    const auto some = std::string{kRooms[what / 4 % kRooms.size()]};
    Fingerprint person;
    person.bytes[0] = static_cast<std::uint8_t>(what / 4 % 16);
    switch (what % 4) {
      case 0: run(users_.announce(person, now_)); break;
      case 1: run(users_.withdraw(person, now_)); break;
      case 2: run(rooms_.set_local(some, people(), in_.byte(), now_)); break;
      default:
        run(rooms_.set_rooms(what < 128 ? std::set<std::string>{"hall"} : std::set<std::string>{"den", "hall"}, now_));
    }
  }

  void hear_relay() {
    const auto who = from();
    proto::RelayState state{name(), number(), number(), hops(), {}};
    for (auto n = in_.below(7); n > 0; --n) state.neighbours.push_back(name());
    run(map_.handle(who, state, now_));
  }
  void hear_room() {
    const auto who = from();
    proto::RoomState state{name(), number(), number(), hops(), std::string{kRooms[in_.below(kRooms.size())]}, people()};
    if (state.hops % 2 != 0) state.tier = in_.byte();
    run(rooms_.handle(who, state, map_, now_));
  }
  void hear_plain() {
    const auto who = from();
    const auto room = std::string{kRooms[in_.below(kRooms.size())]};
    if (in_.below(4) == 0) return run(rooms_.handle(who, proto::GlobalRoomInactive{room}, now_));
    run(rooms_.handle(who, proto::GlobalRoomActive{room, people()}, now_));
  }
  void hear_users() {
    const auto who = from();
    proto::UserState state{name(), number(), number(), hops()};
    const auto form = in_.byte();
    state.salt = form < 0xf0 ? std::string(32, form % 2 == 0 ? 'a' : 'b') : text();
    state.part = form / 2 % 3;
    state.parts = form / 8 % 4;
    state.add = form < 0xf8 ? entries() : text();
    if ((form & 64) != 0) state.remove = entries();
    run(users_.handle(who, state, now_));
  }
  void hear_digest() {
    const auto who = from();
    proto::UserDigest digest{name(), number(), number(), hops(), static_cast<std::uint32_t>(number())};
    const auto form = in_.byte();
    digest.digest = form < 0xf0 ? "00000000000000" + to_hex(ByteArray<1>{in_.byte()}) : text();
    run(users_.handle(who, digest, now_));
  }
  void hear_request() {
    const auto who = from();
    run(users_.handle(who, proto::UserRequest{name()}, now_));
  }

  /// What is due happens when it is due.
  void pass(Duration time) {
    const auto end = now_ + time;
    for (;;) {
      const auto due = earliest(earliest(map_.deadline(), rooms_.deadline()), users_.deadline());
      if (!due || *due > end) break;
      now_ = std::max(now_, *due);
      tick();
    }
    now_ = end;
    tick();
  }
  void tick() {
    run(map_.tick(now_));
    run(rooms_.tick(now_));
    run(users_.tick(now_));
    const auto is_later = [&](std::optional<Instant> due) { return !due || *due > now_; };
    fuzz::require(is_later(map_.deadline()));
    fuzz::require(is_later(rooms_.deadline()));
    fuzz::require(is_later(users_.deadline()));
  }

  void run(const GossipActions& actions) {
    fuzz::require(actions.size() <= 400);
    for (const auto& action : actions) {
      std::visit(
          overloaded{[&](const SendTo& a) { check(a); }, [&](const Dropped& a) { fuzz::require(!a.reason.empty()); },
                     [&](const MapChanged&) {
                       run(rooms_.map_changed(map_, now_));
                       run(users_.map_changed(map_, now_));
                     },
                     [&](const RoomChanged&) {}},
          action);
    }
  }
  void check(const SendTo& sent) {
    const auto up = up_.find(sent.to);
    fuzz::require(up != up_.end());
    const auto statement = [&](const auto& m, std::uint8_t max_hops) {
      const auto origin = canonical_relay(m.origin_relay_fp);
      fuzz::require(origin && !up->second.reference && m.hops >= 1 && m.hops <= max_hops);
      fuzz::require(*origin == relay(kOwn) ? m.hops == 1 : up->second.delegate && m.hops > 1);
    };
    std::visit(overloaded{[&](const proto::RelayState& m) { statement(m, proto::kMaxHops); },
                          [&](const proto::RoomState& m) { statement(m, proto::kMaxHops); },
                          [&](const proto::UserState& m) { statement(m, UserDirectory::kMaxDistance); },
                          [&](const proto::UserDigest& m) { statement(m, UserDirectory::kMaxDistance); },
                          [&](const proto::UserRequest& m) {
                            const auto about = canonical_relay(m.origin_relay_fp);
                            fuzz::require(about && about != relay(kOwn) && !up->second.reference);
                          },
                          [&](const proto::GlobalRoomActive&) { fuzz::require(up->second.reference); },
                          [&](const proto::GlobalRoomInactive&) { fuzz::require(up->second.reference); },
                          [](const auto&) { fuzz::require(false); }},
               sent.message.as_variant());
  }

  void check() {
    const auto reachable = map_.relays();
    fuzz::require(reachable.size() <= kMaxRelays + up_.size());
    std::set<RelayFingerprint> all{relay(kOwn)};
    for (const auto& one : reachable) {
      const auto next = map_.next_hop(one);
      fuzz::require(one != relay(kOwn) && next && up_.contains(*next) && map_.distance(one) >= 1U);
      all.insert(one);
    }
    for (const auto& one : map_.tree_neighbours(all, all)) fuzz::require(up_.contains(one));
    for (const auto& one : map_.apart_neighbours(all, all)) fuzz::require(up_.contains(one));
    fuzz::require(users_.origins() <= kMaxOrigins && users_.total() <= kMaxTotal);
    for (std::uint8_t i = 0; i < 16; ++i) {
      Fingerprint person;
      person.bytes[0] = i;
      for (const auto& one : users_.candidates(person, map_)) fuzz::require(map_.reachable(one));
    }
    for (const auto room : {"hall", "den"}) {
      const auto remote = rooms_.remote(room);
      fuzz::require(remote.size() <= kMaxOrigins + up_.size());
      std::size_t count = 0;
      for (const auto& one : remote) count += one.participants.size();
      // Of a reference relay there are own people and those behind it, and the summary does not merge these.
      fuzz::require(count <= 2 * remote.size() * kMaxPeople && rooms_.summary(room).people >= count);
      static_cast<void>(map_.tree_neighbours(rooms_.passers(room), rooms_.members(room)));
    }
  }

  fuzz::Reader in_;
  Instant now_{std::chrono::hours{1}};
  std::map<RelayFingerprint, Up> up_;
  RelayMap map_{{.own = relay(kOwn), .max_relays = kMaxRelays, .max_neighbours = 4}};
  RoomDirectory rooms_{
      {.own = relay(kOwn), .rooms = {"hall"}, .max_participants = kMaxPeople, .max_origins = kMaxOrigins}};
  UserDirectory users_{{.own = relay(kOwn),
                        .salt = {1},
                        .max_origins = kMaxOrigins,
                        .max_entries = kMaxEntries,
                        .max_total = kMaxTotal}};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Player{{data, size}}.play();
  return 0;
}
