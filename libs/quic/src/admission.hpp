#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <unordered_map>

#include "wzp/base/address.hpp"

namespace wzp::quic {

/// Decides about newcomers: how many handshakes and connections there may be, in all and from one place (an IPv4
/// address or an IPv6 /64). Addresses that have not been proved never fill more than half of their place's share, so
/// forged packets cannot lock anyone out.
class Admission {
 public:
  struct Bounds {
    std::size_t connections;
    std::size_t per_ip;           ///< 0: no bound
    std::size_t retry_threshold;  ///< 0: everybody proves the address
  };
  enum class Verdict : std::uint8_t { Accept, Retry, Refuse };

  explicit Admission(Bounds bounds) : bounds_{bounds} {}

  /// `connections`: of the endpoint, outbound ones included. `proved`: came with a valid token.
  [[nodiscard]] Verdict judge(const IpAddress& from, bool proved, std::size_t connections) const;
  void started(const IpAddress& from);
  void completed(const IpAddress& from);
  void ended(const IpAddress& from, bool half_open);
  [[nodiscard]] std::size_t half_open() const noexcept { return half_open_; }

 private:
  struct Counts {
    std::size_t all = 0;
    std::size_t half_open = 0;
  };
  struct Hash {
    std::size_t operator()(const IpAddress& ip) const noexcept { return std::hash<SocketAddress>{}({ip, 0}); }
  };

  Bounds bounds_;
  std::size_t half_open_ = 0;
  std::unordered_map<IpAddress, Counts, Hash> places_;
};

}  // namespace wzp::quic
