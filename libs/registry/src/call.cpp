#include "wzp/registry/call.hpp"

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
    case 2: return "incoming";
    default: return "transit";
  }
}

const Outgoing* onward(const Route& route) noexcept {
  if (const auto* outgoing = std::get_if<Outgoing>(&route)) return outgoing;
  if (const auto* transit = std::get_if<Transit>(&route)) return &transit->onward;
  const auto* incoming = std::get_if<Incoming>(&route);
  const auto& elsewhere = incoming != nullptr ? incoming->elsewhere : std::get_if<Local>(&route)->elsewhere;
  return elsewhere.asked.empty() ? nullptr : &elsewhere;
}

const RelayFingerprint* upstream(const Route& route) noexcept {
  if (const auto* incoming = std::get_if<Incoming>(&route)) return &incoming->from;
  const auto* transit = std::get_if<Transit>(&route);
  return transit == nullptr ? nullptr : &transit->from;
}

std::optional<Role> DirectCall::role_of(const Fingerprint& who) const noexcept {
  if (who == caller) return Role::Caller;
  if (who == callee) return Role::Callee;
  return std::nullopt;
}

bool DirectCall::is_here(Role role) const noexcept {
  if (role == Role::Caller) return upstream(route) == nullptr;
  return std::holds_alternative<Local>(route) || std::holds_alternative<Incoming>(route);
}

std::optional<RelayFingerprint> DirectCall::relay_toward(Role role) const {
  if (role == Role::Callee) {
    const auto* way = onward(route);
    return way == nullptr ? std::nullopt : way->claimed_by;
  }
  const auto* from = upstream(route);
  return from == nullptr ? std::nullopt : std::optional{*from};
}

std::optional<RelayFingerprint> DirectCall::peer_relay_fp() const {
  if (std::holds_alternative<Transit>(route)) return std::nullopt;
  return relay_toward(is_here(Role::Caller) ? Role::Callee : Role::Caller);
}

bool DirectCall::may_come_from(const RelayFingerprint& relay) const {
  const auto* from = upstream(route);
  const auto* way = onward(route);
  return (from != nullptr && *from == relay) || (way != nullptr && way->asked.contains(relay));
}

}  // namespace wzp::registry
