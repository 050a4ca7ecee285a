#include "wzp/quic/endpoint.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "endpoint_impl.hpp"

namespace wzp::quic {
namespace {

/// Source: our choice; a restarted relay has at most some thousands of clients to tell.
constexpr unsigned kResetsPerSecond = 1000;

}  // namespace

bool RateLimit::allow(Instant now) {
  if (now - since_ >= std::chrono::seconds{1}) {
    since_ = now;
    left_ = per_second_;
  }
  if (left_ == 0) return false;
  --left_;
  return true;
}

// --- Impl

Endpoint::Impl::Impl(EndpointConfig config, Handler& handler, net::UdpSocket socket, std::unique_ptr<TlsContext> tls)
    : shared{.config = std::move(config), .handler = handler, .tls = std::move(tls), .socket = std::move(socket)},
      accepting{shared.config.accept_inbound},
      admission_{{.connections = shared.config.max_connections,
                  .per_ip = shared.config.max_per_ip,
                  .retry_threshold = shared.config.retry_threshold}},
      resets_{kResetsPerSecond} {}

Endpoint::Impl::~Impl() = default;

ConnectionId Endpoint::Impl::next_id() { return {(std::uint64_t{shared.config.worker} << 48) | next_number_++}; }

Connection* Endpoint::Impl::find(ConnectionId id) const {
  const auto it = connections.find(id);
  return it == connections.end() ? nullptr : it->second.get();
}

Result<ConnectionId> Endpoint::Impl::dial(const DialOptions& options) {
  if (shut) return Unexpected{Errc::WrongState, "endpoint is closed"};
  const auto& local = shared.socket.local().ip;
  const bool reachable = options.remote.ip.is_v4() ? local.is_v4() || !shared.config.socket.v6_only : !local.is_v4();
  if (!reachable || options.remote.port == 0) return Unexpected{Errc::Unsupported, to_string(options.remote)};
  if (connections.size() >= shared.config.max_connections) return Unexpected{Errc::LimitReached, "connections"};
  const auto id = next_id();
  auto made = Connection::dial(shared, id, options);
  if (!made) return made.failure();
  dialled_.emplace(options.remote, made->get());
  connections.emplace(id, std::move(*made));
  return id;
}

void Endpoint::Impl::tick() {
  while (auto* connection = shared.timers.pop(shared.now)) connection->expire();
  closing.expire(shared.now, shared.routes);
}

void Endpoint::Impl::flush() {
  // Writing marks nobody, but what it reports may: a second round sends that, too.
  for (int round = 0; round < 2 && !shared.dirty.empty(); ++round) {
    const auto work = std::exchange(shared.dirty, {});
    for (auto* connection : work) connection->write();
    reap();
  }
  shared.batch.send();
}

Result<void> Endpoint::Impl::rebind(const SocketAddress& bind) {
  auto socket = net::UdpSocket::open(bind, shared.config.socket);
  if (!socket) return socket.failure();
  shared.batch.send();
  shared.socket = std::move(*socket);
  for (auto& [id, connection] : connections) connection->migrate(shared.socket.local());
  return {};
}

void Endpoint::Impl::note_admitted() {
  for (const auto& origin : std::exchange(shared.admitted, {})) {
    admission_.completed(origin.ip);
    ++counters.accepted;
  }
}

void Endpoint::Impl::forget(Connection& connection) {
  for (const auto& id : connection.ids()) shared.routes.remove(id);
  if (auto remains = connection.remains()) closing.add(std::move(*remains), shared.routes);
  if (connection.inbound()) {
    admission_.ended(connection.origin().ip, connection.half_open());
    return;
  }
  const auto [begin, end] = dialled_.equal_range(connection.origin());
  dialled_.erase(std::find_if(begin, end, [&](const auto& entry) { return entry.second == &connection; }));
}

void Endpoint::Impl::reap() {
  note_admitted();
  while (!shared.ended.empty()) {
    for (auto* ended : std::exchange(shared.ended, {})) {
      const auto it = connections.find(ended->id());
      const auto connection = std::move(it->second);
      connections.erase(it);
      forget(*connection);
      if (connection->reportable()) shared.handler.on_closed(connection->id(), connection->end_info());
    }
  }
}

EndpointStats Endpoint::Impl::stats() const {
  auto out = counters;
  out.connections = connections.size();
  out.half_open = admission_.half_open();
  out.packets_sent = shared.batch.packets;
  out.trains_sent = shared.batch.trains;
  return out;
}

// --- Endpoint

Result<std::unique_ptr<Endpoint>> Endpoint::open(EndpointConfig config, Handler& handler) {
  if (config.accept_inbound && config.credentials.empty()) {
    return Unexpected{Errc::BadConfig, "an endpoint that accepts needs a certificate"};
  }
  if (config.worker >= config.workers) return Unexpected{Errc::BadConfig, "worker number"};
  auto tls = TlsContext::create(config);
  if (!tls) return tls.failure();
  auto socket = net::UdpSocket::open(config.bind, config.socket);
  if (!socket) return socket.failure();
  return std::unique_ptr<Endpoint>{
      new Endpoint{std::make_unique<Impl>(std::move(config), handler, std::move(*socket), std::move(*tls))}};
}

Endpoint::Endpoint(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
Endpoint::~Endpoint() = default;

Result<ConnectionId> Endpoint::dial(const DialOptions& options, Instant now) {
  impl_->shared.now = std::max(impl_->shared.now, now);
  return impl_->dial(options);
}

void Endpoint::close(ConnectionId id, std::uint64_t code, std::string_view reason) {
  if (auto* connection = impl_->find(id)) connection->close(code, reason);
}

void Endpoint::close_when_sent(ConnectionId id, std::uint64_t code, std::string_view reason, Instant now,
                               Duration linger) {
  if (auto* connection = impl_->find(id)) connection->close_when_sent(code, reason, now + linger);
}

void Endpoint::close_all(std::uint64_t code, std::string_view reason) {
  impl_->accepting = false;
  impl_->shut = true;
  for (auto& [id, connection] : impl_->connections) connection->close(code, reason);
}

void Endpoint::accept_inbound(bool accept) { impl_->accepting = accept && !impl_->shared.config.credentials.empty(); }

Result<StreamId> Endpoint::send_message(ConnectionId id, ByteView bytes) {
  auto* connection = impl_->find(id);
  if (!connection) return Unexpected{Errc::NotFound, "connection"};
  return connection->send_message(bytes, false);
}

Result<StreamId> Endpoint::send_uni(ConnectionId id, ByteView bytes) {
  auto* connection = impl_->find(id);
  if (!connection) return Unexpected{Errc::NotFound, "connection"};
  return connection->send_message(bytes, true);
}

void Endpoint::stop_stream(ConnectionId id, StreamId stream) {
  if (auto* connection = impl_->find(id)) connection->stop_stream(stream);
}

Result<void> Endpoint::send_datagram(ConnectionId id, ByteView prefix, ByteView payload, Instant now, DatagramTag tag) {
  auto* connection = impl_->find(id);
  if (!connection) return Unexpected{Errc::NotFound, "connection"};
  return connection->send_datagram(prefix, payload, tag, now);
}

void Endpoint::send_punch(const SocketAddress& remote, ByteView bytes) {
  std::array<std::uint8_t, 8> packet{};
  const auto size = std::clamp<std::size_t>(bytes.size(), 1, packet.size());
  std::copy_n(bytes.begin(), std::min(size, bytes.size()), packet.begin());
  packet[0] &= 0x3f;
  impl_->shared.batch.add({packet.data(), size}, {{}, remote});
}

std::size_t Endpoint::max_datagram_size(ConnectionId id) const {
  const auto* connection = impl_->find(id);
  return connection ? connection->max_datagram_size() : 0;
}

Result<ByteArray<32>> Endpoint::exporter(ConnectionId id, std::string_view label) const {
  const auto* connection = impl_->find(id);
  if (!connection) return Unexpected{Errc::NotFound, "connection"};
  return connection->exporter(label);
}

std::optional<ConnectionStats> Endpoint::stats(ConnectionId id) const {
  const auto* connection = impl_->find(id);
  if (!connection) return std::nullopt;
  return connection->stats();
}

EndpointStats Endpoint::stats() const { return impl_->stats(); }

const net::UdpSocket::Counters& Endpoint::socket_counters() const { return impl_->shared.socket.counters(); }
const SocketAddress& Endpoint::local() const noexcept { return impl_->shared.socket.local(); }
int Endpoint::fd() const noexcept { return impl_->shared.socket.fd(); }

void Endpoint::receive_ready(Instant now) {
  impl_->shared.now = std::max(impl_->shared.now, now);
  impl_->receive();
  impl_->reap();
}

void Endpoint::inject(const ForeignPacket& packet, Instant now) {
  impl_->shared.now = std::max(impl_->shared.now, now);
  impl_->on_packet({{packet.local, packet.remote}, packet.ecn, packet.bytes}, true);
  impl_->reap();
}

void Endpoint::tick(Instant now) {
  impl_->shared.now = std::max(impl_->shared.now, now);
  impl_->tick();
  impl_->reap();
}

std::optional<Instant> Endpoint::deadline() const {
  const auto& shared = impl_->shared;
  if (!shared.dirty.empty() || !shared.ended.empty()) return Instant{};
  return earliest(shared.timers.next(), impl_->closing.next());
}

void Endpoint::flush(Instant now) {
  impl_->shared.now = std::max(impl_->shared.now, now);
  impl_->reap();
  impl_->flush();
}

Result<void> Endpoint::rebind(const SocketAddress& bind, Instant now) {
  impl_->shared.now = std::max(impl_->shared.now, now);
  return impl_->rebind(bind);
}

// --- Attachment

Attachment::Attachment(net::Loop& loop, Endpoint& endpoint) : loop_{loop}, endpoint_{endpoint} {
  driver_ = loop.add({.deadline = [this] { return endpoint_.deadline(); },
                      .tick = [this](Instant now) { endpoint_.tick(now); },
                      .finish =
                          [this](Instant now) {
                            endpoint_.flush(now);
                            if (endpoint_.fd() != fd_) watch();
                          }});
  watch();
}

void Attachment::watch() {
  if (fd_ >= 0) loop_.unwatch(fd_);
  fd_ = endpoint_.fd();
  // Fails only when the system has no more memory for epoll, and then nothing would work.
  [[maybe_unused]] const auto watched = loop_.watch(fd_, [this](Instant now) { endpoint_.receive_ready(now); });
}

Attachment::~Attachment() {
  loop_.remove(driver_);
  loop_.unwatch(fd_);
}

}  // namespace wzp::quic
