#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "client/known_relays.hpp"
#include "client/options.hpp"
#include "wzp/client/actions.hpp"
#include "wzp/client/events.hpp"
#include "wzp/net/loop.hpp"
#include "wzp/net/resolver.hpp"
#include "wzp/proto/frame.hpp"
#include "wzp/quic/endpoint.hpp"

namespace wzp::client_app {

/// The phone's view of the network: one socket per address family for everything (signals, direct media in both roles, rooms),
/// because a NAT mapping belongs to a socket. Turns packets into events of the core, and actions of the core into packets.
class Network final : public quic::Handler {
 public:
  struct Ports {
    /// Called from within the loop; may call the Network.
    std::function<void(client::Event)> to_core;
    std::function<void(ConnectionId, ByteView)> on_datagram;
    /// The relay shows another certificate than the one remembered.
    std::function<void(std::string explanation)> on_changed_relay;
  };

  /// Opens the sockets. IPv6 may be missing on this machine; IPv4 may not. Errors: Io, BadConfig (--bind, --relay).
  [[nodiscard]] static Result<std::unique_ptr<Network>> open(net::Loop& loop, const Common& common, Duration idle_timeout,
                                                             KnownRelays known, Ports ports);

  void perform(const client::DialRelay& action);
  void perform(const client::DialDirect& action);
  void perform(const client::CancelDial& action);
  void perform(const client::SendSignal& action);
  void perform(const client::SendDirect& action);
  void perform(const client::SendProbe& action);
  void perform(const client::Punch& action);
  void perform(const client::Close& action);
  void send_datagram(ConnectionId conn, ByteView datagram, Instant now);

  /// The interface addresses, each with the port of the socket of its family.
  [[nodiscard]] std::vector<SocketAddress> host_addresses() const;
  [[nodiscard]] std::optional<quic::ConnectionStats> stats(ConnectionId conn) const;
  /// Nothing is open or closing.
  [[nodiscard]] bool idle() const noexcept { return connections_.empty() && closing_ == 0; }

  // quic::Handler
  void on_connected(ConnectionId, const quic::ConnectionInfo&) override;
  void on_closed(ConnectionId, const quic::CloseInfo&) override;
  void on_stream(ConnectionId, quic::StreamId, ByteView, bool fin) override;
  void on_stream_reset(ConnectionId, quic::StreamId) override;
  void on_datagram(ConnectionId, ByteView) override;
  void on_datagram_acked(ConnectionId, quic::DatagramTag) override;

 private:
  struct Connection {
    proto::SignalInbox inbox;
    bool direct = false;
  };
  /// One dial of the core: several addresses of one name, each tried 250 ms after the one before.
  struct Dial {
    std::string server_name;
    bool configured_relay = false;  ///< our relay by its name: its certificate is remembered
    std::optional<RelayFingerprint> pinned;
    Duration initial_rtt;
    std::vector<SocketAddress> untried;
    std::vector<ConnectionId> attempts;
    std::string why;  ///< of the last attempt that failed
  };

  Network(net::Loop& loop, KnownRelays known, Ports ports);
  [[nodiscard]] quic::Endpoint* endpoint_for(const IpAddress& ip) const noexcept;
  [[nodiscard]] quic::Endpoint* endpoint_of(ConnectionId id) const noexcept;
  void start(client::DialId id, Dial dial);
  void try_next(client::DialId id);
  void attempt_failed(client::DialId id, ConnectionId conn, const quic::CloseInfo& info);
  void fail(client::DialId id, std::string why);
  void remember_relay(const quic::ConnectionInfo& info);
  void send(ConnectionId conn, std::string_view json);
  void deliver(ConnectionId conn, const proto::InboxEvents& events);
  void sweep(Instant now);

  net::Loop& loop_;
  KnownRelays known_;
  Ports ports_;
  net::HostPort relay_;
  net::Resolver resolver_;
  std::unique_ptr<quic::Endpoint> v4_;
  std::unique_ptr<quic::Endpoint> v6_;
  std::optional<quic::Attachment> v4_attachment_;
  std::optional<quic::Attachment> v6_attachment_;
  std::unordered_map<client::DialId, Dial> dials_;
  std::unordered_map<ConnectionId, client::DialId> attempts_;
  std::unordered_map<ConnectionId, Connection> connections_;
  std::size_t closing_ = 0;
  std::optional<RelayFingerprint> relay_certificate_;  ///< of the relay we are registered at
  std::optional<Instant> next_sweep_;
};

}  // namespace wzp::client_app
