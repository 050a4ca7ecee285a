#pragma once

#include <optional>
#include <string>

#include "wzp/base/fingerprint.hpp"
#include "wzp/crypto/call_keys.hpp"
#include "wzp/crypto/registration.hpp"
#include "wzp/proto/signal.hpp"

namespace wzp::client {

/// The relay of a room as its connection shows it: what the binding of an offer is made for.
struct RoomRelay {
  RelayFingerprint certificate;
  crypto::ExporterValue exporter{};  ///< of `kRoomExporterLabel`
};

/// What a member says first in any room, of a call or of several people (wire.md 4.3, crypto.md 2).
[[nodiscard]] proto::CallOffer make_room_offer(const crypto::Identity& identity,
                                               const std::optional<std::string>& alias, const RoomRelay& relay,
                                               const crypto::EphemeralPublic& ephemeral, proto::Caps caps);

/// Whether the relay's key made this answer.
[[nodiscard]] bool holds(const proto::CallAnswer& answer);

}  // namespace wzp::client
