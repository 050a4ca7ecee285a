#pragma once

#include "wzp/base/time.hpp"

namespace wzp::net {

/// The monotonic clock: the only maker of Instants. Read it once per turn of a loop, not once per packet.
[[nodiscard]] Instant now() noexcept;

}  // namespace wzp::net
