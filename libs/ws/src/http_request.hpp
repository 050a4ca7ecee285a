#pragma once

#include <optional>
#include <string>

#include "wzp/ws/handler.hpp"

struct MHD_Connection;

namespace wzp::ws {

/// Whether a request head asks for a WebSocket as RFC 6455 4.2.1 demands: either the value of the accept header, or the
/// answer that refuses it.
struct UpgradeHead {
  std::optional<std::string> accept{};
  Answer refusal{};
};

[[nodiscard]] UpgradeHead read_upgrade(MHD_Connection* connection);

/// Queues a refusal, after which the TCP connection is closed. False when libmicrohttpd will not have it.
[[nodiscard]] bool refuse(MHD_Connection* connection, const Answer& answer);

}  // namespace wzp::ws
