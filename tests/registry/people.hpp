#pragma once

#include <string>

#include "wzp/registry/call_registry.hpp"

namespace wzp::registry {

/// People, relays and calls with one-byte names.
inline Fingerprint person(std::uint8_t name) {
  Fingerprint fp;
  fp.bytes.fill(name);
  return fp;
}
inline RelayFingerprint some_relay(std::uint8_t name) {
  RelayFingerprint fp;
  fp.bytes.fill(name);
  return fp;
}
inline CallId call_id(int n) { return *CallId::parse("call" + std::to_string(n)); }

}  // namespace wzp::registry
