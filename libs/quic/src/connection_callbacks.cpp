#include <ngtcp2/ngtcp2_crypto.h>

#include "aead.hpp"
#include "cid.hpp"
#include "connection.hpp"
#include "wzp/net/random.hpp"

namespace wzp::quic {

/// What ngtcp2 calls while it reads, writes or waits. Nothing here writes a packet: it queues, and the turn's end writes.
struct ConnectionCallbacks {
  static Connection& self(void* user) { return *static_cast<Connection*>(user); }
  static bool is_local(const Connection& c, std::int64_t stream) { return (stream & 1) == (c.inbound_ ? 1 : 0); }

  static void rand(std::uint8_t* dest, std::size_t size, const ngtcp2_rand_ctx*) noexcept {
    net::fill_random({dest, size});
  }

  static int new_id(ngtcp2_conn*, ngtcp2_cid* cid, std::uint8_t* token, std::size_t, void* user) noexcept {
    auto& c = self(user);
    *cid = make_cid(c.shared_.config.worker);
    const auto& key = c.shared_.config.reset_key;
    if (ngtcp2_crypto_generate_stateless_reset_token(token, key.view().data(), key.size(), cid) != 0) {
      return NGTCP2_ERR_CALLBACK_FAILURE;
    }
    c.shared_.routes.set(*cid, {.live = &c, .closing = nullptr});
    return 0;
  }

  static int remove_id(ngtcp2_conn*, const ngtcp2_cid* cid, void* user) noexcept {
    self(user).shared_.routes.remove(*cid);
    return 0;
  }

  static int crypto_data(ngtcp2_conn* conn, ngtcp2_encryption_level level, std::uint64_t offset,
                         const std::uint8_t* data, std::size_t size, void* user) noexcept {
    if (self(user).tls_.released()) return 0;
    return ngtcp2_crypto_recv_crypto_data_cb(conn, level, offset, data, size, user);
  }

  static int completed(ngtcp2_conn*, void* user) noexcept {
    self(user).handshake_completed();
    return 0;
  }

  static int confirmed(ngtcp2_conn*, void* user) noexcept {
    self(user).become_connected();
    return 0;
  }

  static int stream_open(ngtcp2_conn*, std::int64_t stream, void* user) noexcept {
    auto& c = self(user);
    // Our half of a peer's stream carries nothing: wire.md 1.6.
    if (!(stream & 2)) c.finishes_.push_back(stream);
    return 0;
  }

  static int stream_data(ngtcp2_conn* conn, std::uint32_t flags, std::int64_t stream, std::uint64_t,
                         const std::uint8_t* data, std::size_t size, void* user, void* stopped) noexcept {
    auto& c = self(user);
    c.become_connected();
    if (!stopped && !is_local(c, stream)) {
      const bool fin = flags & NGTCP2_STREAM_DATA_FLAG_FIN;
      c.shared_.handler.on_stream(c.id_, static_cast<StreamId>(stream), {data, size}, fin);
    }
    ngtcp2_conn_extend_max_stream_offset(conn, stream, size);
    ngtcp2_conn_extend_max_offset(conn, size);
    return 0;
  }

  static int stream_reset(ngtcp2_conn*, std::int64_t stream, std::uint64_t, std::uint64_t, void* user,
                          void* stopped) noexcept {
    auto& c = self(user);
    if (!stopped && !is_local(c, stream)) c.shared_.handler.on_stream_reset(c.id_, static_cast<StreamId>(stream));
    return 0;
  }

  static int stream_close(ngtcp2_conn* conn, std::uint32_t, std::int64_t stream, std::uint64_t, void* user,
                          void*) noexcept {
    auto& c = self(user);
    if (is_local(c, stream)) {
      close_message(c, stream);
      return 0;
    }
    if (stream & 2) {
      ngtcp2_conn_extend_max_streams_uni(conn, 1);
    } else {
      ngtcp2_conn_extend_max_streams_bidi(conn, 1);
    }
    return 0;
  }

  // A stream of ours has ended in both directions. Whoever stops a stream that was written to its end has what it wants.
  static void close_message(Connection& c, std::int64_t stream) {
    const auto* message = c.messages_.find(stream);
    if (!message) return;
    const bool whole = message->finished;
    c.messages_.remove(stream);
    if (whole) {
      c.shared_.handler.on_message_acked(c.id_, static_cast<StreamId>(stream));
    } else {
      c.shared_.handler.on_message_refused(c.id_, static_cast<StreamId>(stream));
    }
  }

  static int acked(ngtcp2_conn*, std::int64_t stream, std::uint64_t offset, std::uint64_t size, void* user,
                   void*) noexcept {
    auto& c = self(user);
    const auto* message = c.messages_.find(stream);
    if (!message || offset + size < message->bytes.size()) return 0;
    c.messages_.remove(stream);
    c.shared_.handler.on_message_acked(c.id_, static_cast<StreamId>(stream));
    return 0;
  }

  static int more_stream_data(ngtcp2_conn*, std::int64_t stream, std::uint64_t, void* user, void*) noexcept {
    auto& c = self(user);
    if (auto* message = c.messages_.find(stream)) message->blocked = false;
    return 0;
  }

  static int datagram(ngtcp2_conn*, std::uint32_t, const std::uint8_t* data, std::size_t size, void* user) noexcept {
    auto& c = self(user);
    ++c.datagrams_received_;
    c.become_connected();
    if (c.connected()) c.shared_.handler.on_datagram(c.id_, {data, size});
    return 0;
  }

  static int datagram_acked(ngtcp2_conn*, std::uint64_t tag, void* user) noexcept {
    auto& c = self(user);
    ++c.datagrams_acked_;
    if (tag) c.shared_.handler.on_datagram_acked(c.id_, tag);
    return 0;
  }

  static int datagram_lost(ngtcp2_conn*, std::uint64_t tag, void* user) noexcept {
    auto& c = self(user);
    ++c.datagrams_lost_;
    if (tag) c.shared_.handler.on_datagram_lost(c.id_, tag);
    return 0;
  }

  static int stateless_reset(ngtcp2_conn*, const ngtcp2_pkt_stateless_reset*, void* user) noexcept {
    self(user).reset_seen_ = true;
    return 0;
  }

  static int path_validated(ngtcp2_conn* conn, std::uint32_t, const ngtcp2_path* path, const ngtcp2_path*,
                            ngtcp2_path_validation_result result, void* user) noexcept {
    auto& c = self(user);
    if (result != NGTCP2_PATH_VALIDATION_RESULT_SUCCESS) return 0;
    const auto validated = read_path(*path);
    if (validated != read_path(*ngtcp2_conn_get_path(conn)) || validated == c.path_) return 0;
    const bool moved = validated.remote != c.path_.remote;
    c.path_ = validated;
    if (moved && c.connected()) c.shared_.handler.on_path_changed(c.id_, validated.remote);
    return 0;
  }
};

void Connection::handshake_completed() {
  auto exporters = tls_.finish(shared_.config.exporter_labels);
  constexpr std::uint8_t kNoApplicationProtocol = 120;
  constexpr std::uint8_t kCertificateRequired = 116;
  constexpr std::uint8_t kInternalError = 80;
  if (!tls_.speaks(shared_.config.alpn)) {
    refusal_ = kNoApplicationProtocol;
  } else if (tls_.certificate_demanded && !tls_.peer) {
    refusal_ = kCertificateRequired;
  } else if (!exporters) {
    refusal_ = kInternalError;
  }
  if (refusal_) return;
  exporters_ = std::move(*exporters);
  set_keep_alive();
  if (inbound_) server_name_ = tls_.server_name();
  if (!awaits_judgement_) become_connected();
}

// Called at the end of the handshake; by a client that shows a certificate, when the server has confirmed it (RFC 9001 4.1.2) or
// sends something, which it does not do before.
void Connection::become_connected() {
  if (state_ != State::Handshaking || refusal_) return;
  state_ = State::Connected;
  was_connected_ = true;
  if (inbound_) shared_.admitted.push_back(origin_);
  shared_.handler.on_connected(id_, {.inbound = inbound_,
                                     .server_name = server_name_,
                                     .remote = path_.remote,
                                     .local = path_.local,
                                     .peer_certificate = tls_.peer});
}

namespace {

ngtcp2_callbacks make_callbacks(bool server) {
  using C = ConnectionCallbacks;
  ngtcp2_callbacks out{};
  out.update_key = ngtcp2_crypto_update_key_cb;
  out.delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb;
  out.delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb;
  out.get_path_challenge_data = ngtcp2_crypto_get_path_challenge_data_cb;
  out.version_negotiation = ngtcp2_crypto_version_negotiation_cb;
  if (server) {
    out.recv_client_initial = ngtcp2_crypto_recv_client_initial_cb;
  } else {
    out.client_initial = ngtcp2_crypto_client_initial_cb;
    out.recv_retry = ngtcp2_crypto_recv_retry_cb;
    out.handshake_confirmed = C::confirmed;
    out.recv_stateless_reset = C::stateless_reset;
  }
  use_direct_aead(out);
  out.rand = C::rand;
  out.get_new_connection_id = C::new_id;
  out.remove_connection_id = C::remove_id;
  out.recv_crypto_data = C::crypto_data;
  out.handshake_completed = C::completed;
  out.stream_open = C::stream_open;
  out.recv_stream_data = C::stream_data;
  out.stream_reset = C::stream_reset;
  out.stream_close = C::stream_close;
  out.acked_stream_data_offset = C::acked;
  out.extend_max_stream_data = C::more_stream_data;
  out.recv_datagram = C::datagram;
  out.ack_datagram = C::datagram_acked;
  out.lost_datagram = C::datagram_lost;
  out.path_validation = C::path_validated;
  return out;
}

}  // namespace

const ngtcp2_callbacks& connection_callbacks(bool server) {
  static const ngtcp2_callbacks client = make_callbacks(false);
  static const ngtcp2_callbacks serving = make_callbacks(true);
  return server ? serving : client;
}

}  // namespace wzp::quic
