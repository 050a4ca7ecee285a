#include "support/sim_quic_connection.hpp"
#include "wzp/crypto/hash.hpp"

namespace wzp::sim {
namespace {

using Kind = QuicPacket::Kind;

// TLS alerts as QUIC errors (RFC 9001 4.8).
constexpr std::uint64_t kCertificateRequired = 0x174;
constexpr std::uint64_t kBadCertificate = 0x12a;
constexpr std::size_t kInitialBytes = 1200;
constexpr int kMaxDoublings = 6;

}  // namespace

SimConnection::SimConnection(SimEndpoint& endpoint, ConnectionId id, WireId own, const SimEndpoint::DialOptions& options)
    : endpoint_{endpoint},
      id_{id},
      own_{own},
      inbound_{false},
      reported_{true},
      options_{options},
      remote_{options.remote},
      next_stream_{0},
      rtt_{options.initial_rtt},
      rtt_variation_{options.initial_rtt / 2} {}

SimConnection::SimConnection(SimEndpoint& endpoint, ConnectionId id, WireId own, const SocketAddress& remote,
                             const HandshakePacket& initial)
    : endpoint_{endpoint},
      id_{id},
      own_{own},
      peer_{initial.from},
      inbound_{true},
      reported_{false},
      remote_{remote},
      secret_{endpoint.random_.bytes<32>()},
      peer_reset_token_{initial.reset_token},
      peer_owner_{initial.owner},
      next_stream_{1},
      rtt_{endpoint.config_.initial_rtt},
      rtt_variation_{endpoint.config_.initial_rtt / 2} {
  options_.server_name = initial.server_name;
  certificate_demanded_ = initial.server_name == endpoint.config_.certificate_required_for;
}

void SimConnection::start() {
  const auto now = endpoint_.queue_.now();
  handshake_ends_ = now + options_.handshake_timeout.value_or(endpoint_.config_.handshake_timeout);
  last_heard_ = idle_since_ = last_asking_ = now;
  send_handshake();
}

void SimConnection::send_handshake() {
  const auto kind = inbound_ ? Kind::ServerFlight : got_flight_ ? Kind::ClientFinish : Kind::Initial;
  auto packet = std::make_shared<HandshakePacket>(kind, kind == Kind::Initial ? own_ : peer_, kInitialBytes);
  packet->from = own_;
  packet->owner = endpoint_.config_.owner;
  packet->reset_token = endpoint_.config_.reset_key;
  if (kind == Kind::Initial) packet->server_name = options_.server_name;
  if (kind == Kind::ClientFinish && certificate_demanded_) packet->certificate = options_.certificate;
  if (kind == Kind::ServerFlight) {
    packet->certificate = endpoint_.config_.certificate;
    packet->certificate_demanded = certificate_demanded_;
    packet->secret = secret_;
  }
  endpoint_.send(remote_, std::move(packet));
  handshake_resend_ = endpoint_.queue_.now() + probe_timeout() * (1 << std::min(handshake_tries_++, kMaxDoublings));
}

void SimConnection::on_initial(const HandshakePacket&, const SocketAddress& from) {
  if (state_ != State::Handshaking) return;
  remote_ = from;
  send_handshake();  // ours was lost, or is still on the way
}

void SimConnection::on_server_flight(const HandshakePacket& packet, const SocketAddress& from) {
  if (inbound_ || from != remote_ || state_ == State::Closed) return;
  if (got_flight_) return confirmed_ ? void() : send_handshake();
  got_flight_ = true;
  peer_ = packet.from;
  peer_owner_ = packet.owner;
  peer_reset_token_ = packet.reset_token;
  peer_certificate_ = packet.certificate;
  secret_ = packet.secret;
  certificate_demanded_ = packet.certificate_demanded;
  last_heard_ = idle_since_ = endpoint_.queue_.now();
  if (options_.pinned && options_.pinned != peer_certificate_) return refuse(quic::CloseKind::PinMismatch, kBadCertificate, false);
  handshake_tries_ = 0;
  send_handshake();
  // Whoever shows a certificate waits until it has been judged.
  if (!certificate_demanded_) become_connected();
}

void SimConnection::on_client_finish(const HandshakePacket& packet) {
  if (!inbound_) return;
  if (state_ == State::Connected) return transmit({HandshakeDoneFrame{}});
  if (state_ != State::Handshaking) return;
  if (certificate_demanded_ && !packet.certificate) return refuse(quic::CloseKind::CertificateRefused, kCertificateRequired, true);
  peer_certificate_ = packet.certificate;
  confirmed_ = true;
  handshake_resend_.reset();
  handshake_ends_.reset();
  become_connected();
  if (state_ == State::Connected) transmit({HandshakeDoneFrame{}});
}

void SimConnection::refuse(quic::CloseKind kind, std::uint64_t code, bool) {
  closed_with_ = {false, code, ""};
  closed_by_us_ = true;
  send_close();
  end({.kind = kind, .by_peer = false, .code = code, .reason = ""});
}

void SimConnection::become_connected() {
  state_ = State::Connected;
  reported_ = true;
  last_heard_ = idle_since_ = last_asking_ = endpoint_.queue_.now();
  endpoint_.handler_.on_connected(id_, {.inbound = inbound_,
                                        .server_name = options_.server_name,
                                        .remote = remote_,
                                        .local = endpoint_.local_,
                                        .peer_certificate = peer_certificate_});
}

void SimConnection::on_frame(const HandshakeDoneFrame&) {
  if (inbound_) return;
  confirmed_ = true;
  handshake_resend_.reset();
  handshake_ends_.reset();
  if (state_ == State::Handshaking) become_connected();
}

ByteArray<32> SimConnection::exporter(std::string_view label) const {
  return crypto::sha256_of({secret_, bytes_of(options_.server_name), bytes_of(label)});
}

}  // namespace wzp::sim
