#include "wzp/client/room_event.hpp"

namespace wzp::client {

int exit_code(RoomEndReason reason) noexcept {
  switch (reason) {
    case RoomEndReason::Left: return 0;
    case RoomEndReason::NotConnected: return 3;
    case RoomEndReason::Replaced:
    case RoomEndReason::Refused:
    case RoomEndReason::BadRelay: return 4;
    case RoomEndReason::NotAdmitted: return 5;
  }
  return 1;
}

std::string_view text(RoomEndReason reason) noexcept {
  switch (reason) {
    case RoomEndReason::Left: return "you left the room";
    case RoomEndReason::NotAdmitted: return "the relay does not let you into the room";
    case RoomEndReason::Replaced: return "this identity joined the room from elsewhere";
    case RoomEndReason::Refused: return "the relay does not accept this identity";
    case RoomEndReason::BadRelay: return "the relay could not prove who it is";
    case RoomEndReason::NotConnected: return "no connection to the room";
  }
  return "";
}

std::string_view name(RoomEndReason reason) noexcept {
  switch (reason) {
    case RoomEndReason::Left: return "left";
    case RoomEndReason::NotAdmitted: return "not_admitted";
    case RoomEndReason::Replaced: return "replaced";
    case RoomEndReason::Refused: return "refused";
    case RoomEndReason::BadRelay: return "bad_relay";
    case RoomEndReason::NotConnected: return "not_connected";
  }
  return "";
}

}  // namespace wzp::client
