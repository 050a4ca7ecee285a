#include "wzp/net/resolver.hpp"

#include <netdb.h>
#include <pthread.h>

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "wzp/net/mailbox.hpp"
#include "wzp/net/sockaddr.hpp"

namespace wzp::net {
namespace {

constexpr std::size_t kMaxAddresses = 16;  // Source: our choice
constexpr std::size_t kMaxWaiting = 64;    // Source: our choice

std::optional<std::uint16_t> parse_port(std::string_view text) {
  unsigned value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size() || value == 0 || value > 65535) return std::nullopt;
  return static_cast<std::uint16_t>(value);
}

}  // namespace

Result<HostPort> HostPort::parse(std::string_view text, std::uint16_t default_port) {
  const auto bad = [&](const char* why) { return Unexpected{Errc::BadValue, "\"" + std::string{text} + "\": " + why}; };
  HostPort out{.host = std::string{text}, .port = default_port};
  std::optional<std::string_view> port;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return bad("no closing bracket");
    out.host = text.substr(1, end - 1);
    const auto rest = text.substr(end + 1);
    if (!rest.empty() && rest.front() != ':') return bad("a port comes after ':'");
    if (!rest.empty()) port = rest.substr(1);
  } else if (std::count(text.begin(), text.end(), ':') == 1) {
    const auto colon = text.find(':');
    out.host = text.substr(0, colon);
    port = text.substr(colon + 1);
  }
  if (port) {
    const auto number = parse_port(*port);
    if (!number) return bad("the port is not a number from 1 to 65535");
    out.port = *number;
  }
  if (out.host.find(':') != std::string::npos && !IpAddress::parse(out.host))
    return bad("neither host:port nor an IPv6 address");
  if (out.host.empty() || out.host.size() > 253 || out.host.find('\0') != std::string::npos) return bad("no host");
  if (out.port == 0) return bad("a port is missing");
  return out;
}

std::string to_string(const HostPort& where) {
  const bool v6 = where.host.find(':') != std::string::npos;
  return (v6 ? "[" + where.host + "]" : where.host) + ":" + std::to_string(where.port);
}

Result<std::vector<SocketAddress>> resolve(const HostPort& where) {
  if (const auto ip = IpAddress::parse(where.host)) return std::vector{SocketAddress{*ip, where.port}};
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  int rc = ::getaddrinfo(where.host.c_str(), nullptr, &hints, &found);
  if (rc == EAI_NONAME || rc == EAI_ADDRFAMILY || rc == EAI_NODATA) {
    hints.ai_flags = 0;  // a machine with loopback alone has no "configured" address
    rc = ::getaddrinfo(where.host.c_str(), nullptr, &hints, &found);
  }
  if (rc != 0) {
    return Unexpected{rc == EAI_AGAIN ? Errc::Timeout : Errc::NotFound, where.host + ": " + ::gai_strerror(rc)};
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner{found, &::freeaddrinfo};
  std::vector<SocketAddress> out;
  for (const auto* a = found; a && out.size() < kMaxAddresses; a = a->ai_next) {
    if (a->ai_family != AF_INET && a->ai_family != AF_INET6) continue;
    Sockaddr raw{};
    std::copy_n(reinterpret_cast<const std::uint8_t*>(a->ai_addr), std::min<std::size_t>(a->ai_addrlen, sizeof raw),
                reinterpret_cast<std::uint8_t*>(&raw));
    const SocketAddress address{from_sockaddr(raw).ip, where.port};
    if (std::find(out.begin(), out.end(), address) == out.end()) out.push_back(address);
  }
  if (out.empty()) return Unexpected{Errc::NotFound, where.host};
  return out;
}

struct Resolver::Shared {
  struct Question {
    HostPort where;
    OnResolved done;
  };
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Question> waiting;
  Loop* loop = nullptr;  // empty when the Resolver has gone

  // Runs on the thread: answers until the Resolver goes.
  static void serve(const std::shared_ptr<Shared>& self) {
    std::unique_lock lock{self->mutex};
    for (;;) {
      self->changed.wait(lock, [&] { return !self->loop || !self->waiting.empty(); });
      if (!self->loop) return;
      auto question = std::move(self->waiting.front());
      self->waiting.pop_front();
      lock.unlock();
      auto answer = net::resolve(question.where);
      lock.lock();
      if (!self->loop) return;
      // The second check runs on the loop's thread, where the Resolver is destroyed.
      self->loop->post([self, done = std::move(question.done), answer = std::move(answer)] {
        {
          const std::scoped_lock guard{self->mutex};
          if (!self->loop) return;
        }
        done(answer);
      });
    }
  }
};

Resolver::Resolver(Loop& loop) : shared_{std::make_shared<Shared>()} { shared_->loop = &loop; }

Resolver::~Resolver() {
  const std::scoped_lock lock{shared_->mutex};
  shared_->loop = nullptr;
  shared_->waiting.clear();
  shared_->changed.notify_all();
}

bool Resolver::resolve(HostPort where, OnResolved done) {
  const std::scoped_lock lock{shared_->mutex};
  if (shared_->waiting.size() >= kMaxWaiting) return false;
  if (!started_) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
      std::thread{[shared = shared_] { Shared::serve(shared); }}.detach();
      started_ = true;
    } catch (const std::system_error&) {
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (!started_) return false;
  }
  shared_->waiting.push_back({std::move(where), std::move(done)});
  shared_->changed.notify_one();
  return true;
}

}  // namespace wzp::net
