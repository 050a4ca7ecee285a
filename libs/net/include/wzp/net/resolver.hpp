#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wzp/base/address.hpp"
#include "wzp/base/result.hpp"
#include "wzp/net/loop.hpp"

namespace wzp::net {

/// "host:port" as people write it: a name, an IPv4 address, or an IPv6 address in brackets.
struct HostPort {
  std::string host{};
  std::uint16_t port = 0;

  /// Without a port `default_port` is used. Errors: BadValue, with the text.
  [[nodiscard]] static Result<HostPort> parse(std::string_view text, std::uint16_t default_port);
  bool operator==(const HostPort&) const = default;
};

[[nodiscard]] std::string to_string(const HostPort& where);

/// The addresses of a name in the order of the system (RFC 6724), at most 16, without duplicates; a numeric host needs no
/// look-up. Blocks for seconds: for start-up. Errors: NotFound, Timeout.
[[nodiscard]] Result<std::vector<SocketAddress>> resolve(const HostPort& where);

/// The same on a thread of its own, for a running loop. One look-up at a time, at most 64 waiting.
class Resolver {
 public:
  using OnResolved = std::function<void(Result<std::vector<SocketAddress>>)>;

  explicit Resolver(Loop& loop);
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  /// Look-ups under way are forgotten: their functions are not called.
  ~Resolver();

  /// `done` runs on the loop's thread, never within this call. False when 64 are waiting (or no thread can be
  /// had): try again later.
  bool resolve(HostPort where, OnResolved done);

 private:
  struct Shared;
  // Shared with the thread, which may be inside getaddrinfo for seconds after this object has gone.
  std::shared_ptr<Shared> shared_;
  bool started_ = false;  ///< the thread starts with the first question
};

}  // namespace wzp::net
