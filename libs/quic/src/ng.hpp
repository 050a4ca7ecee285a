#pragma once

// ngtcp2 in our words: time, paths, connection ids.
#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>

#include <cstdint>

#include "wzp/base/address.hpp"
#include "wzp/base/time.hpp"
#include "wzp/net/sockaddr.hpp"

namespace wzp::quic {

[[nodiscard]] inline ngtcp2_tstamp stamp(Instant t) { return static_cast<ngtcp2_tstamp>(t.time_since_epoch().count()); }
[[nodiscard]] inline ngtcp2_duration nanos(Duration d) { return static_cast<ngtcp2_duration>(d.count()); }
[[nodiscard]] inline Duration duration(ngtcp2_duration d) { return Duration{static_cast<std::int64_t>(d)}; }

/// Two ends of a packet's way.
struct Path {
  SocketAddress local;
  SocketAddress remote;
  bool operator==(const Path&) const = default;
};

/// A Path in the form of ngtcp2, whose addresses are pointers into itself.
class NgPath {
 public:
  explicit NgPath(const Path& path) {
    const auto local_size = net::to_sockaddr(path.local, false, local_);
    const auto remote_size = net::to_sockaddr(path.remote, false, remote_);
    path_ = {{&local_.any, local_size}, {&remote_.any, remote_size}, nullptr};
  }
  NgPath(const NgPath&) = delete;
  NgPath& operator=(const NgPath&) = delete;

  [[nodiscard]] const ngtcp2_path* get() const { return &path_; }
  [[nodiscard]] const ngtcp2_addr& remote() const { return path_.remote; }

 private:
  net::Sockaddr local_;
  net::Sockaddr remote_;
  ngtcp2_path path_;
};

[[nodiscard]] inline SocketAddress read_address(const ngtcp2_addr& address) {
  net::Sockaddr raw{};
  if (address.addr->sa_family == AF_INET) {
    raw.v4 = *reinterpret_cast<const sockaddr_in*>(address.addr);
  } else {
    raw.v6 = *reinterpret_cast<const sockaddr_in6*>(address.addr);
  }
  return net::from_sockaddr(raw);
}

[[nodiscard]] inline Path read_path(const ngtcp2_path& path) {
  return {read_address(path.local), read_address(path.remote)};
}

/// The largest packet we write. Source: wire.md 1.5, an Ethernet frame under IPv6.
inline constexpr std::size_t kMaxPacket = 1452;

}  // namespace wzp::quic
