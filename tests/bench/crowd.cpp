#include "crowd.hpp"

#include <algorithm>
#include <cstdlib>
#include <map>

#include <fmt/format.h>

#include "wzp/base/log.hpp"
#include "wzp/crypto/call_keys.hpp"
#include "wzp/crypto/registration.hpp"
#include "wzp/crypto/room.hpp"
#include "wzp/net/clock.hpp"
#include "wzp/net/random.hpp"
#include "wzp/proto/signal_json.hpp"

namespace wzp::bench {
namespace {

constexpr std::size_t kAtATime = 64;

proto::SignalInbox server_inbox() { return proto::SignalInbox{{.max_message = proto::kMaxSignalBytes, .first_stream = proto::StreamId{1}}}; }

Bytes random_bytes(std::size_t n) {
  Bytes out(n);
  net::fill_random(out);
  return out;
}

}  // namespace

Crowd::Crowd(const std::vector<const RelayProcess*>& relays, std::uint16_t sockets) : loop_{std::move(*net::Loop::create())} {
  const auto count = relays.size();
  quic::EndpointConfig config;
  config.bind = *SocketAddress::parse("127.0.0.1:0");
  config.socket.buffer_bytes = std::size_t{8} << 20;
  config.max_connections = 2 * count + 16;
  config.max_per_ip = 0;
  config.reset_key = net::random_secret<32>();
  config.token_key = net::random_secret<32>();
  config.workers = sockets;
  for (config.worker = 0; config.worker < sockets; ++config.worker) {
    endpoints_.push_back(std::move(*quic::Endpoint::open(config, *this)));
    attachments_.push_back(std::make_unique<quic::Attachment>(*loop_, *endpoints_.back()));
  }
  clients_.reserve(count);
  for (const auto* relay : relays) {
    clients_.push_back({.relay = relay, .identity = crypto::Identity{net::random_secret<32>()}, .signal = {}, .room = {},
                        .signals = server_inbox(), .room_signals = server_inbox()});
  }
}

Crowd::~Crowd() {
  // What these refer to may be gone already.
  on_signal = nullptr;
  on_media = nullptr;
  for (auto& endpoint : endpoints_) endpoint->close_all(0, "done");
  loop_->turn({});
}

void Crowd::dial(std::size_t index, const std::string& server_name) {
  const auto conn = endpoints_[index % endpoints_.size()]->dial({.remote = clients_[index].relay->address(), .server_name = server_name, .certificate = {}, .pinned = clients_[index].relay->fingerprint(),
                                     .initial_rtt = std::chrono::milliseconds{300}, .handshake_timeout = {}}, loop_->now());
  if (!conn) {
    fmt::print(stderr, "wzp-bench: cannot dial: {}\n", to_string(conn.error()));
    std::exit(1);
  }
  (server_name == "_signal" ? clients_[index].signal : clients_[index].room) = *conn;
  owner_[*conn] = index;
}

void Crowd::register_all() {
  std::size_t dialled = 0;
  run_until(
      [&] {
        while (dialled < clients_.size() && dialled < registered_ + kAtATime) dial(dialled++, "_signal");
        return registered_ == clients_.size();
      },
      "registration of everybody");
}

void Crowd::run_until(const std::function<bool()>& done, const char* what) {
  const auto deadline = net::now() + std::chrono::seconds{60};
  while (!done()) {
    if (net::now() > deadline) {
      fmt::print(stderr, "wzp-bench: no {} within 60 s\n", what);
      std::exit(1);
    }
    loop_->turn(std::chrono::milliseconds{10});
  }
}

void Crowd::say(ConnectionId conn, const proto::SignalMessage& message) {
  if (const auto sent = endpoint_of(conn).send_message(conn, proto::encode_frame(proto::encode(message))); !sent) {
    fmt::print(stderr, "wzp-bench: cannot send: {}\n", to_string(sent.error()));
    std::exit(1);
  }
}

void Crowd::send(std::size_t index, const proto::SignalMessage& message) { say(clients_[index].signal, message); }

void Crowd::offer(std::size_t from, std::size_t to, const CallId& id) {
  proto::DirectCallOffer offer;
  offer.caller_fingerprint = to_string(clients_[from].identity.fingerprint());
  offer.target_fingerprint = to_string(clients_[to].identity.fingerprint());
  offer.call_id = id.text();
  offer.identity_pub = clients_[from].identity.public_key();
  offer.ephemeral_pub = net::random_array<32>();
  offer.signature = random_bytes(64);
  offer.supported_profiles = {proto::kGood};
  offer.caller_reflexive_addr = "127.0.0.1:40000";
  offer.caller_local_addrs = {"192.168.1.2:40000"};
  offer.caller_build_version = "bench";
  send(from, offer);
}

void Crowd::accept(std::size_t index, const proto::DirectCallOffer& offer) {
  proto::DirectCallAnswer answer;
  answer.call_id = offer.call_id;
  answer.accept_mode = proto::CallAcceptMode::AcceptTrusted;
  answer.identity_pub = clients_[index].identity.public_key();
  answer.ephemeral_pub = net::random_array<32>();
  answer.signature = random_bytes(64);
  answer.chosen_profile = proto::kGood;
  answer.callee_reflexive_addr = "127.0.0.1:40001";
  answer.callee_local_addrs = {"192.168.1.3:40001"};
  answer.callee_build_version = "bench";
  send(index, answer);
}

void Crowd::connect(const std::vector<std::pair<std::size_t, std::size_t>>& calls) {
  const std::map<std::size_t, std::size_t> callees{calls.begin(), calls.end()};
  const auto place = [this](std::size_t from, std::size_t to) { offer(from, to, CallId::from_random(net::random_array<16>())); };
  on_signal = [=, this](std::size_t index, const proto::SignalMessage& message) {
    if (const auto* offer = std::get_if<proto::DirectCallOffer>(&message)) accept(index, *offer);
    if (const auto* setup = std::get_if<proto::CallSetup>(&message)) enter_room(index, CallId::parse(setup->call_id)->room());
    // Relays that have just started may not have found each other yet.
    if (std::holds_alternative<proto::Hangup>(message) && callees.contains(index)) place(index, callees.at(index));
  };
  register_all();
  for (const auto& [from, to] : calls) place(from, to);
  run_until([&] { return std::ranges::all_of(calls, [&](const auto& call) { return in_room(call.first) && in_room(call.second); }); },
            "room with everybody in it");
}

void Crowd::send_media(std::size_t index, ByteView datagram) {
  // A refused datagram is one that does not arrive: it shows in the loss.
  const auto conn = clients_[index].room;
  (void)endpoint_of(conn).send_datagram(conn, datagram, loop_->now());
}

void Crowd::leave_room(std::size_t index) {
  auto& client = clients_[index];
  owner_.erase(client.room);
  endpoint_of(client.room).close(client.room, 0, "left");
  client.room = {};
  client.in_room = false;
  client.room_signals = server_inbox();
}

void Crowd::on_connected(ConnectionId conn, const quic::ConnectionInfo& info) {
  auto& client = clients_[owner_.at(conn)];
  if (info.server_name == "_signal") {
    proto::RegisterPresence message;
    message.identity_pub = client.identity.public_key();
    const auto signature = crypto::sign_registration(client.identity, client.relay->fingerprint(), *endpoint_of(conn).exporter(conn, crypto::kRegisterExporterLabel));
    message.signature.assign(signature.begin(), signature.end());
    return say(conn, message);
  }
  proto::CallOffer offer;
  offer.identity_pub = client.identity.public_key();
  offer.ephemeral_pub = crypto::EphemeralKey{net::random_secret<32>()}.public_key();
  const auto hop = crypto::sign_call_offer(client.identity, offer.ephemeral_pub);
  offer.signature.assign(hop.begin(), hop.end());
  offer.supported_profiles = {proto::kGood};
  offer.caps = room_caps;
  const auto binding = crypto::sign_room_binding(client.identity, client.relay->fingerprint(), *endpoint_of(conn).exporter(conn, crypto::kRoomExporterLabel), offer.ephemeral_pub);
  offer.binding.assign(binding.begin(), binding.end());
  say(conn, offer);
}

void Crowd::on_closed(ConnectionId conn, const quic::CloseInfo& info) {
  if (info.kind == quic::CloseKind::Local || !owner_.contains(conn)) return;
  fmt::print(stderr, "wzp-bench: client {} lost a connection: {} 0x{:x} {}\n", owner_.at(conn), quic::name(info.kind), info.code, printable(info.reason));
  std::exit(1);
}

void Crowd::on_stream(ConnectionId conn, quic::StreamId stream, ByteView data, bool fin) {
  const auto owner = owner_.find(conn);
  if (owner == owner_.end()) return;
  const auto index = owner->second;
  auto& client = clients_[index];
  const bool room = conn == client.room;
  for (const auto& event : (room ? client.room_signals : client.signals).receive(proto::StreamId{stream}, data, fin, loop_->now())) {
    const auto* message = std::get_if<proto::InboxMessage>(&event);
    if (message == nullptr) continue;
    const auto signal = proto::decode(message->json);
    if (!signal) continue;
    if (room && std::holds_alternative<proto::CallAnswer>(*signal)) client.in_room = true;
    if (const auto* ack = std::get_if<proto::RegisterPresenceAck>(&*signal); ack != nullptr && ack->success && !client.registered) {
      client.registered = true;
      ++registered_;
    }
    if (!room && on_signal) on_signal(index, *signal);
  }
}

void Crowd::on_datagram(ConnectionId conn, ByteView datagram) {
  const auto owner = owner_.find(conn);
  if (owner != owner_.end() && on_media) on_media(owner->second, datagram);
}

}  // namespace wzp::bench
