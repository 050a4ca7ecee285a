#include "connection.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "cid.hpp"

namespace wzp::quic {
namespace {

/// A message on its own: wire.md 1.6, the longest signal and its length.
constexpr std::size_t kMaxMessage = (std::size_t{1} << 20) + 4;
constexpr std::size_t kMaxReason = 256;

// Source: wire.md 1.5.
constexpr std::uint64_t kConnectionWindow = 262'144;
constexpr std::uint64_t kStreamWindow = 65'536;
constexpr std::uint64_t kMaxStreams = 100;
constexpr std::uint64_t kMaxDatagramFrame = 65'535;
constexpr std::uint64_t kConnectionIds = 7;
/// Sizes to try above 1200. Source: wire.md 1.5 for the largest; 1392 passes most tunnels, 1280 is the least of IPv6.
constexpr std::array<std::uint16_t, 3> kMtuProbes{1452, 1392, 1280};
/// Type, two bytes of length: what a DATAGRAM frame adds.
constexpr std::size_t kDatagramOverhead = 3;
/// First byte, packet number, tag: what a short-header packet adds beside the connection id.
constexpr std::size_t kPacketOverhead = 1 + 4 + 16;

ngtcp2_settings make_settings(const Shared& shared, Duration initial_rtt, Duration handshake_timeout) {
  ngtcp2_settings settings;
  ngtcp2_settings_default(&settings);
  settings.initial_ts = stamp(shared.now);
  settings.initial_rtt = nanos(initial_rtt);
  settings.handshake_timeout = nanos(handshake_timeout);
  settings.max_tx_udp_payload_size = kMaxPacket;
  settings.ack_thresh = shared.config.ack_threshold;
  settings.cc_algo = NGTCP2_CC_ALGO_CUBIC;
  settings.pmtud_probes = kMtuProbes.data();
  settings.pmtud_probeslen = kMtuProbes.size();
  return settings;
}

ngtcp2_transport_params make_params(const Shared& shared) {
  ngtcp2_transport_params params;
  ngtcp2_transport_params_default(&params);
  params.initial_max_data = kConnectionWindow;
  params.initial_max_stream_data_bidi_local = kStreamWindow;
  params.initial_max_stream_data_bidi_remote = kStreamWindow;
  params.initial_max_stream_data_uni = kStreamWindow;
  params.initial_max_streams_bidi = kMaxStreams;
  params.initial_max_streams_uni = kMaxStreams;
  params.max_idle_timeout = nanos(shared.config.idle_timeout);
  params.max_datagram_frame_size = kMaxDatagramFrame;
  params.active_connection_id_limit = kConnectionIds;
  return params;
}

}  // namespace

Connection::Connection(Shared& shared, ConnectionId id, bool inbound, const Path& path)
    : shared_{shared},
      id_{id},
      inbound_{inbound},
      path_{path},
      origin_{path.remote},
      messages_{inbound},
      datagrams_{shared.blocks, shared.config.max_queued_datagrams} {
  timer_.owner = this;
}

Connection::~Connection() {
  shared_.timers.remove(timer_);
  std::erase(shared_.dirty, this);
}

Result<std::unique_ptr<Connection>> Connection::dial(Shared& shared, ConnectionId id, const DialOptions& options) {
  std::unique_ptr<Connection> self{new Connection{shared, id, false, {shared.socket.local(), options.remote}}};
  if (const auto started = self->start_client(options); !started) return started.failure();
  return self;
}

Result<std::unique_ptr<Connection>> Connection::accept(Shared& shared, ConnectionId id, const Arrival& arrival) {
  std::unique_ptr<Connection> self{new Connection{shared, id, true, arrival.path}};
  if (const auto started = self->start_server(arrival); !started) return started.failure();
  return self;
}

Result<void> Connection::start_client(const DialOptions& options) {
  if (auto started = shared_.tls->start_client(tls_, options); !started) return started;
  server_name_ = options.server_name;
  awaits_judgement_ = options.certificate.has_value();
  auto settings =
      make_settings(shared_, options.initial_rtt, options.handshake_timeout.value_or(shared_.config.handshake_timeout));
  const auto params = make_params(shared_);
  const auto dcid = random_cid(16);
  const auto scid = make_cid(shared_.config.worker);
  const NgPath path{path_};
  ngtcp2_conn* conn = nullptr;
  if (ngtcp2_conn_client_new(&conn, &dcid, &scid, path.get(), NGTCP2_PROTO_VER_V1, &connection_callbacks(false),
                             &settings, &params, nullptr, this) != 0) {
    return Unexpected{Errc::Internal, "QUIC client"};
  }
  settle(conn, scid);
  return {};
}

Result<void> Connection::start_server(const Arrival& arrival) {
  if (auto started = shared_.tls->start_server(tls_); !started) return started;
  auto settings = make_settings(shared_, shared_.config.initial_rtt, shared_.config.handshake_timeout);
  auto params = make_params(shared_);
  params.original_dcid = arrival.head.dcid;
  params.original_dcid_present = 1;
  if (arrival.before_retry) {
    settings.token = arrival.head.token;
    settings.tokenlen = arrival.head.tokenlen;
    settings.token_type = NGTCP2_TOKEN_TYPE_RETRY;
    params.original_dcid = *arrival.before_retry;
    params.retry_scid = arrival.head.dcid;
    params.retry_scid_present = 1;
  }
  const auto scid = make_cid(shared_.config.worker);
  const auto& key = shared_.config.reset_key;
  if (ngtcp2_crypto_generate_stateless_reset_token(params.stateless_reset_token, key.view().data(), key.size(),
                                                   &scid) != 0) {
    return Unexpected{Errc::Internal, "stateless reset token"};
  }
  params.stateless_reset_token_present = 1;
  const NgPath path{path_};
  ngtcp2_conn* conn = nullptr;
  if (ngtcp2_conn_server_new(&conn, &arrival.head.scid, &scid, path.get(), arrival.head.version,
                             &connection_callbacks(true), &settings, &params, nullptr, this) != 0) {
    return Unexpected{Errc::Internal, "QUIC server"};
  }
  settle(conn, scid);
  first_dcid_ = arrival.head.dcid;
  shared_.routes.set(first_dcid_, {.live = this, .closing = nullptr});
  return {};
}

void Connection::settle(ngtcp2_conn* conn, const ngtcp2_cid& own) {
  conn_.reset(conn);
  tls_.attach(conn);
  shared_.routes.set(own, {.live = this, .closing = nullptr});
  mark_dirty();
}

// Often enough for the shorter of both sides' idle timeouts, of which two thirds may pass unheard.
void Connection::set_keep_alive() {
  auto idle = nanos(shared_.config.idle_timeout);
  const auto* remote = ngtcp2_conn_get_remote_transport_params(conn_.get());
  if (remote && remote->max_idle_timeout) idle = std::min(idle, remote->max_idle_timeout);
  ngtcp2_conn_set_keep_alive_timeout(conn_.get(), std::min(nanos(shared_.config.keep_alive), idle / 3));
}

// --- driving

void Connection::mark_dirty() {
  if (dirty_ || state_ == State::Ended) return;
  dirty_ = true;
  shared_.dirty.push_back(this);
}

void Connection::schedule(ngtcp2_tstamp due) {
  auto at = due == UINT64_MAX ? Instant::max() : Instant{duration(due)};
  if (linger_until_) at = std::min(at, *linger_until_);
  shared_.timers.set(timer_, at);
}

void Connection::read(const Path& path, std::uint8_t ecn, ByteView packet) {
  if (state_ == State::Ended) return;
  // A dialled connection does not care which of our addresses the system chose; the far side may.
  const NgPath ng{inbound_ ? path : Path{path_.local, path.remote}};
  const ngtcp2_pkt_info info{.ecn = ecn};
  const int rv = ngtcp2_conn_read_pkt(conn_.get(), ng.get(), &info, packet.data(), packet.size(), stamp(shared_.now));
  if (rv != 0) return on_read_error(rv);
  if (refusal_) {
    ngtcp2_ccerr error;
    ngtcp2_ccerr_set_tls_alert(&error, *refusal_, nullptr, 0);
    return end_with_packet(tls_failure(*refusal_), error);
  }
  mark_dirty();
}

void Connection::expire() {
  if (state_ == State::Ended) return;
  if (const int rv = ngtcp2_conn_handle_expiry(conn_.get(), stamp(shared_.now)); rv != 0) {
    if (rv == NGTCP2_ERR_IDLE_CLOSE || rv == NGTCP2_ERR_HANDSHAKE_TIMEOUT) {
      return end({.kind = was_connected_ ? CloseKind::IdleTimeout : CloseKind::HandshakeTimeout});
    }
    return fail(rv);
  }
  mark_dirty();
}

void Connection::migrate(const SocketAddress& local) {
  if (state_ == State::Ended || inbound_ || local == path_.local) return;
  const Path next{local, path_.remote};
  const NgPath ng{next};
  // Before the handshake is confirmed a connection cannot move: it is lost with its socket.
  if (ngtcp2_conn_initiate_immediate_migration(conn_.get(), ng.get(), stamp(shared_.now)) != 0) return;
  path_ = next;
  mark_dirty();
}

// --- asked for by the user

Result<StreamId> Connection::send_message(ByteView bytes, bool uni) {
  if (state_ == State::Ended || close_) return Unexpected{Errc::WrongState, "connection is closing"};
  if (bytes.empty()) return Unexpected{Errc::TooShort, "empty message"};
  if (bytes.size() > kMaxMessage) return Unexpected{Errc::TooLong, "message"};
  const auto& config = shared_.config;
  const bool too_many = messages_.size() >= config.max_outgoing_messages;
  const bool too_much = !messages_.empty() && messages_.bytes() + bytes.size() > config.max_outgoing_bytes;
  if (too_many || too_much) return Unexpected{Errc::LimitReached, "messages to the peer"};
  const auto stream = messages_.push(bytes, uni);
  mark_dirty();
  return static_cast<StreamId>(stream);
}

void Connection::stop_stream(StreamId stream) {
  const auto id = static_cast<std::int64_t>(stream);
  // The mark on the stream makes the callbacks pass over what still comes. It fails when the stream has ended.
  if (state_ == State::Ended || ngtcp2_conn_is_local_stream(conn_.get(), id) ||
      ngtcp2_conn_set_stream_user_data(conn_.get(), id, this) != 0) {
    return;
  }
  stops_.push_back(id);
  mark_dirty();
}

Result<void> Connection::send_datagram(ByteView prefix, ByteView payload, DatagramTag tag, Instant now) {
  if (state_ != State::Connected || (close_ && !linger_until_)) return Unexpected{Errc::WrongState, "not connected"};
  const auto limit = max_datagram_size();
  if (limit == 0) return Unexpected{Errc::Unsupported, "the peer takes no datagrams"};
  if (prefix.size() + payload.size() > limit) return Unexpected{Errc::TooLong, "datagram"};
  datagrams_.push(prefix, payload, tag, now);
  mark_dirty();
  return {};
}

void Connection::close(std::uint64_t code, std::string_view reason) {
  if (state_ == State::Ended || (close_ && !linger_until_)) return;
  close_ = CloseRequest{code, std::string{reason.substr(0, kMaxReason)}};
  linger_until_.reset();
  mark_dirty();
}

void Connection::close_when_sent(std::uint64_t code, std::string_view reason, Instant deadline) {
  if (state_ == State::Ended || close_) return;
  close_ = CloseRequest{code, std::string{reason.substr(0, kMaxReason)}};
  linger_until_ = deadline;
  mark_dirty();
}

// --- facts

std::size_t Connection::max_datagram_size() const {
  if (state_ != State::Connected) return 0;
  const auto* remote = ngtcp2_conn_get_remote_transport_params(conn_.get());
  if (!remote || remote->max_datagram_frame_size <= kDatagramOverhead) return 0;
  const auto overhead = kPacketOverhead + ngtcp2_conn_get_dcid(conn_.get())->datalen + kDatagramOverhead;
  const auto room = ngtcp2_conn_get_path_max_tx_udp_payload_size(conn_.get()) - overhead;
  return std::min<std::size_t>(room, remote->max_datagram_frame_size - kDatagramOverhead);
}

Result<ByteArray<32>> Connection::exporter(std::string_view label) const {
  const auto& labels = shared_.config.exporter_labels;
  const auto it = std::find(labels.begin(), labels.end(), label);
  if (it == labels.end()) return Unexpected{Errc::NotFound, "exporter label"};
  const auto i = static_cast<std::size_t>(it - labels.begin());
  if (i >= exporters_.size()) return Unexpected{Errc::WrongState, "not connected"};
  return exporters_[i];
}

ConnectionStats Connection::stats() const {
  ngtcp2_conn_info info;
  ngtcp2_conn_get_conn_info(conn_.get(), &info);
  return {.smoothed_rtt = duration(info.smoothed_rtt),
          .min_rtt = info.min_rtt == UINT64_MAX ? Duration{0} : duration(info.min_rtt),
          .congestion_window = info.cwnd,
          .bytes_in_flight = info.bytes_in_flight,
          .path_mtu = ngtcp2_conn_get_path_max_tx_udp_payload_size(conn_.get()),
          .datagrams_sent = datagrams_sent_,
          .datagrams_received = datagrams_received_,
          .datagrams_acked = datagrams_acked_,
          .datagrams_lost = datagrams_lost_,
          .datagrams_dropped = datagrams_.dropped()};
}

}  // namespace wzp::quic
