#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "wzp/base/bytes.hpp"
#include "wzp/base/ids.hpp"
#include "wzp/proto/signal.hpp"
#include "wzp/quic/endpoint_config.hpp"
#include "wzp/quic/handler.hpp"

// What workers are told. Values only; each names a connection of the worker that receives it.

namespace wzp::relay_app {

struct SendSignal { ConnectionId conn; proto::SignalMessage message; };
/// The whole content of one unidirectional stream (class `version`).
struct SendText { ConnectionId conn; std::string text; };
struct CloseConnection { ConnectionId conn; std::uint64_t code = 0; std::string reason; };
/// Where the datagrams of `conn` go from now on; empty: nowhere.
struct SetTargets { ConnectionId conn; std::vector<ConnectionId> targets; };
/// A datagram that came in at another worker.
struct Forward { ConnectionId conn; Bytes datagram; };

using WorkerMail = std::variant<SendSignal, SendText, CloseConnection, SetTargets, Forward, quic::ForeignPacket>;

}  // namespace wzp::relay_app
