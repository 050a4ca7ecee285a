#include "wzp/reflex/nat.hpp"

#include <algorithm>
#include <vector>

namespace wzp::reflex {

std::string_view name(NatClass nat) noexcept {
  switch (nat) {
    case NatClass::Unknown: return "Unknown";
    case NatClass::Cone: return "Cone";
    case NatClass::SymmetricPort: return "SymmetricPort";
    case NatClass::Multiple: return "Multiple";
  }
  return "Unknown";
}

bool is_public_observation(const SocketAddress& observed) noexcept {
  const auto& ip = observed.ip;
  return !(ip.is_loopback() || ip.is_private() || ip.is_link_local() || ip.is_shared() || ip.is_unspecified());
}

NatVerdict classify(std::span<const SocketAddress> observed) {
  std::vector<SocketAddress> seen;
  std::copy_if(observed.begin(), observed.end(), std::back_inserter(seen), is_public_observation);
  if (seen.size() < 2) return {};
  const auto& first = seen.front();
  if (std::any_of(seen.begin(), seen.end(), [&](const auto& a) { return a.ip != first.ip; })) {
    return {NatClass::Multiple, std::nullopt};
  }
  if (std::any_of(seen.begin(), seen.end(), [&](const auto& a) { return a.port != first.port; })) {
    return {NatClass::SymmetricPort, std::nullopt};
  }
  return {NatClass::Cone, first};
}

}  // namespace wzp::reflex
