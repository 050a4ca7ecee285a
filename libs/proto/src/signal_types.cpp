#include "wzp/proto/signal_types.hpp"

#include <algorithm>
#include <variant>

#include "wzp/proto/signal.hpp"

namespace wzp::proto {

bool has_cap(const Caps& caps, std::string_view word) noexcept { return std::ranges::find(caps, word) != caps.end(); }

std::string_view tag(const SignalMessage& message) noexcept {
  return std::visit([]<class M>(const M&) { return M::kTag; }, message.as_variant());
}

}  // namespace wzp::proto
