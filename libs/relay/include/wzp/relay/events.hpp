#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "wzp/base/address.hpp"
#include "wzp/base/bytes.hpp"
#include "wzp/base/error.hpp"
#include "wzp/base/fingerprint.hpp"
#include "wzp/base/ids.hpp"
#include "wzp/base/log.hpp"
#include "wzp/proto/server_name.hpp"
#include "wzp/proto/signal.hpp"
#include "wzp/relay/config.hpp"
#include "wzp/relay/room_table.hpp"

// What the relay's shell tells the core, and what it must then do. A connection exists for the core from `Opened` to
// `Lost`; whatever arrives outside of that is ignored and counted.

namespace wzp::relay {

// Events ------------------------------------------------------------------------------------------------------------

/// The handshake of a connection is complete. The shell bounds how many there are, in all and per address.
struct Opened {
  ConnectionId conn{};
  proto::ConnectionClass cls = proto::ConnectionClass::Room;
  std::string server_name{};  ///< canonical: `proto::canonical_server_name`
  bool inbound = true;
  std::optional<std::size_t> dialled_peer{};  ///< for a connection that `Dial` asked for
  SocketAddress remote{};
  SocketAddress local{};
  /// Federation only: computed by this connection's own verification callback, never taken from a session.
  std::optional<RelayFingerprint> peer_certificate{};
  ByteArray<32> register_exporter{};  ///< of crypto::kRegisterExporterLabel
  ByteArray<32> room_exporter{};      ///< of crypto::kRoomExporterLabel

  bool operator==(const Opened&) const = default;
};

/// One signal, in the order in which the peer opened the streams.
struct Received {
  ConnectionId conn{};
  proto::SignalMessage message{};

  bool operator==(const Received&) const = default;
};

/// A stream that gave no message: cut short, over the limit of its class, undecodable, or of an unknown variant.
struct BadMessage {
  ConnectionId conn{};
  Error error{};

  bool operator==(const BadMessage&) const = default;
};

/// So much that this relay only passes on was left out on a link, since it reads too slowly. Told at most every 10 s.
struct Unsent {
  ConnectionId conn{};
  std::size_t messages = 0;

  bool operator==(const Unsent&) const = default;
};

/// The peer's address has changed and is validated: migration or NAT rebinding.
struct Moved {
  ConnectionId conn{};
  SocketAddress remote{};

  bool operator==(const Moved&) const = default;
};

/// The connection is gone, whoever ended it, also after `Close`. Exactly one per `Opened`.
struct Lost {
  ConnectionId conn{};
  std::optional<std::uint64_t> close_code{};  ///< the application close code that the *peer* sent, if any

  bool operator==(const Lost&) const = default;
};

/// The client that `Check` asked about is there.
struct Alive {
  ConnectionId conn{};

  bool operator==(const Alive&) const = default;
};

/// ... or did not say so in time. Its connection goes on, and it may be `Alive` later.
struct Silent {
  ConnectionId conn{};

  bool operator==(const Silent&) const = default;
};

/// A `Dial` gave no connection. A dialled connection that is `Opened` first and lost later does not fail this way.
struct DialFailed {
  std::size_t peer = 0;
  std::string why{};

  bool operator==(const DialFailed&) const = default;
};

/// The newest quality report that came with a packet of this seat; at most two a second for each.
struct Reported {
  ConnectionId conn{};
  proto::QualityReport report{};

  bool operator==(const Reported&) const = default;
};

/// The operator has changed the lists of the configuration. A relay that is named no more loses its link, and the calls
/// over it end; a room that is not global any more ends at this relay; who is no member of a listed room is put out.
struct Reload {
  std::vector<PeerConfig> peers{};
  std::vector<TrustedConfig> trusted{};
  std::vector<std::string> global_rooms{};
  std::vector<RoomConfig> rooms{};

  bool operator==(const Reload&) const = default;
};

/// The process ends: close everything with 0x18.
struct Shutdown {
  bool operator==(const Shutdown&) const = default;
};

using Event = std::variant<Opened, Received, BadMessage, Unsent, Moved, Lost, Alive, Silent, DialFailed, Reported,
                           Reload, Shutdown>;

// Actions -----------------------------------------------------------------------------------------------------------

/// Queue one signal. A client whose queue (256 messages, 256 KiB) is full, or that takes nothing for 10 s, is closed by
/// the shell with 0x16 and reported `Lost`; nothing here waits for anybody. On a room connection an unsent `RoomUpdate`
/// may be replaced by a newer one instead (design.md 3.25).
struct Send {
  ConnectionId conn{};
  proto::SignalMessage message{};

  bool operator==(const Send&) const = default;
};

/// Class `version`: this text on one unidirectional stream. The core closes the connection 100 ms later.
struct SendVersion {
  ConnectionId conn{};
  std::string text{};

  bool operator==(const SendVersion&) const = default;
};

/// Close by application close, once what was sent before is acknowledged, after 500 ms at the latest.
/// The core takes the connection for dead from here on; `Lost` still follows.
struct Close {
  ConnectionId conn{};
  std::uint64_t code = 0;
  std::string reason{};

  bool operator==(const Close&) const = default;
};

/// Is the client still there? `Alive` when it has acknowledged what was sent to it, or `Silent` when it has acknowledged
/// nothing within 800 ms. Source: our choice; twice the longest round trip that people can talk over, and a person who
/// has moved is to be reached within 1 s.
struct Check {
  ConnectionId conn{};

  bool operator==(const Check&) const = default;
};

/// Connect to `RelayCore::peer(peer)`: server name `_federation`, own certificate, the peer's pinned. Answer with `Opened`
/// or, after 10 s at the latest, with `DialFailed`.
struct Dial {
  std::size_t peer = 0;

  bool operator==(const Dial&) const = default;
};

/// From now on this is who gets whose media in the room `table.tag`.
struct SetRoom {
  RoomTable table{};

  bool operator==(const SetRoom&) const = default;
};

/// Nobody does any more; packets with this tag are dropped.
struct DropRoom {
  proto::RoomTag tag{};

  bool operator==(const DropRoom&) const = default;
};

/// This connection is a link that may carry media. Nothing of it does before; forgotten with the connection.
struct SetLink {
  LinkMedia link{};

  bool operator==(const SetLink&) const = default;
};

using Action = std::variant<Send, SendVersion, Close, Check, Dial, SetRoom, DropRoom, SetLink, LogLine>;
using Actions = std::vector<Action>;

}  // namespace wzp::relay
