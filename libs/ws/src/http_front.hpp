#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "wzp/base/bytes.hpp"
#include "wzp/base/deadlines.hpp"
#include "wzp/base/result.hpp"
#include "wzp/net/loop.hpp"
#include "wzp/ws/handler.hpp"
#include "wzp/ws/server_config.hpp"

struct MHD_Connection;
struct MHD_Daemon;
struct MHD_UpgradeResponseHandle;
struct sockaddr;

namespace wzp::ws {

class HttpFront;

/// A TCP connection that is a WebSocket from now on. Its destruction closes it.
struct Upgraded {
  struct Release {
    HttpFront* front;
    void operator()(MHD_UpgradeResponseHandle* released) const noexcept;
  };

  int fd = -1;  ///< non-blocking; owned by `handle`
  Request request{};
  Bytes early{};  ///< what came behind the request head
  std::unique_ptr<MHD_UpgradeResponseHandle, Release> handle;
};

/// The HTTP side: listens, bounds who may connect, has requests judged, and gives away what becomes a WebSocket.
/// libmicrohttpd inside, with its own epoll descriptor in our loop. Whatever it gave away is destroyed before it.
class HttpFront {
 public:
  struct Ports {
    std::function<Answer(const Request&)> judge;
    std::function<void(Upgraded)> take;
  };
  struct Stats {
    std::uint64_t refused = 0;  ///< over a bound
    std::uint64_t late = 0;     ///< no WebSocket in time
  };

  /// Errors: Io, with the address.
  [[nodiscard]] static Result<std::unique_ptr<HttpFront>> open(const ServerConfig& config, net::Loop& loop,
                                                               Ports ports);
  HttpFront(const HttpFront&) = delete;
  HttpFront& operator=(const HttpFront&) = delete;
  ~HttpFront();

  [[nodiscard]] const SocketAddress& local() const noexcept { return local_; }
  /// TCP connections now, those that were given away included.
  [[nodiscard]] std::size_t connections() const noexcept { return connections_.size(); }
  [[nodiscard]] const Stats& stats() const noexcept { return stats_; }

 private:
  friend struct Upgraded::Release;
  struct Callbacks;
  struct Stop {
    void operator()(MHD_Daemon* daemon) const noexcept;
  };
  struct TcpConnection {
    std::uint64_t number = 0;
    int fd = -1;
    Request request{};
  };

  HttpFront(const ServerConfig& config, net::Loop& loop, Ports ports);
  [[nodiscard]] Result<void> listen();
  [[nodiscard]] Result<void> start(int listener);

  [[nodiscard]] bool admit(const SocketAddress& from);
  void connected(MHD_Connection* connection, void** context);
  void disconnected(const TcpConnection& connection);
  /// False ends the TCP connection.
  [[nodiscard]] bool answer(MHD_Connection* connection, const char* path, const char* method);
  [[nodiscard]] bool upgrade(MHD_Connection* connection, const std::string& accept);
  void upgraded(MHD_Connection* connection, ByteView early, int fd, MHD_UpgradeResponseHandle* handle);

  void take_back(MHD_UpgradeResponseHandle* handle) noexcept;

  void run(Instant now);
  [[nodiscard]] std::optional<Instant> deadline() const;

  ServerConfig config_;
  net::Loop& loop_;
  Ports ports_;
  SocketAddress local_{};
  std::map<std::uint64_t, std::unique_ptr<TcpConnection>> connections_;
  std::map<IpAddress, std::size_t> places_;
  Deadlines<std::uint64_t> late_;
  std::uint64_t next_number_ = 0;
  Stats stats_{};
  bool to_clean_up_ = false;                  ///< something was given back
  std::unique_ptr<MHD_Daemon, Stop> daemon_;  // calls back into the members above while it stops
  int epoll_ = -1;                            // the daemon's
  std::optional<net::Loop::Id> driver_;
};

}  // namespace wzp::ws
