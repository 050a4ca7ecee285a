#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "support/sim_random.hpp"
#include "wzp/base/address.hpp"
#include "wzp/base/time.hpp"

namespace wzp::sim {

/// How a NAT gives out ports and whom it lets in (RFC 4787).
struct NatType {
  enum class Mapping : std::uint8_t { EndpointIndependent, Symmetric };
  enum class Filtering : std::uint8_t { EndpointIndependent, AddressDependent, AddressAndPortDependent };

  Mapping mapping = Mapping::EndpointIndependent;
  Filtering filtering = Filtering::AddressAndPortDependent;

  bool operator==(const NatType&) const = default;
};

inline constexpr NatType kFullCone{NatType::Mapping::EndpointIndependent, NatType::Filtering::EndpointIndependent};
inline constexpr NatType kRestrictedCone{NatType::Mapping::EndpointIndependent, NatType::Filtering::AddressDependent};
inline constexpr NatType kPortRestrictedCone{NatType::Mapping::EndpointIndependent,
                                             NatType::Filtering::AddressAndPortDependent};
inline constexpr NatType kSymmetric{NatType::Mapping::Symmetric, NatType::Filtering::AddressAndPortDependent};

[[nodiscard]] std::string to_string(const NatType& type);

/// The table of one NAT box with one public address. Inbound packets alone keep nothing alive. No hairpin: that is the
/// affair of the network around it.
class SimNat {
 public:
  /// Source: RFC 4787 4.3 wants two minutes; deployed boxes are at about this.
  static constexpr Duration kTimeout = std::chrono::seconds{60};

  SimNat(NatType type, Random random) : type_{type}, random_{random} {}

  [[nodiscard]] const NatType& type() const noexcept { return type_; }
  /// The public port that `local` has toward `remote` from now on.
  [[nodiscard]] std::uint16_t outbound(const SocketAddress& local, const SocketAddress& remote, Instant now);
  /// Who inside gets a packet of `remote` to this public port, if anybody.
  [[nodiscard]] std::optional<SocketAddress> inbound(std::uint16_t port, const SocketAddress& remote, Instant now) const;
  /// Restarts: every mapping and every opening is gone, and new ports are given out.
  void rebind() { mappings_.clear(); }

 private:
  struct Mapping {
    std::uint16_t port = 0;
    Instant used;
    std::map<SocketAddress, Instant> contacts;  ///< to whom something was sent, and when last
  };
  /// The second part is empty for endpoint-independent mapping.
  using Key = std::pair<SocketAddress, SocketAddress>;

  [[nodiscard]] bool admits(const Mapping& mapping, const SocketAddress& remote, Instant now) const;

  NatType type_;
  Random random_;
  std::map<Key, Mapping> mappings_;
};

}  // namespace wzp::sim
