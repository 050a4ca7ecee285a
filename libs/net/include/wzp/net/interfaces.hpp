#pragma once

#include <vector>

#include "wzp/base/address.hpp"

namespace wzp::net {

/// The addresses of the interfaces that are up, in the system's order, loopback included. Empty when the system does not say.
[[nodiscard]] std::vector<IpAddress> interface_addresses();

/// The source address that the system would use towards `remote`; unspecified when there is no route. Sends nothing.
[[nodiscard]] IpAddress source_address(const SocketAddress& remote);

}  // namespace wzp::net
