#include "support/sim_nat.hpp"

#include <algorithm>

namespace wzp::sim {

std::string to_string(const NatType& type) {
  if (type.mapping == NatType::Mapping::Symmetric) return "symmetric";
  switch (type.filtering) {
    case NatType::Filtering::EndpointIndependent: return "full cone";
    case NatType::Filtering::AddressDependent: return "restricted cone";
    case NatType::Filtering::AddressAndPortDependent: return "port-restricted cone";
  }
  return "?";
}

std::uint16_t SimNat::outbound(const SocketAddress& local, const SocketAddress& remote, Instant now) {
  const bool symmetric = type_.mapping == NatType::Mapping::Symmetric;
  auto& mapping = mappings_[{local, symmetric ? remote : SocketAddress{}}];
  if (mapping.port == 0 || now - mapping.used > kTimeout) {
    const auto taken = [&](std::uint16_t port) {
      return std::any_of(mappings_.begin(), mappings_.end(), [&](const auto& m) { return m.second.port == port; });
    };
    std::uint16_t port = 0;
    do {
      port = static_cast<std::uint16_t>(20'000 + random_.below(40'000));
    } while (taken(port));
    mapping = {port, now, {}};
  }
  mapping.used = now;
  mapping.contacts[remote] = now;
  return mapping.port;
}

std::optional<SocketAddress> SimNat::inbound(std::uint16_t port, const SocketAddress& remote, Instant now) const {
  for (const auto& [key, mapping] : mappings_) {
    if (mapping.port != port) continue;
    if (now - mapping.used > kTimeout || !admits(mapping, remote, now)) return std::nullopt;
    return key.first;
  }
  return std::nullopt;
}

bool SimNat::admits(const Mapping& mapping, const SocketAddress& remote, Instant now) const {
  if (type_.filtering == NatType::Filtering::EndpointIndependent) return true;
  return std::any_of(mapping.contacts.begin(), mapping.contacts.end(), [&](const auto& contact) {
    if (now - contact.second > kTimeout) return false;
    if (type_.filtering == NatType::Filtering::AddressDependent) return contact.first.ip == remote.ip;
    return contact.first == remote;
  });
}

}  // namespace wzp::sim
