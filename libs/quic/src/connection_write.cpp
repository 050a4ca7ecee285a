#include <algorithm>
#include <cassert>

#include "connection.hpp"

namespace wzp::quic {

void Connection::write() {
  dirty_ = false;
  if (state_ == State::Ended) return;
  if (was_connected_ && !tls_.released()) tls_.release();
  apply_stops();
  if (state_ == State::Connected) open_streams();
  datagrams_.drop_before(shared_.now - shared_.config.max_datagram_age);

  const auto now = stamp(shared_.now);
  const auto quantum = ngtcp2_conn_get_send_quantum(conn_.get());
  ngtcp2_path_storage path;
  ngtcp2_path_storage_zero(&path);
  std::size_t written = 0;
  bool more = false;
  for (;;) {
    ngtcp2_pkt_info info{};
    const auto n = write_packet(shared_.batch.space(), &path.path, &info);
    if (n < 0) return fail(static_cast<int>(n));
    if (n == 0) break;
    // Only now: whoever was held back by congestion is first in the next packet, whenever that may leave.
    datagrams_first_ = !datagrams_first_;
    shared_.batch.commit(static_cast<std::size_t>(n), read_path(path.path), info.ecn);
    written += static_cast<std::size_t>(n);
    more = written >= quantum;
    if (more) break;
  }

  const bool now_or_never = close_ && (!linger_until_ || messages_.empty() || *linger_until_ <= shared_.now);
  if (now_or_never) return end_by_request(*close_);
  // The moment from which pacing allows the next packet is of interest only to those who have one waiting;
  // an idle stream of voice would otherwise wake the loop twice per packet.
  const auto without_pacing = ngtcp2_conn_get_expiry(conn_.get());
  ngtcp2_conn_update_pkt_tx_time(conn_.get(), now);
  schedule(more ? ngtcp2_conn_get_expiry(conn_.get()) : without_pacing);
}

void Connection::apply_stops() {
  for (const auto stream : stops_) ngtcp2_conn_shutdown_stream_read(conn_.get(), 0, stream, 0);
  stops_.clear();
}

// One packet: messages and datagrams share it, and take turns in being first, so that neither starves the other.
ngtcp2_ssize Connection::write_packet(std::uint8_t* out, ngtcp2_path* path, ngtcp2_pkt_info* info) {
  ngtcp2_ssize n = 0;
  if (state_ == State::Connected) {
    for (int turn = 0; turn < 2; ++turn) {
      n = (turn == 0) == datagrams_first_ ? write_datagrams(out, path, info) : write_streams(out, path, info);
      if (n != NGTCP2_ERR_WRITE_MORE) return n;
    }
  }
  // Finishes an open packet, or writes what ngtcp2 itself has to say.
  return ngtcp2_conn_writev_stream(conn_.get(), path, info, out, kMaxPacket, nullptr, NGTCP2_WRITE_STREAM_FLAG_NONE, -1,
                                   nullptr, 0, stamp(shared_.now));
}

// Returns the size of a finished packet, 0 or an error; or WRITE_MORE: go on with the next kind.
ngtcp2_ssize Connection::write_datagrams(std::uint8_t* out, ngtcp2_path* path, ngtcp2_pkt_info* info) {
  const auto limit = max_datagram_size();
  while (!datagrams_.empty()) {
    const auto& item = datagrams_.front();
    if (item.size > limit) {  // the path has become narrower
      datagrams_.drop_front();
      continue;
    }
    int accepted = 0;
    const ngtcp2_vec data{item.block->bytes, item.size};
    const auto n = ngtcp2_conn_writev_datagram(conn_.get(), path, info, out, kMaxPacket, &accepted,
                                               NGTCP2_WRITE_DATAGRAM_FLAG_MORE, item.tag, &data, item.size ? 1 : 0,
                                               stamp(shared_.now));
    if (accepted) {
      datagrams_.pop();
      ++datagrams_sent_;
    }
    if (n != NGTCP2_ERR_WRITE_MORE) return n;
  }
  return NGTCP2_ERR_WRITE_MORE;
}

ngtcp2_ssize Connection::write_streams(std::uint8_t* out, ngtcp2_path* path, ngtcp2_pkt_info* info) {
  while (!finishes_.empty()) {
    bool taken = false;
    const auto n = write_finish(finishes_.back(), out, path, info, taken);
    if (taken) finishes_.pop_back();
    if (n != NGTCP2_ERR_WRITE_MORE) return n;
  }
  auto& messages = messages_.all();
  for (std::size_t i = 0; i < messages.size(); ++i) {
    if (!messages[i].opened || !messages[i].wants_to_write()) continue;
    if (ngtcp2_conn_get_max_data_left(conn_.get()) == 0) break;
    const auto n = write_message(messages[i], out, path, info);
    if (n != NGTCP2_ERR_WRITE_MORE) return n;
  }
  return NGTCP2_ERR_WRITE_MORE;
}

// The empty FIN of our half of a peer's stream.
ngtcp2_ssize Connection::write_finish(std::int64_t stream, std::uint8_t* out, ngtcp2_path* path, ngtcp2_pkt_info* info,
                                      bool& taken) {
  ngtcp2_ssize accepted = -1;
  const auto n = ngtcp2_conn_writev_stream(conn_.get(), path, info, out, kMaxPacket, &accepted,
                                           NGTCP2_WRITE_STREAM_FLAG_FIN | NGTCP2_WRITE_STREAM_FLAG_MORE, stream,
                                           nullptr, 0, stamp(shared_.now));
  const bool gone = n == NGTCP2_ERR_STREAM_NOT_FOUND || n == NGTCP2_ERR_STREAM_SHUT_WR;
  taken = gone || accepted == 0;
  return gone ? NGTCP2_ERR_WRITE_MORE : n;
}

// Opens the streams of waiting messages, in order, as far as the peer's credit goes.
void Connection::open_streams() {
  bool credit[2] = {true, true};
  for (auto& message : messages_.all()) {
    auto& left = credit[message.uni()];
    if (message.opened || !left) continue;
    std::int64_t stream = -1;
    left = (message.uni() ? ngtcp2_conn_open_uni_stream(conn_.get(), &stream, nullptr)
                          : ngtcp2_conn_open_bidi_stream(conn_.get(), &stream, nullptr)) == 0;
    if (!left) continue;
    assert(stream == message.stream);
    message.opened = true;
    // Nothing is to come back on it: wire.md 1.6.
    if (!message.uni()) ngtcp2_conn_shutdown_stream_read(conn_.get(), 0, stream, 0);
  }
}

ngtcp2_ssize Connection::write_message(OutgoingMessage& message, std::uint8_t* out, ngtcp2_path* path,
                                       ngtcp2_pkt_info* info) {
  const ngtcp2_vec data{message.bytes.data() + message.written, message.bytes.size() - message.written};
  ngtcp2_ssize accepted = -1;
  const auto n = ngtcp2_conn_writev_stream(conn_.get(), path, info, out, kMaxPacket, &accepted,
                                           NGTCP2_WRITE_STREAM_FLAG_FIN | NGTCP2_WRITE_STREAM_FLAG_MORE, message.stream,
                                           &data, 1, stamp(shared_.now));
  if (accepted >= 0) {
    message.written += static_cast<std::size_t>(accepted);
    message.finished = message.written == message.bytes.size();
  }
  switch (n) {
    case NGTCP2_ERR_STREAM_DATA_BLOCKED: message.blocked = true; return NGTCP2_ERR_WRITE_MORE;
    case NGTCP2_ERR_STREAM_SHUT_WR:
    case NGTCP2_ERR_STREAM_NOT_FOUND:
      message.refused = true;  // reported when the stream closes
      return NGTCP2_ERR_WRITE_MORE;
    default: return n;
  }
}

}  // namespace wzp::quic
