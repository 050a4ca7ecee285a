#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "wzp/base/address.hpp"
#include "wzp/base/fingerprint.hpp"
#include "wzp/base/secret.hpp"
#include "wzp/base/time.hpp"
#include "wzp/net/udp_socket.hpp"
#include "wzp/quic/credentials.hpp"

namespace wzp::quic {

/// One end of one UDP socket. The defaults are those of a client; a relay sets credentials, accept_inbound and its two secrets.
struct EndpointConfig {
  /// Address to bind. An IPv6 one with `socket.v6_only = false` serves both families.
  SocketAddress bind{};
  net::UdpOptions socket{};

  /// This worker, and how many share the address (SO_REUSEPORT). Packets of another worker's
  /// connection are handed to `Handler::on_foreign_packet`.
  std::uint16_t worker = 0;
  std::uint16_t workers = 1;

  /// What we show when dialled. Required with `accept_inbound`.
  Credentials credentials{};
  bool accept_inbound = false;
  /// Server names (compared without case) for which a client certificate is demanded. Source: crypto.md 11.
  std::vector<std::string> certificate_required_for = {"_federation"};
  /// There it is asked for and not demanded: who has none comes in without.
  bool certificate_optional = false;
  /// The one protocol; empty: neither offered nor demanded. Source: wire.md 1.1.
  std::string alpn = "wzp";
  /// The cipher we like best: AES-128-GCM or ChaCha20-Poly1305. Empty: AES if the CPU has instructions for it.
  /// Source: design.md 3.13.
  std::optional<bool> prefer_aes{};
  /// Read once when the handshake is complete and kept; 32 bytes each. Source: crypto.md 1, 2 and 8.
  std::vector<std::string> exporter_labels = {"wzp register", "wzp room", "wzp direct"};

  /// Silence that ends a connection. Source: wire.md 1.5.
  Duration idle_timeout = std::chrono::seconds{30};
  /// Silence after which we send a PING; never more than a third of either side's idle timeout. Source: wire.md 1.5.
  Duration keep_alive = std::chrono::seconds{5};
  /// Source: relay.md 5.5.
  Duration handshake_timeout = std::chrono::seconds{10};
  /// For connections that are accepted. Source: wire.md 1.5.
  Duration initial_rtt = std::chrono::milliseconds{300};
  /// Packets that may go unacknowledged; more than 2 only for receivers of fast streams. Source: dependencies.md 6.7.
  std::size_t ack_threshold = 2;

  /// Connections, handshakes included. At the bound newcomers are refused. Source: relay.md 5.5.
  std::size_t max_connections = 10'000;
  /// Of them inbound from one address (IPv4) or /64 (IPv6); 0: no bound. At the bound newcomers are refused. Source: relay.md 5.5.
  std::size_t max_per_ip = 64;
  /// Unfinished inbound handshakes above which newcomers must prove their address (Retry); 0: always.
  /// One address must prove itself from half of `max_per_ip` on. Source: relay.md 5.5.
  std::size_t retry_threshold = 1'000;

  /// Makes stateless reset tokens. Survives restarts on a relay (crypto.md 11) and is the same for all workers.
  Secret<32> reset_key{};
  /// Makes Retry tokens. The same for all workers.
  Secret<32> token_key{};

  /// Messages of one connection that are queued or not yet acknowledged; beyond it `send_message` says LimitReached.
  /// A message on its own may have up to 1 MiB + 4 bytes whatever the bound on bytes. Source: our choice.
  std::size_t max_outgoing_messages = 256;
  std::size_t max_outgoing_bytes = std::size_t{256} << 10;
  /// Datagrams of one connection that wait to be sent; at the bound the oldest is dropped. Source: our choice, about a second
  /// of one voice stream.
  std::size_t max_queued_datagrams = 64;
  /// Older ones are dropped instead of sent: late audio is no audio. Source: our choice.
  Duration max_datagram_age = std::chrono::milliseconds{200};
};

/// One connection to open.
struct DialOptions {
  SocketAddress remote{};
  /// Sent as it is, so check it first (wire.md 1.2). Empty: no server name.
  std::string server_name{};
  /// Our certificate, shown if the server asks.
  std::optional<Credentials> certificate{};
  /// Any other certificate of the server ends the handshake with CloseKind::PinMismatch.
  std::optional<RelayFingerprint> pinned{};
  /// First guess of the round trip: it sets the pace of the first retransmissions. Source: wire.md 1.5; 50 to 100 ms on
  /// direct attempts (client.md 19.3).
  Duration initial_rtt = std::chrono::milliseconds{300};
  /// Default: that of the endpoint.
  std::optional<Duration> handshake_timeout{};
};

}  // namespace wzp::quic
