#include "wzp/ws/server.hpp"

#include <unordered_map>
#include <utility>

#include "connection.hpp"
#include "http_front.hpp"

namespace wzp::ws {
namespace {

Unexpected gone(ConnectionId id) { return Unexpected{Errc::NotFound, to_string(id) + " is gone"}; }

}  // namespace

class Server::Impl {
 public:
  Impl(const ServerConfig& config, net::Loop& loop, Handler& handler)
      : shared_{.config = config, .loop = loop, .handler = handler} {}

  ~Impl() {
    if (driver_) shared_.loop.remove(*driver_);
  }

  [[nodiscard]] Result<void> open() {
    auto front = HttpFront::open(shared_.config, shared_.loop,
                                 {.judge = [this](const Request& r) { return shared_.handler.on_request(r); },
                                  .take = [this](Upgraded socket) { take(std::move(socket)); }});
    if (!front) return front.failure();
    front_ = std::move(*front);
    driver_ = shared_.loop.add({.deadline = [this] { return deadline(); },
                                .tick = [this](Instant now) { tick(now); },
                                .finish = [this](Instant now) { flush(now); }});
    return {};
  }

  [[nodiscard]] Connection* find(ConnectionId id) {
    const auto found = connections_.find(id);
    return found == connections_.end() ? nullptr : found->second.get();
  }

  [[nodiscard]] const SocketAddress& local() const noexcept { return front_->local(); }

  [[nodiscard]] ServerStats stats() const noexcept {
    auto stats = shared_.stats;
    stats.connections = front_->connections();
    stats.open = connections_.size();
    stats.refused = front_->stats().refused;
    stats.late = front_->stats().late;
    return stats;
  }

 private:
  void take(Upgraded socket) {
    const ConnectionId id{(std::uint64_t{shared_.config.worker} << 48) | ConnectionId::kWebSocket | next_number_++};
    const auto request = socket.request;
    auto fresh = std::make_unique<Connection>(id, std::move(socket), shared_);
    auto& connection = *connections_.emplace(id, std::move(fresh)).first->second;
    shared_.handler.on_opened(id, request);
    connection.start();
  }

  [[nodiscard]] std::optional<Instant> deadline() const {
    return shared_.ended.empty() ? shared_.deadlines.next() : std::optional{shared_.loop.now()};
  }

  void tick(Instant now) {
    while (const auto id = shared_.deadlines.take_due(now)) find(*id)->tick(now);
    for (const auto id : std::exchange(shared_.ended, {})) {
      const auto ended = connections_.extract(id);
      shared_.handler.on_closed(id, ended.mapped()->info());
    }
  }

  void flush(Instant now) {
    // What is sent may be followed by more; the sockets' buffers bound that.
    while (!shared_.dirty.empty()) {
      for (const auto id : std::exchange(shared_.dirty, {})) {
        if (auto* connection = find(id)) connection->flush(now);
      }
    }
  }

  Shared shared_;
  std::unique_ptr<HttpFront> front_;  // outlives its sockets
  std::unordered_map<ConnectionId, std::unique_ptr<Connection>> connections_;
  std::uint64_t next_number_ = 0;
  std::optional<net::Loop::Id> driver_;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::open(const ServerConfig& config, net::Loop& loop, Handler& handler) {
  auto impl = std::make_unique<Impl>(config, loop, handler);
  if (auto opened = impl->open(); !opened) return opened.failure();
  return std::unique_ptr<Server>{new Server{std::move(impl)}};
}

const SocketAddress& Server::local() const noexcept { return impl_->local(); }
ServerStats Server::stats() const noexcept { return impl_->stats(); }

Result<std::uint64_t> Server::send_text(ConnectionId id, std::string_view text) {
  auto* connection = impl_->find(id);
  if (connection == nullptr) return gone(id);
  return connection->send_text(text);
}

Result<void> Server::send_binary(ConnectionId id, ByteView prefix, ByteView payload) {
  auto* connection = impl_->find(id);
  if (connection == nullptr) return gone(id);
  return connection->send_binary(prefix, payload);
}

void Server::close(ConnectionId id, std::uint16_t code, std::string_view reason) {
  if (auto* connection = impl_->find(id)) connection->close(code, reason, false);
}

void Server::close_when_sent(ConnectionId id, std::uint16_t code, std::string_view reason) {
  if (auto* connection = impl_->find(id)) connection->close(code, reason, true);
}

}  // namespace wzp::ws
