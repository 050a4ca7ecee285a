#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "wzp/base/bytes.hpp"
#include "wzp/base/ids.hpp"
#include "wzp/proto/signal.hpp"
#include "wzp/quic/endpoint_config.hpp"
#include "wzp/quic/handler.hpp"
#include "wzp/relay/packet_switch.hpp"
#include "wzp/relay/room_table.hpp"

// What workers are told. Values only; a connection that is named is one of the worker that receives it, but for links.

namespace wzp::relay_app {

struct SendSignal { ConnectionId conn; proto::SignalMessage message; };
/// The whole content of one unidirectional stream (class `version`).
struct SendText { ConnectionId conn; std::string text; };
struct CloseConnection { ConnectionId conn; std::uint64_t code = 0; std::string reason; };
/// Whether this client still acknowledges anything: `relay::Check`.
struct CheckClient { ConnectionId conn; };
/// Who gets whose media; told to every worker. The table is shared by all of them, and none changes it.
struct NewTable { std::shared_ptr<const relay::RoomTable> table; };
struct DropTable { proto::RoomTag tag; };
struct NewLink { relay::LinkMedia link; };
/// A link is gone; told to every worker.
struct DropLink { ConnectionId conn; };
/// A datagram that came in at another worker, for a room that this one switches: `relay::Handover`.
struct HandOver { ConnectionId from; Bytes datagram; };
/// A packet of a room that another worker switches, for its receivers at this one.
struct Forward {
  std::vector<relay::Delivery> to;  ///< without their packet
  Bytes packet;
};

using WorkerMail =
    std::variant<SendSignal, SendText, CloseConnection, CheckClient, NewTable, DropTable, NewLink, DropLink, HandOver, Forward, quic::ForeignPacket>;

}  // namespace wzp::relay_app
