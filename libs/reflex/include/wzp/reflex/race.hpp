#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "wzp/base/address.hpp"
#include "wzp/base/ids.hpp"

// What both races have in common: what can happen to a search for a direct path, and what is then to be done.
// A dial is named by the address it goes to; each address is dialled once.

namespace wzp::reflex {

// === Events ===================================================================================================

/// Our dial to `remote` completed its handshake as `conn`.
struct Dialled {
  SocketAddress remote;
  ConnectionId conn;
  bool operator==(const Dialled&) const = default;
};
/// Our dial to `remote` came to nothing.
struct DialFailed {
  SocketAddress remote;
  bool operator==(const DialFailed&) const = default;
};
/// The other side dialled us: the handshake of `conn` is complete.
struct Accepted {
  ConnectionId conn;
  bool operator==(const Accepted&) const = default;
};
/// A hello came on `conn`, and whether its proof holds. `PathRace` only.
struct HelloChecked {
  ConnectionId conn;
  bool good = false;
  bool operator==(const HelloChecked&) const = default;
};
/// A probe datagram on `conn` was acknowledged. `PathRace` only.
struct ProbeAcked {
  ConnectionId conn;
  bool operator==(const ProbeAcked&) const = default;
};
/// The caller nominated `conn`. `PathRace` of the callee only.
struct Nominated {
  ConnectionId conn;
  bool operator==(const Nominated&) const = default;
};
/// The callee confirmed `conn`. `PathRace` of the caller only.
struct Confirmed {
  ConnectionId conn;
  bool operator==(const Confirmed&) const = default;
};
/// The other side's `MediaPathReport` of this call. `ReferenceRace` only.
struct PeerReport {
  bool direct_ok = false;
  bool operator==(const PeerReport&) const = default;
};
/// `conn` has ended, whoever ended it.
struct Gone {
  ConnectionId conn;
  bool operator==(const Gone&) const = default;
};

using RaceEvent =
    std::variant<Dialled, DialFailed, Accepted, HelloChecked, ProbeAcked, Nominated, Confirmed, PeerReport, Gone>;

// === Actions ==================================================================================================

struct Dial {
  SocketAddress remote;
  bool operator==(const Dial&) const = default;
};
struct CancelDial {
  SocketAddress remote;
  bool operator==(const CancelDial&) const = default;
};
/// Send one small datagram that no QUIC stack takes for its own: it opens our NAT's filter for the answer.
struct Punch {
  SocketAddress remote;
  bool operator==(const Punch&) const = default;
};
struct SendHello {
  ConnectionId conn;
  bool operator==(const SendHello&) const = default;
};
/// Send the datagram FC and say when it is acknowledged.
struct SendProbe {
  ConnectionId conn;
  bool operator==(const SendProbe&) const = default;
};
struct SendNominate {
  ConnectionId conn;
  bool operator==(const SendNominate&) const = default;
};
struct SendConfirm {
  ConnectionId conn;
  bool operator==(const SendConfirm&) const = default;
};
struct SendReport {
  bool direct_ok = false;
  bool operator==(const SendReport&) const = default;
};

enum class CloseWhy : std::uint8_t {
  NotSelected,  ///< another path carries the call
  BadProof,     ///< its hello was wrong or did not come
  Limit,        ///< more connections than a call can need
};
struct ClosePath {
  ConnectionId conn;
  CloseWhy why{};
  bool operator==(const ClosePath&) const = default;
};

/// Both sides agreed on this direct connection. May come again with another one.
struct UseDirect {
  ConnectionId conn;
  bool operator==(const UseDirect&) const = default;
};
/// There is no direct path, or it is gone: the relay is what remains.
struct UseRelay {
  bool operator==(const UseRelay&) const = default;
};

using RaceAction = std::variant<Dial, CancelDial, Punch, SendHello, SendProbe, SendNominate, SendConfirm, SendReport,
                                ClosePath, UseDirect, UseRelay>;
using RaceActions = std::vector<RaceAction>;

}  // namespace wzp::reflex
