#include "http_front.hpp"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <utility>

#include <microhttpd.h>

#include "http_request.hpp"
#include "wzp/net/fd.hpp"
#include "wzp/net/sockaddr.hpp"

namespace wzp::ws {
namespace {

/// Source: our choice; more than the newcomers of one turn.
constexpr int kBacklog = 256;

SocketAddress address_of(const sockaddr* address) {
  net::Sockaddr out{};
  if (address->sa_family == AF_INET6) {
    out.v6 = *reinterpret_cast<const sockaddr_in6*>(address);
  } else if (address->sa_family == AF_INET) {
    out.v4 = *reinterpret_cast<const sockaddr_in*>(address);
  } else {
    out.any.sa_family = address->sa_family;
  }
  return net::from_sockaddr(out);
}

SocketAddress local_address(int fd) {
  net::Sockaddr address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, &address.any, &size) != 0) return {};
  return net::from_sockaddr(address);
}

Result<net::Fd> listen_on(const SocketAddress& bind) {
  const auto where = "WebSockets on " + to_string(bind);
  const bool v6 = !bind.ip.is_v4();
  net::Fd fd{::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!fd) return net::system_error(where);
  // A relay that starts again takes its port back although connections of the old one linger.
  const int on = 1;
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) return net::system_error(where);
  net::Sockaddr address;
  const auto size = net::to_sockaddr(bind, v6, address);
  if (::bind(fd.get(), &address.any, size) != 0) return net::system_error(where);
  if (::listen(fd.get(), kBacklog) != 0) return net::system_error(where);
  return fd;
}

}  // namespace

// libmicrohttpd's view of us.
struct HttpFront::Callbacks {
  static HttpFront& self(void* user) noexcept { return *static_cast<HttpFront*>(user); }
  static MHD_Result result(bool good) noexcept { return good ? MHD_YES : MHD_NO; }

  static MHD_Result admit(void* user, const sockaddr* from, socklen_t) noexcept {
    return result(self(user).admit(address_of(from)));
  }

  static void connection(void* user, MHD_Connection* connection, void** context,
                         MHD_ConnectionNotificationCode what) noexcept {
    if (what == MHD_CONNECTION_NOTIFY_STARTED) return self(user).connected(connection, context);
    self(user).disconnected(*static_cast<TcpConnection*>(*context));
  }

  static MHD_Result request(void* user, MHD_Connection* connection, const char* path, const char* method, const char*,
                            const char*, std::size_t* body, void** context) noexcept {
    // The first call is for the head alone; an upgrade may be queued with the second only.
    static char seen;
    if (std::exchange(*context, &seen) == nullptr) return MHD_YES;
    return result(*body == 0 && self(user).answer(connection, path, method));
  }

  static void upgraded(void* user, MHD_Connection* connection, void*, const char* early, std::size_t size, int fd,
                       MHD_UpgradeResponseHandle* handle) noexcept {
    self(user).upgraded(connection, bytes_of({early, size}), fd, handle);
  }

  // Paths stay as they came.
  static std::size_t keep_escaped(void*, MHD_Connection*, char* text) noexcept { return std::string_view{text}.size(); }

  static TcpConnection& connection_of(MHD_Connection* connection) noexcept {
    const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return *static_cast<TcpConnection*>(info->socket_context);
  }
};

void Upgraded::Release::operator()(MHD_UpgradeResponseHandle* released) const noexcept { front->take_back(released); }

void HttpFront::Stop::operator()(MHD_Daemon* daemon) const noexcept { MHD_stop_daemon(daemon); }

HttpFront::HttpFront(const ServerConfig& config, net::Loop& loop, Ports ports)
    : config_{config}, loop_{loop}, ports_{std::move(ports)} {}

HttpFront::~HttpFront() {
  if (driver_) loop_.remove(*driver_);
  if (epoll_ >= 0) loop_.unwatch(epoll_);
}

Result<std::unique_ptr<HttpFront>> HttpFront::open(const ServerConfig& config, net::Loop& loop, Ports ports) {
  std::unique_ptr<HttpFront> front{new HttpFront{config, loop, std::move(ports)}};
  if (auto listening = front->listen(); !listening) return listening.failure();
  return front;
}

Result<void> HttpFront::listen() {
  auto listener = listen_on(config_.bind);
  if (!listener) return listener.failure();
  local_ = local_address(listener->get());
  if (auto started = start(listener->get()); !started) return started;
  (void)listener->release();  // the daemon's now
  const auto* info = MHD_get_daemon_info(daemon_.get(), MHD_DAEMON_INFO_EPOLL_FD);
  if (info == nullptr) return Unexpected{Errc::Internal, "libmicrohttpd without epoll"};
  if (auto watched = loop_.watch(info->epoll_fd, [this](Instant now) { run(now); }); !watched) return watched;
  epoll_ = info->epoll_fd;
  driver_ =
      loop_.add({.deadline = [this] { return deadline(); }, .tick = [this](Instant now) { run(now); }, .finish = {}});
  return {};
}

Result<void> HttpFront::start(int listener) {
  // One more than the bound: newcomers are to be refused, not to wait.
  const auto limit = static_cast<unsigned>(config_.max_connections + 1);
  const auto flags = static_cast<unsigned>(MHD_USE_EPOLL) | static_cast<unsigned>(MHD_ALLOW_UPGRADE);
  daemon_.reset(MHD_start_daemon(flags, 0, &Callbacks::admit, this, &Callbacks::request, this,  //
                                 MHD_OPTION_LISTEN_SOCKET, listener,                            //
                                 MHD_OPTION_NOTIFY_CONNECTION, &Callbacks::connection, this,    //
                                 MHD_OPTION_UNESCAPE_CALLBACK, &Callbacks::keep_escaped, this,  //
                                 MHD_OPTION_CONNECTION_LIMIT, limit,                            //
                                 MHD_OPTION_CONNECTION_MEMORY_LIMIT, config_.max_head,          //
                                 MHD_OPTION_STRICT_FOR_CLIENT, 1,                               //
                                 MHD_OPTION_END));
  if (daemon_) return {};
  return Unexpected{Errc::Io, "WebSockets on " + to_string(config_.bind) + ": libmicrohttpd does not start"};
}

// --- TCP connections

bool HttpFront::admit(const SocketAddress& from) {
  const auto here = places_.find(from.ip.place());
  const bool bounded = config_.max_per_ip > 0 && !(config_.spare_loopback && from.ip.is_loopback());
  const bool crowded = bounded && here != places_.end() && here->second >= config_.max_per_ip;
  if (!crowded && connections_.size() < config_.max_connections) return true;
  ++stats_.refused;
  return false;
}

void HttpFront::connected(MHD_Connection* connection, void** context) {
  auto tcp = std::make_unique<TcpConnection>();
  tcp->number = next_number_++;
  const auto info = [&](MHD_ConnectionInfoType what) { return MHD_get_connection_info(connection, what); };
  tcp->fd = info(MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
  tcp->request.remote = address_of(info(MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr);
  tcp->request.local = local_address(tcp->fd);
  ++places_[tcp->request.remote.ip.place()];
  late_.set(tcp->number, loop_.now() + config_.head_timeout);
  *context = tcp.get();
  connections_.emplace(tcp->number, std::move(tcp));
}

void HttpFront::disconnected(const TcpConnection& connection) {
  const auto place = places_.find(connection.request.remote.ip.place());
  if (--place->second == 0) places_.erase(place);
  late_.cancel(connection.number);
  connections_.erase(connection.number);
}

// --- requests

bool HttpFront::answer(MHD_Connection* connection, const char* path, const char* method) {
  if (method != std::string_view{MHD_HTTP_METHOD_GET}) {
    return refuse(connection, {MHD_HTTP_METHOD_NOT_ALLOWED, "only GET, for WebSockets"});
  }
  auto& tcp = Callbacks::connection_of(connection);
  tcp.request.path = path;
  const auto verdict = ports_.judge(tcp.request);
  if (verdict.status != MHD_HTTP_SWITCHING_PROTOCOLS) return refuse(connection, verdict);
  const auto head = read_upgrade(connection);
  return head.accept ? upgrade(connection, *head.accept) : refuse(connection, head.refusal);
}

bool HttpFront::upgrade(MHD_Connection* connection, const std::string& accept) {
  auto* response = MHD_create_response_for_upgrade(&Callbacks::upgraded, this);
  if (response == nullptr) return false;
  const bool done = MHD_add_response_header(response, "Upgrade", "websocket") == MHD_YES &&
                    MHD_add_response_header(response, "Sec-WebSocket-Accept", accept.c_str()) == MHD_YES &&
                    MHD_queue_response(connection, MHD_HTTP_SWITCHING_PROTOCOLS, response) == MHD_YES;
  MHD_destroy_response(response);
  return done;
}

void HttpFront::upgraded(MHD_Connection* connection, ByteView early, int fd, MHD_UpgradeResponseHandle* handle) {
  auto& tcp = Callbacks::connection_of(connection);
  late_.cancel(tcp.number);
  const int on = 1;
  const int buffer = static_cast<int>(config_.send_buffer);
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  // Both only make it better: packets leave at once, and what waits waits where it can still be dropped.
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
  ports_.take({fd, tcp.request, {early.begin(), early.end()}, {handle, {this}}});
}

void HttpFront::take_back(MHD_UpgradeResponseHandle* handle) noexcept {
  MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
  to_clean_up_ = true;
}

// --- driving

void HttpFront::run(Instant now) {
  to_clean_up_ = false;
  MHD_run(daemon_.get());
  while (const auto number = late_.take_due(now)) {
    ++stats_.late;
    ::shutdown(connections_.at(*number)->fd, SHUT_RDWR);  // the daemon sees the end and cleans up
  }
}

std::optional<Instant> HttpFront::deadline() const {
  if (to_clean_up_) return loop_.now();  // the daemon does not say so itself
  MHD_UNSIGNED_LONG_LONG milliseconds = 0;
  const bool waits = MHD_get_timeout(daemon_.get(), &milliseconds) == MHD_YES;
  const auto due = waits ? std::optional{loop_.now() + std::chrono::milliseconds{milliseconds}} : std::nullopt;
  return earliest(due, late_.next());
}

}  // namespace wzp::ws
