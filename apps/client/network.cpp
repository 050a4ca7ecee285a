#include "client/network.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "wzp/base/log.hpp"
#include "wzp/base/overloaded.hpp"
#include "wzp/crypto/direct_proof.hpp"
#include "wzp/crypto/registration.hpp"
#include "wzp/net/interfaces.hpp"
#include "wzp/net/random.hpp"
#include "wzp/proto/direct_message.hpp"
#include "wzp/proto/server_name.hpp"
#include "wzp/proto/signal_json.hpp"

namespace wzp::client_app {
namespace {

constexpr std::uint16_t kDefaultPort = 4433;
// Source: client.md 19.4, stagger of dials to one name.
constexpr Duration kStagger = std::chrono::milliseconds{250};
// Source: our choice; more addresses than a relay has.
constexpr std::size_t kMaxAddresses = 4;
// First guess of the round trip: of relays (wire.md 1.5), and of direct paths (client.md 19.3).
constexpr Duration kRelayRtt = std::chrono::milliseconds{300};
constexpr Duration kDirectRtt = std::chrono::milliseconds{80};
// Half-read messages are looked at this often.
constexpr Duration kSweepInterval = std::chrono::milliseconds{500};
// The probe of crypto.md 8, and the tag under which its fate is reported.
constexpr std::uint8_t kProbe = 0xfc;
constexpr quic::DatagramTag kProbeTag = 1;
constexpr std::string_view kDirectPrefix = "call-call-";
// Application close codes. Source: crypto.md 12.
constexpr std::uint64_t kBadName = 0x1a;

quic::EndpointConfig endpoint_config(const SocketAddress& bind, std::uint16_t number, Duration idle_timeout) {
  quic::EndpointConfig config;
  config.bind = bind;
  config.worker = number;  // tells the connections of the two sockets apart
  config.workers = 2;
  config.accept_inbound = true;
  config.idle_timeout = idle_timeout;
  config.keep_alive = idle_timeout / 6;  // Source: wire.md 1.5, 5 s of 30 s
  config.max_connections = 64;
  config.max_per_ip = 32;
  config.retry_threshold = 16;
  config.reset_key = net::random_secret<32>();
  config.token_key = net::random_secret<32>();
  return config;
}

}  // namespace

Network::Network(net::Loop& loop, KnownRelays known, Ports ports)
    : loop_{loop}, known_{std::move(known)}, ports_{std::move(ports)}, resolver_{loop} {}

Result<std::unique_ptr<Network>> Network::open(net::Loop& loop, const Common& common, Duration idle_timeout, KnownRelays known,
                                               Ports ports) {
  std::unique_ptr<Network> network{new Network{loop, std::move(known), std::move(ports)}};
  auto relay = net::HostPort::parse(common.relay, kDefaultPort);
  if (!relay) return Unexpected{Errc::BadConfig, "--relay " + common.relay + ": must be a name or an address, with or without a port"};
  network->relay_ = std::move(*relay);
  SocketAddress bind{IpAddress::v4(0, 0, 0, 0), 0};
  if (!common.bind.empty()) {
    const auto parsed = SocketAddress::parse(common.bind);
    if (!parsed) return Unexpected{Errc::BadConfig, "--bind " + common.bind + ": must be a numeric address with a port, like 0.0.0.0:0"};
    bind = *parsed;
  }
  auto credentials = quic::fresh_credentials();
  if (!credentials) return credentials.failure();
  if (bind.ip.is_v4()) {
    auto config = endpoint_config(bind, 0, idle_timeout);
    config.credentials = *credentials;
    auto v4 = quic::Endpoint::open(std::move(config), *network);
    if (!v4) return v4.failure();
    network->v4_ = std::move(*v4);
    network->v4_attachment_.emplace(loop, *network->v4_);
  }
  if (common.bind.empty() || !bind.ip.is_v4()) {
    auto config = endpoint_config(bind.ip.is_v4() ? SocketAddress{{}, 0} : bind, 1, idle_timeout);
    config.credentials = std::move(*credentials);
    auto v6 = quic::Endpoint::open(std::move(config), *network);
    if (!v6 && !network->v4_) return v6.failure();
    if (v6) {  // a machine without IPv6 goes without
      network->v6_ = std::move(*v6);
      network->v6_attachment_.emplace(loop, *network->v6_);
    }
  }
  auto* self = network.get();
  loop.add({.deadline = [self] { return self->next_sweep_; }, .tick = [self](Instant now) { self->sweep(now); }, .finish = {}});
  return network;
}

quic::Endpoint* Network::endpoint_for(const IpAddress& ip) const noexcept { return ip.is_v4() ? v4_.get() : v6_.get(); }
quic::Endpoint* Network::endpoint_of(ConnectionId id) const noexcept { return id.worker() == 0 ? v4_.get() : v6_.get(); }

// --- dialling

void Network::perform(const client::DialRelay& action) {
  Dial dial{.server_name = action.server_name, .configured_relay = !action.address, .pinned = {}, .initial_rtt = kRelayRtt,
            .untried = {}, .attempts = {}, .why = {}};
  if (action.address) {
    dial.pinned = relay_certificate_;  // another address of the relay we are registered at
    dial.untried = {*action.address};
    return start(action.dial, std::move(dial));
  }
  dial.pinned = known_.find(to_string(relay_));
  dials_.emplace(action.dial, std::move(dial));
  const bool waiting = resolver_.resolve(relay_, [this, id = action.dial](Result<std::vector<SocketAddress>> found) {
    auto taken = dials_.extract(id);
    if (!taken) return;  // cancelled
    if (!found) return fail(id, found.error().where);
    found->resize(std::min(found->size(), kMaxAddresses));
    taken.mapped().untried = std::move(*found);
    start(id, std::move(taken.mapped()));
  });
  if (!waiting) fail(action.dial, "too many look-ups");
}

void Network::perform(const client::DialDirect& action) {
  start(action.dial, {.server_name = action.server_name, .configured_relay = false, .pinned = {}, .initial_rtt = kDirectRtt,
                      .untried = {action.address}, .attempts = {}, .why = {}});
}

void Network::start(client::DialId id, Dial dial) {
  dials_.insert_or_assign(id, std::move(dial));
  try_next(id);
}

void Network::try_next(client::DialId id) {
  const auto found = dials_.find(id);
  if (found == dials_.end()) return;
  auto& dial = found->second;
  while (!dial.untried.empty()) {
    const auto remote = dial.untried.front();
    dial.untried.erase(dial.untried.begin());
    auto* endpoint = endpoint_for(remote.ip);
    if (endpoint == nullptr) {
      dial.why = to_string(remote) + ": no socket of this address family";
      continue;
    }
    const auto conn = endpoint->dial({.remote = remote, .server_name = dial.server_name, .certificate = {}, .pinned = dial.pinned,
                                      .initial_rtt = dial.initial_rtt, .handshake_timeout = {}},
                                     loop_.now());
    if (!conn) {
      dial.why = to_string(conn.error());
      continue;
    }
    dial.attempts.push_back(*conn);
    attempts_.emplace(*conn, id);
    if (!dial.untried.empty()) loop_.after(kStagger, [this, id](Instant) { try_next(id); });
    return;
  }
  if (dial.attempts.empty()) fail(id, dial.why.empty() ? "no address" : dial.why);
}

void Network::fail(client::DialId id, std::string why) {
  dials_.erase(id);
  ports_.to_core(client::DialFailed{id, std::move(why)});
}

void Network::perform(const client::CancelDial& action) {
  const auto dial = dials_.extract(action.dial);
  if (!dial) return;
  for (const auto conn : dial.mapped().attempts) {
    attempts_.erase(conn);
    ++closing_;
    endpoint_of(conn)->close(conn, 0, "cancelled");
  }
}

// --- what the endpoints report

void Network::on_connected(ConnectionId id, const quic::ConnectionInfo& info) {
  const auto name = proto::canonical_server_name(info.server_name);
  const bool direct = name && name->starts_with(kDirectPrefix);
  auto* endpoint = endpoint_of(id);
  if (!name || (info.inbound && !direct)) {
    ++closing_;
    return endpoint->close(id, kBadName, "bad name");
  }
  const auto exporter = [&](std::string_view label) { return endpoint->exporter(id, label).value(); };
  proto::SignalInbox::Config inbox{.max_message = direct ? proto::kMaxDirectMessageBytes : proto::kMaxSignalBytes,
                                   .first_stream = proto::StreamId{info.inbound ? 0U : 1U}};
  if (info.inbound) {
    connections_.emplace(id, Connection{proto::SignalInbox{inbox}, true});
    return ports_.to_core(client::InboundDirect{id, info.remote, *name, exporter(crypto::kDirectExporterLabel)});
  }
  const auto attempt = attempts_.extract(id);
  if (!attempt) return;  // cancelled: it is being closed
  auto dial = dials_.extract(attempt.mapped());
  for (const auto other : dial.mapped().attempts) {
    if (other == id) continue;
    attempts_.erase(other);
    ++closing_;
    endpoint_of(other)->close(other, 0, "not-selected");
  }
  connections_.emplace(id, Connection{proto::SignalInbox{inbox}, direct});
  if (dial.mapped().configured_relay) remember_relay(info);
  ports_.to_core(client::Connected{.dial = attempt.mapped(),
                                   .conn = id,
                                   .remote = info.remote,
                                   .peer_certificate = info.peer_certificate.value_or(RelayFingerprint{}),
                                   .register_exporter = exporter(crypto::kRegisterExporterLabel),
                                   .room_exporter = exporter(crypto::kRoomExporterLabel),
                                   .direct_exporter = exporter(crypto::kDirectExporterLabel)});
}

void Network::remember_relay(const quic::ConnectionInfo& info) {
  relay_certificate_ = info.peer_certificate;
  if (!info.peer_certificate) return;
  if (const auto kept = known_.remember(to_string(relay_), *info.peer_certificate); !kept) {
    fmt::print(stderr, "wzp-client: the relay's certificate could not be remembered: {}\n", kept.error().where);
  }
}

void Network::on_closed(ConnectionId id, const quic::CloseInfo& info) {
  if (const auto attempt = attempts_.extract(id)) return attempt_failed(attempt.mapped(), id, info);
  if (connections_.erase(id) == 0) {
    if (closing_ > 0) --closing_;
    return;
  }
  client::Lost lost{.conn = id, .code = {}, .why = fmt::format("{} {}", quic::name(info.kind), printable(info.reason))};
  if (info.kind == quic::CloseKind::Application && info.by_peer) lost.code = info.code;
  ports_.to_core(std::move(lost));
}

void Network::attempt_failed(client::DialId id, ConnectionId conn, const quic::CloseInfo& info) {
  auto& dial = dials_.at(id);
  std::erase(dial.attempts, conn);
  dial.why = fmt::format("{} {}", quic::name(info.kind), printable(info.reason));
  if (info.kind == quic::CloseKind::PinMismatch && dial.pinned) {
    ports_.on_changed_relay(changed_relay_text(to_string(relay_), *dial.pinned, known_.path()));
  }
  if (dial.attempts.empty()) try_next(id);
}

void Network::on_stream(ConnectionId id, quic::StreamId stream, ByteView data, bool fin) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  deliver(id, found->second.inbox.receive(proto::StreamId{stream}, data, fin, loop_.now()));
  if (!next_sweep_) next_sweep_ = loop_.now() + kSweepInterval;
}

void Network::on_stream_reset(ConnectionId id, quic::StreamId stream) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  deliver(id, found->second.inbox.reset(proto::StreamId{stream}, loop_.now()));
}

void Network::on_datagram(ConnectionId id, ByteView datagram) { ports_.on_datagram(id, datagram); }

void Network::on_datagram_acked(ConnectionId id, quic::DatagramTag tag) {
  if (tag == kProbeTag && connections_.contains(id)) ports_.to_core(client::ProbeAcked{id});
}

void Network::deliver(ConnectionId id, const proto::InboxEvents& events) {
  for (const auto& event : events) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) return;
    const bool direct = found->second.direct;
    std::visit(overloaded{
                   [&](const proto::InboxMessage& m) {
                     if (direct) {
                       auto message = proto::decode_direct(m.json);
                       if (message) return ports_.to_core(client::Direct{id, std::move(*message)});
                       return ports_.to_core(client::BadMessage{id, message.error()});
                     }
                     auto message = proto::decode(m.json);
                     if (message) return ports_.to_core(client::Signal{id, std::move(*message)});
                     ports_.to_core(client::BadMessage{id, message.error()});
                   },
                   [&](const proto::StopStream& s) { endpoint_of(id)->stop_stream(id, s.stream.value); },
                   [&](const proto::BadStream& b) { ports_.to_core(client::BadMessage{id, b.error}); },
               },
               event);
  }
}

void Network::sweep(Instant now) {
  next_sweep_.reset();
  std::vector<ConnectionId> due;
  for (const auto& [id, connection] : connections_) {
    const auto deadline = connection.inbox.deadline();
    if (deadline) next_sweep_ = now + kSweepInterval;
    if (deadline && *deadline <= now) due.push_back(id);
  }
  for (const auto id : due) {
    if (const auto found = connections_.find(id); found != connections_.end()) deliver(id, found->second.inbox.tick(now));
  }
}

// --- sending

void Network::perform(const client::SendSignal& action) { send(action.conn, proto::encode(action.message)); }
void Network::perform(const client::SendDirect& action) { send(action.conn, proto::encode_direct(action.message)); }

void Network::send(ConnectionId conn, std::string_view json) {
  if (!connections_.contains(conn)) return;  // its `Lost` is on the way to the core
  const auto sent = endpoint_of(conn)->send_message(conn, proto::encode_frame(json));
  if (!sent && sent.error().code == Errc::LimitReached) endpoint_of(conn)->close(conn, 0x16, "limit");
}

void Network::perform(const client::SendProbe& action) {
  // Not sent (connection gone, no datagrams) is never acknowledged: the core tries again and gives up.
  (void)endpoint_of(action.conn)->send_datagram(action.conn, ByteView{&kProbe, 1}, loop_.now(), kProbeTag);
}

void Network::perform(const client::Punch& action) {
  const std::uint8_t byte = 0;
  if (auto* endpoint = endpoint_for(action.address.ip)) endpoint->send_punch(action.address, ByteView{&byte, 1});
}

void Network::perform(const client::Close& action) {
  if (connections_.erase(action.conn) == 0) return;
  ++closing_;
  endpoint_of(action.conn)->close_when_sent(action.conn, static_cast<std::uint64_t>(action.code), action.reason, loop_.now());
}

void Network::send_datagram(ConnectionId conn, ByteView datagram, Instant now) {
  (void)endpoint_of(conn)->send_datagram(conn, datagram, now);  // a packet that a path cannot take is lost, as on any network
}

// --- asking

std::vector<SocketAddress> Network::host_addresses() const {
  std::vector<SocketAddress> out;
  for (const auto& ip : net::interface_addresses()) {
    if (const auto* endpoint = endpoint_for(ip)) out.push_back({ip, endpoint->local().port});
  }
  return out;
}

std::optional<quic::ConnectionStats> Network::stats(ConnectionId conn) const { return endpoint_of(conn)->stats(conn); }

}  // namespace wzp::client_app
