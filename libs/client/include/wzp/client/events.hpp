#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "wzp/base/address.hpp"
#include "wzp/base/bytes.hpp"
#include "wzp/base/error.hpp"
#include "wzp/base/fingerprint.hpp"
#include "wzp/base/ids.hpp"
#include "wzp/base/secret.hpp"
#include "wzp/proto/direct_message.hpp"
#include "wzp/proto/signal.hpp"

namespace wzp::client {

/// One attempt of ours to connect. Counts up, never used again.
struct DialId {
  std::uint64_t value = 0;
  auto operator<=>(const DialId&) const = default;
};

// What can happen to a client.

/// A dial succeeded: the handshake is complete. The exporters are those of `crypto/registration.hpp` and
/// `crypto/direct_proof.hpp` (direct dials need only `direct_exporter`, relay dials only the other two).
struct Connected {
  DialId dial;
  ConnectionId conn;
  SocketAddress remote;
  RelayFingerprint peer_certificate;
  ByteArray<32> register_exporter{};
  ByteArray<32> room_exporter{};
  ByteArray<32> direct_exporter{};
  bool operator==(const Connected&) const = default;
};
/// Somebody's direct connection completed its handshake at our socket.
struct InboundDirect {
  ConnectionId conn;
  SocketAddress remote;
  std::string server_name;
  ByteArray<32> direct_exporter{};
  bool operator==(const InboundDirect&) const = default;
};
/// A dial came to nothing. Not sent for a cancelled one.
struct DialFailed {
  DialId dial;
  std::string why;
  bool operator==(const DialFailed&) const = default;
};
/// A connection has ended, whoever ended it. `code` is set when the other side closed it as an application.
struct Lost {
  ConnectionId conn;
  std::optional<std::uint64_t> code;
  std::string why;
  bool operator==(const Lost&) const = default;
};
/// A message on a signal or room connection.
struct Signal {
  ConnectionId conn;
  proto::SignalMessage message;
  bool operator==(const Signal&) const = default;
};
/// A message on a direct connection.
struct Direct {
  ConnectionId conn;
  proto::DirectMessage message;
  bool operator==(const Direct&) const = default;
};
/// A message nobody can read.
struct BadMessage {
  ConnectionId conn;
  Error error;
  bool operator==(const BadMessage&) const = default;
};
/// The datagram of a `SendProbe` was acknowledged.
struct ProbeAcked {
  ConnectionId conn;
  bool operator==(const ProbeAcked&) const = default;
};
/// `MediaSession` accepted a packet from there. Once per packet, or at most every 100 ms per connection.
struct MediaSeen {
  ConnectionId conn;
  bool operator==(const MediaSeen&) const = default;
};
/// The interface addresses now, each with the port of the socket of its family. Replaces the last list.
struct HostAddresses {
  std::vector<SocketAddress> addresses;
  bool operator==(const HostAddresses&) const = default;
};
/// The person calls somebody. `ephemeral` is 32 fresh random bytes, `id` made of 16.
struct PlaceCall {
  Fingerprint target;
  CallId id;
  Secret<32> ephemeral;
  bool operator==(const PlaceCall&) const = default;
};
/// The person, or a policy, decides about an `Incoming`. `ephemeral` is 32 fresh random bytes.
struct Answer {
  CallId id;
  proto::CallAcceptMode mode = proto::CallAcceptMode::Reject;
  Secret<32> ephemeral;
  bool operator==(const Answer&) const = default;
};
/// The person ends the call, whatever its state.
struct HangUp {
  bool operator==(const HangUp&) const = default;
};
/// The process ends: hang up, close everything.
struct Shutdown {
  bool operator==(const Shutdown&) const = default;
};

using Event = std::variant<Connected, InboundDirect, DialFailed, Lost, Signal, Direct, BadMessage, ProbeAcked,
                           MediaSeen, HostAddresses, PlaceCall, Answer, HangUp, Shutdown>;

}  // namespace wzp::client

template <>
struct std::hash<wzp::client::DialId> {
  std::size_t operator()(wzp::client::DialId id) const noexcept { return std::hash<std::uint64_t>{}(id.value); }
};
