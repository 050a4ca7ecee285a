#include "support/sim_quic.hpp"

#include <algorithm>

#include "support/sim_quic_connection.hpp"

namespace wzp::sim {
namespace {

using Kind = QuicPacket::Kind;

constexpr std::size_t kResetBytes = 40;

}  // namespace

SimEndpoint::SimEndpoint(SimQueue& queue, SimNet& net, HostId host, Random random, Config config, quic::Handler& handler)
    : queue_{queue}, net_{net}, host_{host}, random_{random}, config_{std::move(config)}, handler_{handler}, alarm_{queue, [this] { run(); }} {
  local_ = net_.bind(host_, config_.port, [this](const Packet& packet) { receive(packet); });
}

SimEndpoint::~SimEndpoint() { net_.unbind(host_, local_.port); }

SimConnection& SimEndpoint::add(Entry connection) {
  auto& added = *connection;
  by_id_.emplace(added.id(), &added);
  connections_.emplace(added.own(), std::move(connection));
  return added;
}

ConnectionId SimEndpoint::dial(const DialOptions& options) {
  const ConnectionId id{next_id_++};
  auto& dialled = add(std::make_unique<SimConnection>(*this, id, random_.next(), options));
  dialled.start();
  plan(dialled);
  return id;
}

SimConnection* SimEndpoint::accept(const Packet& packet) {
  const auto& initial = static_cast<const HandshakePacket&>(*packet.payload);
  if (const auto known = by_initial_.find(initial.from); known != by_initial_.end()) return known->second;
  if (connections_.size() >= config_.max_connections) return nullptr;
  auto& accepted = add(std::make_unique<SimConnection>(*this, ConnectionId{next_id_++}, random_.next(), packet.from, initial));
  by_initial_.emplace(initial.from, &accepted);
  accepted.start();
  plan(accepted);
  return nullptr;
}

void SimEndpoint::receive(const Packet& packet) {
  const auto alive = std::weak_ptr<bool>{alive_};
  const auto kept = packet.payload;  // for as long as its frames are read
  const auto& quic = static_cast<const QuicPacket&>(*kept);
  SimConnection* connection = nullptr;
  if (quic.kind == Kind::Punch) return handler_.on_punch(packet.from, {});
  if (quic.kind == Kind::Initial) {
    connection = accept(packet);
  } else if (quic.kind == Kind::Reset) {
    const auto found = std::find_if(connections_.begin(), connections_.end(), [&](const auto& c) { return c.second->peer() == quic.to; });
    if (found != connections_.end()) connection = found->second.get();
  } else if (const auto found = connections_.find(quic.to); found != connections_.end()) {
    connection = found->second.get();
  } else if (quic.kind == Kind::Protected) {
    auto reset = std::make_shared<ResetPacket>(Kind::Reset, quic.to, kResetBytes);
    reset->token = config_.reset_key;
    return send(packet.from, std::move(reset));
  }
  if (connection == nullptr) return;
  connection->receive(quic, packet.from);
  if (alive.lock()) plan(*connection);
}

void SimEndpoint::send(const SocketAddress& to, std::shared_ptr<const Payload> payload) {
  net_.send(host_, local_.port, to, std::move(payload));
}

void SimEndpoint::send_punch(const SocketAddress& remote) {
  send(remote, std::make_shared<QuicPacket>(Kind::Punch, 0, std::size_t{1}));
}

void SimEndpoint::close(ConnectionId id, std::uint64_t code, std::string_view reason) {
  if (auto* connection = find(id)) connection->close(code, reason);
}

void SimEndpoint::close_when_sent(ConnectionId id, std::uint64_t code, std::string_view reason, Duration linger) {
  auto* connection = find(id);
  if (connection == nullptr) return;
  connection->close_when_sent(code, reason, linger);
  plan(*connection);
}

Result<quic::StreamId> SimEndpoint::send_message(ConnectionId id, ByteView bytes) {
  auto* connection = find(id);
  if (connection == nullptr) return Unexpected{Errc::NotFound, "connection"};
  return connection->send_message(bytes);
}

void SimEndpoint::stop_stream(ConnectionId id, quic::StreamId stream) {
  if (auto* connection = find(id)) connection->stop_stream(stream);
}

Result<void> SimEndpoint::send_datagram(ConnectionId id, ByteView data, quic::DatagramTag tag) {
  auto* connection = find(id);
  if (connection == nullptr) return Unexpected{Errc::NotFound, "connection"};
  return connection->send_datagram(data, tag);
}

ByteArray<32> SimEndpoint::exporter(ConnectionId id, std::string_view label) const {
  const auto* connection = find(id);
  return connection != nullptr ? connection->exporter(label) : ByteArray<32>{};
}

int SimEndpoint::peer_owner(ConnectionId id) const {
  const auto* connection = find(id);
  return connection != nullptr ? connection->peer_owner() : 0;
}

Duration SimEndpoint::unacknowledged_for(ConnectionId id) const {
  const auto* connection = find(id);
  const auto oldest = connection != nullptr ? connection->oldest_message() : std::nullopt;
  return oldest ? queue_.now() - *oldest : Duration{};
}

std::size_t SimEndpoint::outgoing_messages(ConnectionId id) const {
  const auto* connection = find(id);
  return connection != nullptr ? connection->messages() : 0;
}

std::size_t SimEndpoint::open_connections() const {
  return static_cast<std::size_t>(std::count_if(connections_.begin(), connections_.end(), [](const auto& c) {
    return c.second->state() != SimConnection::State::Closed;
  }));
}

SimConnection* SimEndpoint::find(ConnectionId id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

void SimEndpoint::retire(SimConnection& connection, Duration linger) {
  by_id_.erase(connection.id());
  retired_.emplace_back(queue_.now() + linger, connection.own());
  plan(retired_.back().first);
}

void SimEndpoint::plan(const SimConnection& connection) {
  if (const auto due = connection.deadline()) plan(*due);
}

void SimEndpoint::plan(Instant due) {
  if (planned_ && *planned_ <= due) return;
  planned_ = due;
  alarm_.set(due);
}

void SimEndpoint::run() {
  const auto now = queue_.now();
  const auto alive = std::weak_ptr<bool>{alive_};
  planned_.reset();
  std::vector<std::uint64_t> due;
  for (const auto& [id, connection] : connections_) {
    if (const auto when = connection->deadline(); when && *when <= now) due.push_back(id);
  }
  std::sort(due.begin(), due.end());  // the order of a hash table is nobody's
  for (const auto id : due) {
    const auto found = connections_.find(id);
    if (found != connections_.end()) found->second->tick(now);
    if (!alive.lock()) return;
  }
  std::erase_if(retired_, [&](const auto& gone) {
    if (gone.first > now) return false;
    const auto found = connections_.find(gone.second);
    std::erase_if(by_initial_, [&](const auto& entry) { return entry.second == found->second.get(); });
    connections_.erase(found);
    return true;
  });
  for (const auto& [id, connection] : connections_) plan(*connection);
  for (const auto& gone : retired_) plan(gone.first);
}

}  // namespace wzp::sim
