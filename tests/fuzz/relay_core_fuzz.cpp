// Any signals over links and from clients, routed signals with good signatures among them: the core lives, answers only
// whom it knows, stays within its bounds, and forgets all once everybody has gone. The input is a list of steps; texts
// are JSON in which bytes from 0x80 stand for the names of this little world.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "fuzz.hpp"
#include "wzp/base/hex.hpp"
#include "wzp/base/overloaded.hpp"
#include "wzp/crypto/certificate.hpp"
#include "wzp/proto/signal_json.hpp"
#include "wzp/relay/relay_core.hpp"

using namespace wzp;
using namespace wzp::relay;

namespace {

constexpr std::size_t kMaxCalls = 6;
constexpr std::size_t kMaxClients = 3;

crypto::Seed seed(std::size_t name) {
  ByteArray<32> bytes{};
  bytes.fill(static_cast<std::uint8_t>(name + 1));
  return crypto::Seed{bytes};
}

/// Relays: 0 and 1 are delegates, 2 is not, 3 is a reference relay, 4 is ours, 5 is behind 0 and 1. Clients: 0 to 2.
struct World {
  std::vector<crypto::RelaySigner> signers;
  std::vector<RelayFingerprint> relays;
  std::vector<crypto::Identity> clients;
  std::vector<std::string> words;
  std::optional<Config> config;

  World() {
    for (std::size_t i = 0; i < 6; ++i) {
      signers.emplace_back(seed(i));
      relays.push_back(crypto::relay_fingerprint(crypto::relay_certificate(seed(i)).der));
      words.push_back(to_string(relays.back()));
    }
    for (std::size_t i = 0; i < 3; ++i) {
      clients.emplace_back(seed(20 + i));
      words.push_back(to_string(clients.back().fingerprint()));
    }
    std::string key;
    for (int i = 0; i < 32; ++i) key += ",7";
    key[0] = '[';
    words.insert(words.end(), {"c1", "c2", "hall", key + "]", "192.0.2.1:4433"});
    config = Config{.identity = crypto::Identity{seed(4)}, .signer = signers[4], .fingerprint = relays[4]};
    for (std::size_t i = 0; i < 4; ++i) config->trusted.push_back({relays[i], std::string(i, 'x'), i < 2});
    config->allow_unsigned_registration = true;
    config->global_rooms = {"hall"};
    config->max_calls = kMaxCalls;
    config->max_clients = kMaxClients;
    config->max_room_participants = 3;
  }
};

const World& world() {
  static const World world;
  return world;
}

/// Connections by place: 0 to 3 are links to the relays, then three clients, then two media connections.
constexpr std::size_t kPlaces = 9;

class Player {
 public:
  explicit Player(ByteView input) : in_{input} {
    run(core_.start(now_));
    for (std::size_t i = 0; i < kPlaces; ++i) open(i);
  }

  void play() {
    while (!in_.done()) {
      switch (in_.below(8)) {
        case 0:
        case 1: say(); break;
        case 2:
        case 3: routed(); break;
        case 4: forwarded(); break;
        case 5: pass(std::chrono::milliseconds{1 << in_.below(18)}); break;
        case 6: lose(in_.below(kPlaces)); break;
        default: reopen(); break;
      }
      check();
    }
    for (std::size_t i = 0; i < kPlaces; ++i) lose(i);
    pass(std::chrono::hours{1});
    fuzz::require(core_.calls().empty() && core_.clients().empty() && core_.links().empty());
    fuzz::require(core_.seats("call-c1").empty() && core_.seats("hall").empty() && !core_.deadline());
  }

 private:
  std::string text() {
    std::string out;
    for (const auto c : in_.chunk()) {
      if (c < 0x80)
        out += static_cast<char>(c);
      else
        out += world().words[(c - 0x80U) % world().words.size()];
    }
    return out;
  }

  void open(std::size_t place) {
    const ConnectionId conn{++last_conn_};
    places_[place] = conn;
    Opened event{.conn = conn};
    event.server_name = place < 4 ? "_federation" : place < 7 ? "_signal" : place == 7 ? "call-c1" : "hall";
    event.cls = proto::connection_class(event.server_name);
    event.remote = {IpAddress::v4(198, 51, 100, static_cast<std::uint8_t>(place + 1)), 4433};
    event.local = {IpAddress::v4(203, 0, 113, 1), 4433};
    if (place < 4) event.peer_certificate = world().relays[place];
    open_[conn] = place;
    feed(event);
    if (place < 4) {
      proto::FederationHello hello{.tls_fingerprint = world().words[place]};
      if (place < 3) hello.version = 1;
      if (place < 3) hello.caps = {"call-nack", "media-v2", "routes", "trunk"};
      receive(place, hello);
    } else if (place < 7) {
      receive(place, proto::RegisterPresence{.identity_pub = world().clients[place - 4].public_key(),
                                             .caps = place == 6 ? proto::Caps{} : proto::Caps{"relay-media"}});
    }
  }
  void lose(std::size_t place) {
    const auto conn = places_[place];
    if (open_.erase(conn) != 0) feed(Lost{conn, std::nullopt});
  }
  void reopen() {
    const auto place = in_.below(kPlaces);
    if (!open_.contains(places_[place]) || in_.below(2) == 0) {
      lose(place);
      open(place);
    }
  }

  void say() {
    const auto place = in_.below(kPlaces);
    if (const auto message = proto::decode(text())) receive(place, *message);
  }
  void routed() {
    const auto place = in_.below(3);
    const auto form = in_.byte();
    const auto to = in_.byte();
    const std::size_t origin = (form & 1) != 0 ? 5 : place;
    proto::RoutedSignal out{.origin_relay_fp = world().words[origin]};
    crypto::RoutedHeader header{world().relays[origin], std::nullopt, {}, to / 8U % 4U};
    if (to % 8 < 6) out.target_relay_fp = world().words[to % 8];
    if (to % 8 < 6) header.target = world().relays[to % 8];
    header.route_id[0] = (form & 2) != 0 ? 0 : ++number_;
    out.route_id = to_hex(header.route_id);
    out.attempt = header.attempt;
    out.hops_left = form / 16;
    out.path = {out.origin_relay_fp};
    if (origin != place) out.path.push_back(world().words[place]);
    out.proof = {world().signers[origin].proof().begin(), world().signers[origin].proof().end()};
    out.body = text();
    const auto signature = world().signers[origin].sign(header, bytes_of(out.body));
    out.signature = {signature.begin(), signature.end()};
    receive(place, out);
  }
  void forwarded() {
    const auto place = in_.below(4);
    if (auto inner = proto::decode(text())) {
      receive(place, proto::FederatedSignalForward{Box<proto::SignalMessage>{std::move(*inner)}, world().words[place]});
    }
  }
  void receive(std::size_t place, const proto::SignalMessage& message) {
    if (open_.contains(places_[place])) feed(Received{places_[place], message});
  }

  void pass(Duration time) {
    const auto end = now_ + time;
    std::size_t ticks = 0;
    for (auto due = core_.deadline(); due && *due <= end; due = core_.deadline()) {
      fuzz::require(++ticks <= 50'000);
      now_ = std::max(now_, *due);
      run(core_.tick(now_));
      fuzz::require(!core_.deadline() || *core_.deadline() > now_);
    }
    now_ = end;
    run(core_.tick(now_));
  }
  void feed(const Event& event) { run(core_.handle(event, now_)); }

  void run(const Actions& actions) {
    fuzz::require(actions.size() <= 1000);
    std::vector<Event> next;
    for (const auto& action : actions) {
      std::visit(overloaded{[&](const Send& a) { check(a); },
                            [&](const Close& a) {
                              fuzz::require(open_.erase(a.conn) == 1);
                              next.push_back(Lost{a.conn, std::nullopt});
                            },
                            [&](const Check& a) {
                              if (a.conn.value % 2 == 0)
                                next.push_back(Alive{a.conn});
                              else
                                next.push_back(Silent{a.conn});
                            },
                            [&](const SetRoom& a) { check(a.table); }, [](const auto&) {}},
                 action);
    }
    for (const auto& event : next) feed(event);
  }
  void check(const Send& sent) {
    const auto to = open_.find(sent.conn);
    fuzz::require(to != open_.end() && proto::decode(proto::encode(sent.message)).has_value());
    const auto* signal = std::get_if<proto::RoutedSignal>(&sent.message);
    if (signal == nullptr) return;
    fuzz::require(to->second < 3 && signal->path.size() + signal->hops_left <= proto::kMaxHops);
    fuzz::require(signal->path.back() == world().words[4]);
    fuzz::require(std::ranges::find(signal->path, world().words[to->second]) == signal->path.end());
  }
  static void check(const RoomTable& table) {
    for (const auto& seat : table.seats) {
      fuzz::require(std::ranges::count(table.seats, seat.conn, &RoomSeat::conn) == 1);
      fuzz::require(std::ranges::count(table.links, seat.conn, &RoomLink::conn) == 0);
    }
    for (const auto& link : table.links)
      fuzz::require(std::ranges::count(table.links, link.conn, &RoomLink::conn) == 1);
  }
  void check() {
    fuzz::require(core_.calls().size() <= kMaxCalls && core_.clients().size() <= kMaxClients);
    fuzz::require(core_.links().size() <= 4 && core_.counters().dropped.size() <= 200);
    fuzz::require(core_.counters().calls_ended.size() <= 40);
  }

  fuzz::Reader in_;
  Instant now_{std::chrono::hours{1}};
  RelayCore core_{*world().config};
  std::array<ConnectionId, kPlaces> places_{};
  std::map<ConnectionId, std::size_t> open_;
  std::uint64_t last_conn_ = 0;
  std::uint8_t number_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Player{{data, size}}.play();
  return 0;
}
