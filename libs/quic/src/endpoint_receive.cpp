#include <algorithm>
#include <array>

#include "cid.hpp"
#include "endpoint_impl.hpp"
#include "wzp/net/random.hpp"

namespace wzp::quic {
namespace {

/// Batches per call: a flood must not keep the loop from its other work. Source: our choice.
constexpr int kMaxBatches = 8;
/// How long a client may take to come back with a Retry token. Source: our choice, the handshake timeout.
constexpr Duration kTokenLife = std::chrono::seconds{10};
/// The least that a packet must have to be answered by a stateless reset: RFC 9000 10.3.3.
constexpr std::size_t kMinResetTrigger = 43;
constexpr std::size_t kMaxResetSize = 48;
/// The bits that tell QUIC from other datagrams: client.md 19.2.
constexpr std::uint8_t kQuicBits = 0xc0;
constexpr std::uint8_t kLongHeader = 0x80;
/// Connections to one remote that are asked about a packet which names none of them.
constexpr int kMaxAsked = 8;

}  // namespace

void Endpoint::Impl::receive() {
  for (int i = 0; i < kMaxBatches; ++i) {
    const auto batch = shared.socket.receive();
    for (const auto& d : batch) on_packet({{d.local, d.remote}, d.ecn, d.bytes}, false);
    note_admitted();
    if (batch.empty()) return;
  }
}

void Endpoint::Impl::on_packet(const Packet& packet, bool from_other_worker) {
  if (packet.bytes.empty()) return;
  if (!(packet.bytes.front() & kQuicBits)) {
    ++counters.punches;
    return shared.handler.on_punch(packet.path.remote, packet.bytes);
  }
  ngtcp2_version_cid head;
  const int rv = ngtcp2_pkt_decode_version_cid(&head, packet.bytes.data(), packet.bytes.size(), kCidSize);
  if (rv == NGTCP2_ERR_VERSION_NEGOTIATION) return send_version_negotiation(packet, head);
  if (rv != 0) {
    ++counters.dropped_packets;
    return;
  }
  const auto route = shared.routes.find({head.dcid, head.dcidlen});
  if (!route) return on_unknown(packet, head, from_other_worker);
  if (route.closing) return ClosingTable::answer(*route.closing, packet.path, shared.batch);
  route.live->read(packet.path, packet.ecn, packet.bytes);
}

void Endpoint::Impl::on_unknown(const Packet& packet, const ngtcp2_version_cid& head, bool from_other_worker) {
  const auto first = packet.bytes.front();
  const bool is_long = first & kLongHeader;
  const ByteView dcid{head.dcid, head.dcidlen};
  // Initials too: a server's first answer to our dial may reach another worker. The first id of a client is random and names one
  // of our workers once in thousands of times; then that worker accepts it, and nothing is lost.
  if (!from_other_worker && hand_over(packet, dcid)) return;
  if (is_long && head.version != NGTCP2_PROTO_VER_V1 && head.version != 0) {
    return send_version_negotiation(packet, head);
  }
  if (is_long) return on_initial(packet);
  if (offer_to_dialled(packet)) return;
  ++counters.dropped_packets;
  send_stateless_reset(packet, dcid);
}

bool Endpoint::Impl::hand_over(const Packet& packet, ByteView dcid) {
  if (shared.config.workers < 2 || dcid.size() != kCidSize) return false;
  const auto worker = worker_of(dcid);
  if (worker == shared.config.worker || worker >= shared.config.workers) return false;
  ++counters.foreign_packets;
  shared.handler.on_foreign_packet({.worker = worker,
                                    .remote = packet.path.remote,
                                    .local = packet.path.local,
                                    .ecn = packet.ecn,
                                    .bytes = {packet.bytes.begin(), packet.bytes.end()}});
  return true;
}

// A stateless reset names no connection: those we dialled there recognise their token.
bool Endpoint::Impl::offer_to_dialled(const Packet& packet) {
  const auto [begin, end] = dialled_.equal_range(packet.path.remote);
  std::array<Connection*, kMaxAsked> asked{};
  std::size_t count = 0;
  for (auto it = begin; it != end && count < asked.size(); ++it) asked[count++] = it->second;
  for (std::size_t i = 0; i < count; ++i) asked[i]->read(packet.path, packet.ecn, packet.bytes);
  return count > 0;
}

void Endpoint::Impl::on_initial(const Packet& packet) {
  Connection::Arrival arrival{.path = packet.path};
  if (!accepting || ngtcp2_accept(&arrival.head, packet.bytes.data(), packet.bytes.size()) != 0) {
    ++counters.dropped_packets;
    return;
  }
  const ByteView token{arrival.head.token, arrival.head.tokenlen};
  if (!token.empty() && token.front() == NGTCP2_CRYPTO_TOKEN_MAGIC_RETRY2) {
    const NgPath ng{packet.path};
    const auto& key = shared.config.token_key;
    ngtcp2_cid original;
    if (ngtcp2_crypto_verify_retry_token2(&original, token.data(), token.size(), key.view().data(), key.size(),
                                          arrival.head.version, ng.remote().addr, ng.remote().addrlen,
                                          &arrival.head.dcid, nanos(kTokenLife), stamp(shared.now)) != 0) {
      return send_refusal(packet, arrival.head, NGTCP2_INVALID_TOKEN);
    }
    arrival.before_retry = original;
  }
  switch (admission_.judge(packet.path.remote.ip, arrival.before_retry.has_value(), connections.size())) {
    case Admission::Verdict::Retry: return send_retry(packet, arrival.head);
    case Admission::Verdict::Refuse:
      ++counters.refused;
      return send_refusal(packet, arrival.head, NGTCP2_CONNECTION_REFUSED);
    case Admission::Verdict::Accept: return admit(packet, arrival);
  }
}

void Endpoint::Impl::admit(const Packet& packet, const Connection::Arrival& arrival) {
  const auto id = next_id();
  auto made = Connection::accept(shared, id, arrival);
  if (!made) {
    ++counters.dropped_packets;
    return;
  }
  auto& connection = **made;
  connections.emplace(id, std::move(*made));
  admission_.started(packet.path.remote.ip);
  connection.read(packet.path, packet.ecn, packet.bytes);
  if (connection.wants_retry()) send_retry(packet, arrival.head);
}

void Endpoint::Impl::send_version_negotiation(const Packet& packet, const ngtcp2_version_cid& head) {
  // Shorter ones could be used to send more to a third party than we were sent: RFC 9000 6.1.
  if (!accepting || packet.bytes.size() < NGTCP2_MAX_UDP_PAYLOAD_SIZE) return;
  constexpr std::array<std::uint32_t, 1> versions{NGTCP2_PROTO_VER_V1};
  auto* out = shared.batch.space();
  const auto n =
      ngtcp2_pkt_write_version_negotiation(out, kMaxPacket, net::random_array<1>()[0], head.scid, head.scidlen,
                                           head.dcid, head.dcidlen, versions.data(), versions.size());
  if (n <= 0) return;
  ++counters.versions_sent;
  shared.batch.commit(static_cast<std::size_t>(n), packet.path, 0);
}

void Endpoint::Impl::send_retry(const Packet& packet, const ngtcp2_pkt_hd& head) {
  const NgPath ng{packet.path};
  const auto& key = shared.config.token_key;
  const auto scid = make_cid(shared.config.worker);
  std::array<std::uint8_t, NGTCP2_CRYPTO_MAX_RETRY_TOKENLEN2> token;
  const auto size =
      ngtcp2_crypto_generate_retry_token2(token.data(), key.view().data(), key.size(), head.version, ng.remote().addr,
                                          ng.remote().addrlen, &scid, &head.dcid, stamp(shared.now));
  if (size < 0) return;
  auto* out = shared.batch.space();
  const auto n = ngtcp2_crypto_write_retry(out, kMaxPacket, head.version, &head.scid, &scid, &head.dcid, token.data(),
                                           static_cast<std::size_t>(size));
  if (n <= 0) return;
  ++counters.retries_sent;
  shared.batch.commit(static_cast<std::size_t>(n), packet.path, 0);
}

void Endpoint::Impl::send_refusal(const Packet& packet, const ngtcp2_pkt_hd& head, std::uint64_t code) {
  auto* out = shared.batch.space();
  const auto n =
      ngtcp2_crypto_write_connection_close(out, kMaxPacket, head.version, &head.scid, &head.dcid, code, nullptr, 0);
  if (n > 0) shared.batch.commit(static_cast<std::size_t>(n), packet.path, 0);
}

void Endpoint::Impl::send_stateless_reset(const Packet& packet, ByteView dcid) {
  if (!accepting || packet.bytes.size() < kMinResetTrigger || !resets_.allow(shared.now)) return;
  ngtcp2_cid cid;
  ngtcp2_cid_init(&cid, dcid.data(), dcid.size());
  const auto& key = shared.config.reset_key;
  std::array<std::uint8_t, NGTCP2_STATELESS_RESET_TOKENLEN> token;
  if (ngtcp2_crypto_generate_stateless_reset_token(token.data(), key.view().data(), key.size(), &cid) != 0) return;
  // Shorter than what it answers, so that two endpoints cannot answer each other for ever.
  const auto noise = net::random_array<kMaxResetSize>();
  const auto size = std::min(packet.bytes.size() - 1, kMaxResetSize);
  auto* out = shared.batch.space();
  const auto n = ngtcp2_pkt_write_stateless_reset(out, kMaxPacket, token.data(), noise.data(),
                                                  size - NGTCP2_STATELESS_RESET_TOKENLEN);
  if (n <= 0) return;
  ++counters.resets_sent;
  shared.batch.commit(static_cast<std::size_t>(n), packet.path, 0);
}

}  // namespace wzp::quic
