#include "wzp/reflex/role.hpp"

namespace wzp::reflex {

std::optional<Role> determine_role(std::string_view own, std::string_view peer) noexcept {
  if (own.empty() || peer.empty() || own == peer) return std::nullopt;
  return own < peer ? Role::Acceptor : Role::Dialer;  // char_traits compares as unsigned bytes
}

}  // namespace wzp::reflex
