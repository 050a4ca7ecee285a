#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "wzp/base/address.hpp"
#include "wzp/base/ids.hpp"
#include "wzp/base/log.hpp"
#include "wzp/client/events.hpp"
#include "wzp/client/user_event.hpp"
#include "wzp/crypto/call_keys.hpp"
#include "wzp/proto/direct_message.hpp"
#include "wzp/proto/signal.hpp"

namespace wzp::client {

// What the shell must do for a client, in the order of the list.

/// Application close codes. Source: crypto.md 12.
enum class CloseCode : std::uint64_t {
  Normal = 0x00,
  Replaced = 0x10,
  BadSignature = 0x12,
  BadProof = 0x14,
  Timeout = 0x15,
  Limit = 0x16,
  Protocol = 0x17,
  ShuttingDown = 0x18,
  NotAdmitted = 0x19,
};

/// Dial a relay: the configured one if `address` is empty (resolve its name again), else this one.
struct DialRelay {
  DialId dial;
  std::string server_name;
  std::optional<SocketAddress> address;
  bool operator==(const DialRelay&) const = default;
};
/// Dial a peer from the socket on which we accept; initial RTT 50 to 100 ms (client.md 19.3).
struct DialDirect {
  DialId dial;
  SocketAddress address;
  std::string server_name;
  bool operator==(const DialDirect&) const = default;
};
/// Give a dial up. What completes all the same is answered with `Close`.
struct CancelDial {
  DialId dial;
  bool operator==(const CancelDial&) const = default;
};
struct SendSignal {
  ConnectionId conn;
  proto::SignalMessage message;
  bool operator==(const SendSignal&) const = default;
};
struct SendDirect {
  ConnectionId conn;
  proto::DirectMessage message;
  bool operator==(const SendDirect&) const = default;
};
/// Send the one-byte datagram FC and report its acknowledgement.
struct SendProbe {
  ConnectionId conn;
  bool operator==(const SendProbe&) const = default;
};
/// Send one small datagram that no QUIC stack takes for its own, to open our NAT's filter.
struct Punch {
  SocketAddress address;
  bool operator==(const Punch&) const = default;
};
/// Close once what was sent is acknowledged, at most 500 ms later. No `Lost` is needed for it.
struct Close {
  ConnectionId conn;
  CloseCode code{};
  std::string reason;
  bool operator==(const Close&) const = default;
};
/// Make the `MediaSession` of this call. Without keys it is unsealed.
struct MediaStart {
  CallId call;
  crypto::CallRole role{};
  std::optional<crypto::CallKeys> keys;
  bool operator==(const MediaStart&) const = default;
};
/// The paths of the media from now on. Empty lists: no path yet, or none any more.
struct MediaPaths {
  std::vector<ConnectionId> send_on;
  std::vector<ConnectionId> accept_from;
  bool operator==(const MediaPaths&) const = default;
};
struct MediaStop {
  bool operator==(const MediaStop&) const = default;
};
struct Report {
  UserEvent event;
  bool operator==(const Report&) const = default;
};

using Action = std::variant<DialRelay, DialDirect, CancelDial, SendSignal, SendDirect, SendProbe, Punch, Close,
                            MediaStart, MediaPaths, MediaStop, Report, LogLine>;
using Actions = std::vector<Action>;

}  // namespace wzp::client
