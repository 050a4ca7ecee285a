#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "wzp/base/address.hpp"
#include "wzp/base/bytes.hpp"
#include "wzp/base/fingerprint.hpp"
#include "wzp/base/ids.hpp"
#include "wzp/base/time.hpp"

namespace wzp::quic {

/// Number of a stream within its connection: RFC 9000 2.1.
using StreamId = std::uint64_t;
/// Names a datagram whose fate is of interest. 0: of no interest.
using DatagramTag = std::uint64_t;

/// What is known of a connection when it becomes usable.
struct ConnectionInfo {
  bool inbound = false;
  /// Inbound: the name as received, byte for byte; empty: none. Fold and judge it (wire.md 1.2) before use. Outbound: as dialled.
  std::string server_name{};
  SocketAddress remote{};
  /// Ours; the address is unspecified on dialled connections of a socket bound to all addresses.
  SocketAddress local{};
  /// Seen by this connection's own verification: the peer has proved that it owns the key. Always there on outbound
  /// connections; on inbound ones only when a certificate was demanded.
  std::optional<RelayFingerprint> peer_certificate{};

  bool operator==(const ConnectionInfo&) const = default;
};

enum class CloseKind : std::uint8_t {
  Local,               ///< we closed it
  Application,         ///< the peer closed it: `code` and `reason` are its words
  Transport,           ///< a violation of the protocol, found by either side (`by_peer`): `code` is of RFC 9000 20.1
  IdleTimeout,         ///< nothing was heard for the idle timeout
  HandshakeTimeout,    ///< no connection within the time allowed
  HandshakeFailed,     ///< TLS failed: `code` is 0x100 + alert, for example 0x178 no common protocol
  PinMismatch,         ///< the server showed another certificate than the pinned one
  CertificateRefused,  ///< the peer refused our certificate, or missed one
  Reset,               ///< the peer has forgotten the connection (stateless reset)
};

[[nodiscard]] std::string_view name(CloseKind kind) noexcept;

/// How a connection ended.
struct CloseInfo {
  CloseKind kind = CloseKind::Local;
  bool by_peer = false;
  std::uint64_t code = 0;
  /// Words of the peer (unprintable bytes and all) or of ours.
  std::string reason{};
  /// The certificate that was seen, also when it was refused.
  std::optional<RelayFingerprint> peer_certificate{};

  bool operator==(const CloseInfo&) const = default;
};

/// A packet that reached this worker's socket and belongs to a connection of another one.
struct ForeignPacket {
  std::uint16_t worker = 0;
  SocketAddress remote{};
  SocketAddress local{};
  std::uint8_t ecn = 0;
  Bytes bytes{};
};

/// What an Endpoint tells its owner, on the owner's thread and from within the Endpoint's driving calls (receive_ready, tick,
/// inject, flush, rebind). Every method of the Endpoint except the driving ones may be called from here.
/// Views die when the call returns. Must not throw.
class Handler {
 public:
  virtual ~Handler() = default;

  /// The connection is usable: its certificates have been judged. (A client that shows none does not wait for the server's
  /// confirmation: where one was demanded, `on_closed` with CertificateRefused follows.) A peer that closes at once (class
  /// `ping` of reference relays) may never get here: `on_closed` with CloseKind::Application is an answer, too.
  virtual void on_connected(ConnectionId, const ConnectionInfo&) = 0;
  /// Exactly once for every connection that was dialled or reported by `on_connected`, and the last word on it.
  virtual void on_closed(ConnectionId, const CloseInfo&) = 0;
  /// Bytes of a stream that the peer opened, in order within that stream; streams interleave. `fin` ends it; a stream
  /// without bytes yields one call with none. Bytes count as consumed when the call returns, so whoever
  /// collects them must bound what one connection can make it keep (at most 100 streams are open at a time).
  virtual void on_stream(ConnectionId, StreamId, ByteView, bool fin) = 0;
  /// The peer gave up a stream that it had opened, before its end.
  virtual void on_stream_reset(ConnectionId, StreamId) {}
  virtual void on_datagram(ConnectionId, ByteView) {}

  /// A message of ours has arrived as a whole at the peer's transport. For what is on its way when the connection ends, `on_closed`
  /// is the last word.
  virtual void on_message_acked(ConnectionId, StreamId) {}
  /// The peer refused a message of ours before it was written as a whole.
  virtual void on_message_refused(ConnectionId, StreamId) {}
  /// Fate of a datagram that was sent with a tag other than 0. "Lost" may be followed by "acked" when a packet was only late.
  virtual void on_datagram_acked(ConnectionId, DatagramTag) {}
  virtual void on_datagram_lost(ConnectionId, DatagramTag) {}
  /// The peer's address has changed (NAT rebinding, migration) and the new one has been validated.
  virtual void on_path_changed(ConnectionId, const SocketAddress& /*remote*/) {}

  /// A datagram that is not QUIC: both top bits of its first byte are clear (client.md 19.2).
  virtual void on_punch(const SocketAddress& /*remote*/, ByteView) {}
  /// Pass it to `Endpoint::inject` of that worker.
  virtual void on_foreign_packet(ForeignPacket&&) {}
};

}  // namespace wzp::quic
