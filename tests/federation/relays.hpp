#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "wzp/federation/manager.hpp"

namespace wzp::federation {

/// Relays with one-byte names; the order of the names is that of the fingerprints.
inline RelayFingerprint some_relay(std::uint8_t name) {
  RelayFingerprint fp;
  fp.bytes.fill(name);
  return fp;
}

/// What one of our relays says first, or what a reference relay does.
inline proto::SignalMessage hello_of(std::uint8_t name, bool ours = true) {
  proto::FederationHello hello{.tls_fingerprint = to_string(some_relay(name))};
  if (ours) {
    hello.version = 1;
    hello.caps = {"call-nack"};
  }
  return hello;
}

inline proto::SignalMessage forward_of(std::uint8_t origin, proto::SignalMessage inner) {
  return proto::FederatedSignalForward{Box<proto::SignalMessage>{std::move(inner)}, to_string(some_relay(origin))};
}

/// The actions of one kind.
template <class T>
std::vector<T> only(const Actions& actions) {
  std::vector<T> out;
  for (const auto& action : actions) {
    if (const auto* one = std::get_if<T>(&action)) out.push_back(*one);
  }
  return out;
}

}  // namespace wzp::federation
