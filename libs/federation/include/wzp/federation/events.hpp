#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "wzp/base/address.hpp"
#include "wzp/base/fingerprint.hpp"
#include "wzp/base/ids.hpp"
#include "wzp/base/log.hpp"
#include "wzp/proto/signal.hpp"

namespace wzp::federation {

// What can happen ...

/// A connection of class `_federation` has completed its handshake.
struct Opened {
  ConnectionId conn{};
  bool inbound = true;
  std::optional<std::size_t> dialled_peer{};      ///< index into Config::peers
  std::optional<RelayFingerprint> certificate{};  ///< of the other side, verified by TLS on this very connection
  SocketAddress remote{};

  bool operator==(const Opened&) const = default;
};
struct Received {
  ConnectionId conn{};
  proto::SignalMessage message{};

  bool operator==(const Received&) const = default;
};
/// The connection is gone. `close_code` is what the other side closed it with.
struct Lost {
  ConnectionId conn{};
  std::optional<std::uint64_t> close_code{};

  bool operator==(const Lost&) const = default;
};
/// A `Dial` gave no connection.
struct DialFailed {
  std::size_t peer = 0;
  std::string why{};

  bool operator==(const DialFailed&) const = default;
};
using Event = std::variant<Opened, Received, Lost, DialFailed>;

// ... and what must then be done or known, in order.

struct Send {
  ConnectionId conn{};
  proto::SignalMessage message{};

  bool operator==(const Send&) const = default;
};
/// The connection is dead to this core from here on.
struct Close {
  ConnectionId conn{};
  std::uint64_t code = 0;
  std::string reason{};

  bool operator==(const Close&) const = default;
};
struct Dial {
  std::size_t peer = 0;

  bool operator==(const Dial&) const = default;
};
/// Signals reach this relay from now on. Here and below, an unverified link stands for a relay of its own; see `Link`.
struct LinkUp {
  RelayFingerprint relay{};

  bool operator==(const LinkUp&) const = default;
};
/// No link to this relay is left.
struct LinkDown {
  RelayFingerprint relay{};

  bool operator==(const LinkDown&) const = default;
};
/// A signal that `from` sent on behalf of one of its clients. The origin is checked: it is the link's.
struct Forwarded {
  RelayFingerprint from{};
  proto::SignalMessage inner{};

  bool operator==(const Forwarded&) const = default;
};
/// The connections of this relay changed, or what they can do: where media and signals go has to be looked up anew.
struct LinkChanged {
  RelayFingerprint relay{};

  bool operator==(const LinkChanged&) const = default;
};
/// A message between relays that is for others to judge. Its link is verified and has announced what the message needs:
/// `routes` (RoutedSignal, RelayState, UserState, UserDigest, UserRequest), `media-v2` (RoomState), or nothing
/// (GlobalRoomActive, GlobalRoomInactive).
struct FromRelay {
  RelayFingerprint from{};
  proto::SignalMessage message{};

  bool operator==(const FromRelay&) const = default;
};
/// Something was received and ignored; the reason is a literal.
struct Dropped {
  std::string reason{};
  /// Nobody is at fault: the two operators have chosen differently, something is full, or news has crossed.
  bool is_honest = false;

  bool operator==(const Dropped&) const = default;
};
[[nodiscard]] inline Dropped not_taken(std::string reason) { return {std::move(reason), true}; }

using Action = std::variant<Send, Close, Dial, LinkUp, LinkDown, LinkChanged, Forwarded, FromRelay, Dropped, LogLine>;
using Actions = std::vector<Action>;

}  // namespace wzp::federation
