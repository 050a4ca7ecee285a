#include <array>
#include <string>
#include <utility>

#include "connection.hpp"

namespace wzp::quic {
namespace {

/// TLS alerts that speak of a certificate: RFC 8446 6.2.
constexpr std::array<std::uint64_t, 9> kCertificateAlerts{42, 43, 44, 45, 46, 48, 49, 51, 116};
constexpr std::uint64_t kCryptoError = 0x100;

bool about_certificate(std::uint64_t code) {
  for (const auto alert : kCertificateAlerts) {
    if (code == kCryptoError + alert) return true;
  }
  return false;
}

}  // namespace

std::string_view name(CloseKind kind) noexcept {
  switch (kind) {
    case CloseKind::Local: return "Local";
    case CloseKind::Application: return "Application";
    case CloseKind::Transport: return "Transport";
    case CloseKind::IdleTimeout: return "IdleTimeout";
    case CloseKind::HandshakeTimeout: return "HandshakeTimeout";
    case CloseKind::HandshakeFailed: return "HandshakeFailed";
    case CloseKind::PinMismatch: return "PinMismatch";
    case CloseKind::CertificateRefused: return "CertificateRefused";
    case CloseKind::Reset: return "Reset";
  }
  return "?";
}

void Connection::end(CloseInfo info) {
  if (state_ == State::Ended) return;
  state_ = State::Ended;
  end_ = std::move(info);
  end_.peer_certificate = tls_.peer;
  shared_.timers.remove(timer_);
  shared_.ended.push_back(this);
}

void Connection::end_with_packet(CloseInfo info, const ngtcp2_ccerr& error) {
  if (state_ == State::Ended) return;
  auto* out = shared_.batch.space();
  ngtcp2_path_storage path;
  ngtcp2_path_storage_zero(&path);
  ngtcp2_pkt_info packet{};
  const auto n =
      ngtcp2_conn_write_connection_close(conn_.get(), &path.path, &packet, out, kMaxPacket, &error, stamp(shared_.now));
  if (n > 0) {
    closing_packet_.assign(out, out + n);
    shared_.batch.commit(static_cast<std::size_t>(n), path_, packet.ecn);
  }
  lingers_ = true;
  end(std::move(info));
}

void Connection::end_by_request(const CloseRequest& request) {
  ngtcp2_ccerr error;
  ngtcp2_ccerr_set_application_error(&error, request.code, bytes_of(request.reason).data(), request.reason.size());
  end_with_packet({.kind = CloseKind::Local, .by_peer = false, .code = request.code, .reason = request.reason}, error);
}

void Connection::fail(int library_error) {
  ngtcp2_ccerr error;
  ngtcp2_ccerr_set_liberr(&error, library_error, nullptr, 0);
  end_with_packet({.kind = CloseKind::Transport,
                   .by_peer = false,
                   .code = error.error_code,
                   .reason = ngtcp2_strerror(library_error)},
                  error);
}

void Connection::on_read_error(int library_error) {
  switch (library_error) {
    case NGTCP2_ERR_DRAINING:
      lingers_ = !reset_seen_;
      return end(reset_seen_ ? CloseInfo{.kind = CloseKind::Reset, .by_peer = true} : words_of_peer());
    case NGTCP2_ERR_RETRY: wants_retry_ = true; return end({});
    case NGTCP2_ERR_DROP_CONN: return end({.kind = CloseKind::HandshakeFailed});
    case NGTCP2_ERR_CLOSING: return;
    case NGTCP2_ERR_RECV_VERSION_NEGOTIATION:
      return end({.kind = CloseKind::Transport,
                  .by_peer = true,
                  .code = NGTCP2_VERSION_NEGOTIATION_ERROR,
                  .reason = "the peer does not speak QUIC version 1"});
    case NGTCP2_ERR_CRYPTO: {
      const auto alert = ngtcp2_conn_get_tls_alert(conn_.get());
      ngtcp2_ccerr error;
      ngtcp2_ccerr_set_tls_alert(&error, alert, nullptr, 0);
      return end_with_packet(tls_failure(alert), error);
    }
    default: return fail(library_error);
  }
}

CloseInfo Connection::tls_failure(std::uint8_t alert) const {
  if (tls_.pin_mismatch) {
    return {.kind = CloseKind::PinMismatch,
            .by_peer = false,
            .code = kCryptoError + alert,
            .reason = "another certificate than the pinned one"};
  }
  return {.kind = CloseKind::HandshakeFailed,
          .by_peer = false,
          .code = kCryptoError + alert,
          .reason = "TLS alert " + std::to_string(alert)};
}

CloseInfo Connection::words_of_peer() const {
  const auto* error = ngtcp2_conn_get_ccerr(conn_.get());
  CloseInfo info{.kind = CloseKind::Transport,
                 .by_peer = true,
                 .code = error->error_code,
                 .reason = std::string{text_of({error->reason, error->reasonlen})}};
  if (error->type == NGTCP2_CCERR_TYPE_APPLICATION) {
    info.kind = CloseKind::Application;
  } else if (error->error_code == NGTCP2_APPLICATION_ERROR) {
    // An application's close before the keys for its words were there: RFC 9000 10.2.3.
    info.kind = CloseKind::Application;
    info.code = 0;
  } else if (!inbound_ && about_certificate(error->error_code)) {
    info.kind = CloseKind::CertificateRefused;
  } else if (error->error_code >= kCryptoError && error->error_code < 2 * kCryptoError) {
    info.kind = CloseKind::HandshakeFailed;
  }
  return info;
}

std::vector<ngtcp2_cid> Connection::ids() const {
  std::vector<ngtcp2_cid> out(ngtcp2_conn_get_scid(conn_.get(), nullptr));
  ngtcp2_conn_get_scid(conn_.get(), out.data());
  if (first_dcid_.datalen) out.push_back(first_dcid_);
  return out;
}

std::optional<Closing> Connection::remains() {
  if (!lingers_) return std::nullopt;
  return Closing{.ids = ids(),
                 .packet = std::move(closing_packet_),
                 .expires = shared_.now + 3 * duration(ngtcp2_conn_get_pto(conn_.get()))};
}

}  // namespace wzp::quic
