#pragma once

#include <optional>
#include <stdexcept>
#include <string>

#include "wzp/proto/signal_json.hpp"

namespace wzp::test {

/// What one relay forwards to another, out of either envelope; empty for what is no forwarded signal.
struct Unwrapped {
  proto::SignalMessage inner;
  std::string origin_relay_fp;
};

inline std::optional<Unwrapped> unwrap(const proto::SignalMessage& message) {
  if (const auto* deployed = std::get_if<proto::FederatedSignalForward>(&message)) {
    return Unwrapped{*deployed->inner, deployed->origin_relay_fp};
  }
  if (const auto* routed = std::get_if<proto::RoutedSignal>(&message)) {
    auto inner = proto::decode(routed->body);
    if (!inner) throw std::logic_error("a routed signal without a readable body");
    return Unwrapped{std::move(*inner), routed->origin_relay_fp};
  }
  return std::nullopt;
}

}  // namespace wzp::test
