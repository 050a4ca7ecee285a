#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "admission.hpp"
#include "closing.hpp"
#include "connection.hpp"
#include "shared.hpp"
#include "wzp/quic/endpoint.hpp"

namespace wzp::quic {

/// At most so many in a second, all at once or spread.
class RateLimit {
 public:
  explicit RateLimit(unsigned per_second) : per_second_{per_second}, left_{per_second} {}
  [[nodiscard]] bool allow(Instant now);

 private:
  unsigned per_second_;
  unsigned left_;
  Instant since_{};
};

class Endpoint::Impl {
 public:
  Impl(EndpointConfig config, Handler& handler, net::UdpSocket socket, std::unique_ptr<TlsContext> tls);
  ~Impl();

  /// A packet and where it came from.
  struct Packet {
    Path path;
    std::uint8_t ecn = 0;
    ByteView bytes;
  };

  Result<ConnectionId> dial(const DialOptions& options);
  [[nodiscard]] Connection* find(ConnectionId id) const;

  // Receiving (endpoint_receive.cpp).
  void receive();
  void on_packet(const Packet& packet, bool from_other_worker);

  void tick();
  void flush();
  Result<void> rebind(const SocketAddress& bind);
  [[nodiscard]] EndpointStats stats() const;
  /// Takes ended connections away and reports them. At the end of every driving call.
  void reap();

  Shared shared;
  EndpointStats counters;
  ClosingTable closing;
  bool accepting;
  bool shut = false;
  std::unordered_map<ConnectionId, std::unique_ptr<Connection>> connections;

 private:
  void on_unknown(const Packet& packet, const ngtcp2_version_cid& head, bool from_other_worker);
  bool hand_over(const Packet& packet, ByteView dcid);
  bool offer_to_dialled(const Packet& packet);
  void on_initial(const Packet& packet);
  void admit(const Packet& packet, const Connection::Arrival& arrival);
  void send_version_negotiation(const Packet& packet, const ngtcp2_version_cid& head);
  void send_retry(const Packet& packet, const ngtcp2_pkt_hd& head);
  void send_refusal(const Packet& packet, const ngtcp2_pkt_hd& head, std::uint64_t code);
  void send_stateless_reset(const Packet& packet, ByteView dcid);
  [[nodiscard]] ConnectionId next_id();
  void note_admitted();
  void forget(Connection& connection);

  Admission admission_;
  RateLimit resets_;
  std::uint64_t next_number_ = 1;
  /// Dialled connections by their remote, for packets that name none: stateless resets.
  std::unordered_multimap<SocketAddress, Connection*> dialled_;
};

}  // namespace wzp::quic
