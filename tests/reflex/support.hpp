#pragma once

#include <chrono>
#include <string_view>

#include "wzp/base/address.hpp"
#include "wzp/base/ids.hpp"
#include "wzp/base/time.hpp"

// Words that the tests of this folder share.

namespace wzp::test {

using namespace std::chrono_literals;

inline Instant at(Duration since_start) { return Instant{} + std::chrono::hours{1} + since_start; }

inline SocketAddress addr(std::string_view text) { return SocketAddress::parse(text).value(); }

inline ConnectionId conn(std::uint64_t value) { return ConnectionId{value}; }

}  // namespace wzp::test
