#include "wzp/registry/call.hpp"

#include "wzp/base/overloaded.hpp"

namespace wzp::registry {

std::string_view name(CallState state) noexcept {
  switch (state) {
    case CallState::Offered: return "offered";
    case CallState::Ringing: return "ringing";
    case CallState::Active: return "active";
    case CallState::Ended: return "ended";
  }
  return "?";
}

std::string_view name(Role role) noexcept { return role == Role::Caller ? "caller" : "callee"; }

std::string_view name(const Route& route) noexcept {
  switch (route.index()) {
    case 0: return "local";
    case 1: return "outgoing";
    default: return "incoming";
  }
}

std::optional<Role> DirectCall::role_of(const Fingerprint& who) const noexcept {
  if (who == caller) return Role::Caller;
  if (who == callee) return Role::Callee;
  return std::nullopt;
}

bool DirectCall::is_here(Role role) const noexcept {
  if (std::holds_alternative<Outgoing>(route)) return role == Role::Caller;
  if (std::holds_alternative<Incoming>(route)) return role == Role::Callee;
  return true;
}

std::optional<RelayFingerprint> DirectCall::peer_relay_fp() const {
  if (const auto* outgoing = std::get_if<Outgoing>(&route)) return outgoing->claimed_by;
  if (const auto* incoming = std::get_if<Incoming>(&route)) return incoming->from;
  return std::nullopt;
}

bool DirectCall::may_come_from(const RelayFingerprint& relay) const {
  return std::visit(
      overloaded{[](const Local&) { return false; }, [&](const Outgoing& o) { return o.asked.contains(relay); },
                 [&](const Incoming& i) { return i.from == relay; }},
      route);
}

}  // namespace wzp::registry
