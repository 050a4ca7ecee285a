#include "wzp/relay/relay_core.hpp"

#include <utility>

#include "bridge.hpp"
#include "calls.hpp"
#include "cross_relay_dispatcher.hpp"
#include "elsewhere.hpp"
#include "neighbours.hpp"
#include "offer_search.hpp"
#include "reload.hpp"
#include "room_changes.hpp"
#include "room_quality.hpp"
#include "rooms.hpp"
#include "route_repair.hpp"
#include "sessions.hpp"
#include "state.hpp"
#include "wzp/base/overloaded.hpp"
#include "wzp/crypto/room.hpp"

namespace wzp::relay {
namespace {

/// Buckets remembered per kind. Source: our choice, twice the registrations that a relay admits by default.
constexpr std::size_t kMaxBuckets = 20'000;

/// Messages that no honest relay sends, of one link; beyond, it is closed. Source: our choice, as relay.md 3.2.
constexpr registry::Rate kMisdeeds{100, std::chrono::minutes{1}, 100};

registry::Rate per_minute(std::uint32_t count) { return {count, std::chrono::minutes{1}, count}; }

federation::FederationManager::Config federation_config(const Config& c) {
  federation::FederationManager::Config out;
  out.own = c.fingerprint;
  out.build = c.build;
  out.peers = federation_peers(c.peers);
  out.trusted = federation_trusted(c.trusted);
  out.more_caps = {std::string{proto::kCapMediaV2}, std::string{proto::kCapRoutes}};
  if (c.trunking) out.more_caps.emplace_back(proto::kCapTrunk);
  out.allow_unauthenticated = c.allow_unauthenticated_federation;
  out.hello_timeout = c.hello_timeout;
  out.random_seed = c.random_seed;
  return out;
}

registry::CallRegistry::Config call_config(const Config& c) {
  registry::CallRegistry::Config out;
  out.ring_timeout = c.ring_timeout;
  out.max_per_identity = c.max_calls_per_client;
  out.max_live = c.max_calls;
  return out;
}

}  // namespace

State::State(Config c)
    : config{std::move(c)},
      calls{call_config(config)},
      presence{config.max_clients},
      federation{federation_config(config)},
      map{{.own = config.fingerprint}},
      room_directory{{.own = config.fingerprint, .rooms = {config.global_rooms.begin(), config.global_rooms.end()}}},
      global_names{names_by_key(config.global_rooms)},
      users{{.own = config.fingerprint, .salt = config.users_salt}},
      offers_by_client{per_minute(config.offers_per_client), kMaxBuckets},
      offers_by_address{per_minute(config.offers_per_address), kMaxBuckets},
      offers_by_link{per_minute(config.offers_per_link), kMaxBuckets},
      offers_by_remote_caller{per_minute(config.offers_per_client), kMaxBuckets},
      room_ephemeral{relay::room_ephemeral(config.identity)} {}

void State::drop(std::string_view reason) {
  const auto found = counters.dropped.find(reason);
  if (found != counters.dropped.end()) {
    ++found->second;
  } else {
    counters.dropped.emplace(reason, 1);
  }
}

Session* State::session(ConnectionId conn) {
  const auto found = sessions.find(conn);
  return found == sessions.end() || found->second.stage == Session::Stage::Closing ? nullptr : &found->second;
}

bool State::send_to(const Fingerprint& who, proto::SignalMessage message) {
  const auto* client = presence.current(who);
  if (client == nullptr) return false;
  send(client->conn, std::move(message));
  return true;
}

bool State::forward(const RelayFingerprint& relay, proto::SignalMessage inner, const RouteOptions& options) {
  const auto conn = federation.connection_of(relay);
  if (!conn) return false;
  if (!federation.has_cap(relay, proto::kCapRoutes)) {
    send(*conn, federation.envelope(std::move(inner)));
    return true;
  }
  ByteArray<16> number{};
  store_be64(number.data(), config.random_seed);
  store_be64(number.data() + 8, ++routed_sent);
  send(*conn, wrap(config.signer, config.fingerprint, number, inner, options));
  return true;
}

bool State::pass_on(const RelayFingerprint& relay, const Arrival& arrival) {
  const auto conn = federation.connection_of(relay);
  if (!conn || !arrival.envelope || !federation.has_cap(relay, proto::kCapRoutes)) return false;
  auto next = next_leg(*arrival.envelope, config.fingerprint);
  if (!next) {
    drop("routed-too-far");
    return false;
  }
  send(*conn, std::move(*next));
  return true;
}

void State::misdeed(const RelayFingerprint& relay, std::string_view reason, Instant now) {
  drop(reason);
  auto& bucket = misdeeds.try_emplace(relay, kMisdeeds).first->second;
  if (bucket.take(now)) return;
  const auto conn = federation.connection_of(relay);
  auto* linked = conn ? session(*conn) : nullptr;
  if (linked == nullptr) return;
  log(LogLevel::Warn, "federation: " + federation.name_of(relay) + " keeps sending what it may not (" +
                          std::string{reason} + "); its link is closed");
  close_session(*this, *linked, kCloseProtocol, "protocol: " + std::string{reason}, now);
}

void State::set_room(RoomTable table) {
  const auto [known, is_new] = tables.try_emplace(table.tag);
  if (!is_new && known->second == table) return;
  known->second = table;
  out.push_back(SetRoom{std::move(table)});
}

void State::drop_room(const proto::RoomTag& tag) {
  if (tables.erase(tag) > 0) out.push_back(DropRoom{tag});
}

std::uint64_t Counters::drops(std::string_view reason) const {
  const auto found = dropped.find(reason);
  return found == dropped.end() ? 0 : found->second;
}

RelayCore::RelayCore(Config config) : state_{std::make_unique<State>(std::move(config))} {}
RelayCore::~RelayCore() = default;
RelayCore::RelayCore(RelayCore&&) noexcept = default;
RelayCore& RelayCore::operator=(RelayCore&&) noexcept = default;

Actions RelayCore::start(Instant now) {
  run(*state_, state_->federation.start(now), now);
  return std::exchange(state_->out, {});
}

Actions RelayCore::handle(const Event& event, Instant now) {
  std::visit([&](const auto& e) { on_event(*state_, e, now); }, event);
  return std::exchange(state_->out, {});
}

Actions RelayCore::tick(Instant now) {
  State& s = *state_;
  if (s.shut_down) return {};
  for (const auto& id : s.calls.expire(now)) after_end(s, id, {}, now);
  while (const auto due = s.due.take_due(now)) {
    std::visit(
        overloaded{[&](const SessionDue& d) { on_due(s, d, now); },
                   [&](const ClaimDue& d) { claim_due(s, d.call, now); }, [&](const PartyDue& d) { on_due(s, d, now); },
                   [&](const RepairDue& d) { on_due(s, d, now); }, [&](const LinkDue& d) { on_due(s, d, now); },
                   [&](const BridgeDue& d) { on_due(s, d, now); }, [&](const AddressDue& d) { on_due(s, d); },
                   [&](const RoomDue& d) { on_due(s, d, now); }, [&](const UpdateDue& d) { on_due(s, d, now); },
                   [&](const QualityDue& d) { on_due(s, d, now); }},
        *due);
  }
  run(s, s.federation.tick(now), now);
  tick_directories(s, now);
  return std::exchange(s.out, {});
}

std::optional<Instant> RelayCore::deadline() const {
  if (state_->shut_down) return std::nullopt;
  return earliest(earliest(earliest(state_->calls.deadline(), state_->due.next()), state_->federation.deadline()),
                  directories_deadline(*state_));
}

const federation::FederationManager::Peer& RelayCore::peer(std::size_t number) const {
  return state_->federation.peer(number);
}
const Counters& RelayCore::counters() const { return state_->counters; }
std::vector<DirectCall> RelayCore::calls() const { return state_->calls.live(); }

std::optional<DirectCall> RelayCore::call(const CallId& id) const {
  const auto* found = state_->calls.find(id);
  return found == nullptr ? std::nullopt : std::optional{*found};
}

std::vector<ClientInfo> RelayCore::clients() const {
  std::vector<ClientInfo> out;
  for (const auto& r : state_->presence.all_current()) out.push_back({r.who, r.conn, r.is_signed});
  return out;
}

std::vector<federation::LinkInfo> RelayCore::links() const { return state_->federation.links(); }

std::vector<RelayFingerprint> RelayCore::room_links(const std::string& room) const {
  std::vector<RelayFingerprint> out;
  const auto table = state_->tables.find(crypto::room_tag(room));
  if (table == state_->tables.end()) return out;
  for (const auto& link : table->second.links) {
    for (const auto& info : state_->federation.links()) {
      if (info.conn == link.conn && info.relay) out.push_back(*info.relay);
    }
  }
  return out;
}

std::vector<ConnectionId> RelayCore::seats(const std::string& room) const {
  std::vector<ConnectionId> out;
  const auto found = state_->rooms.find(room);
  if (found == state_->rooms.end()) return out;
  for (const auto& seat : found->second.seats) out.push_back(seat.conn);
  return out;
}

}  // namespace wzp::relay
