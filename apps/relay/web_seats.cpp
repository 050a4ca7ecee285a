#include "relay/web_seats.hpp"

#include <fmt/format.h>

#include "wzp/base/hex.hpp"
#include "wzp/crypto/registration.hpp"
#include "wzp/net/random.hpp"
#include "wzp/proto/frame.hpp"
#include "wzp/proto/server_name.hpp"

namespace wzp::relay_app {
namespace {

constexpr std::string_view kPrefix = "/ws/";
/// The length before the JSON of a signal (proto::encode_frame): the framing of WebSockets needs none.
constexpr std::size_t kLengthBytes = 4;
/// The longest trunk frame. Source: our choice, that of a usual QUIC path.
constexpr std::size_t kMaxDatagram = 1'200;
/// Application close codes begin here among those of WebSockets. Source: RFC 6455 7.4.2, private use.
constexpr std::uint16_t kFirstPrivateCode = 4'000;
constexpr std::uint16_t kLastPrivateCode = 4'999;
/// Streams that a client opens are numbered so. Source: RFC 9000 2.1.
constexpr quic::StreamId kStreamStep = 4;

std::uint16_t to_web(std::uint64_t code) {
  if (code == 0) return ws::kCloseNormal;
  return code <= kLastPrivateCode - kFirstPrivateCode ? static_cast<std::uint16_t>(kFirstPrivateCode + code) : ws::kClosePolicy;
}

quic::CloseInfo from_web(const ws::CloseInfo& info) {
  const bool is_ours = info.code >= kFirstPrivateCode && info.code <= kLastPrivateCode;
  quic::CloseInfo out{.kind = info.by_peer ? quic::CloseKind::Transport : quic::CloseKind::Local, .by_peer = info.by_peer,
                      .code = info.code, .reason = info.reason};
  if (!info.by_peer || !(is_ours || info.code == ws::kCloseNormal)) return out;
  out.kind = quic::CloseKind::Application;
  out.code = is_ours ? info.code - kFirstPrivateCode : 0U;
  return out;
}

}  // namespace

Result<std::unique_ptr<WebSeats>> WebSeats::open(const ws::ServerConfig& config, const RelayFingerprint& relay, net::Loop& loop,
                                                 quic::Handler& worker) {
  std::unique_ptr<WebSeats> seats{new WebSeats{relay, worker}};
  auto server = ws::Server::open(config, loop, *seats);
  if (!server) return server.failure();
  seats->server_ = std::move(*server);
  return seats;
}

// --- what the clients do

ws::Answer WebSeats::on_request(const ws::Request& request) {
  std::string_view room = request.path;
  if (!room.starts_with(kPrefix)) return {404, "only /ws/ROOM is here"};
  room.remove_prefix(kPrefix.size());
  const auto name = proto::canonical_server_name(room);
  const bool is_room = name && proto::classify(room) == proto::NameClass::Dns &&
                       proto::connection_class(*name) == proto::ConnectionClass::Room;
  return is_room ? ws::Answer{} : ws::Answer{400, "this is not the name of a room"};
}

void WebSeats::on_opened(ConnectionId id, const ws::Request& request) {
  const auto room = request.path.substr(kPrefix.size());
  const auto challenge = net::random_array<32>();
  seats_.emplace(id, Seat{crypto::websocket_exporter(challenge, room)});
  const auto hello = fmt::format(R"({{"type":"auth_ok","relay":"{}","challenge":"{}"}})", to_string(relay_), to_hex(challenge));
  (void)server_->send_text(id, hello);  // the first one always fits
  worker_.on_connected(id, {.inbound = true,
                            .server_name = room,
                            .remote = request.remote,
                            .local = request.local,
                            .peer_certificate = {}});
}

void WebSeats::on_text(ConnectionId id, std::string_view text) {
  auto& seat = seats_.at(id);
  const auto stream = seat.next_stream;
  seat.next_stream += kStreamStep;
  worker_.on_stream(id, stream, text.empty() ? Bytes{} : proto::encode_frame(text), true);
}

void WebSeats::on_closed(ConnectionId id, const ws::CloseInfo& info) {
  seats_.erase(id);
  worker_.on_closed(id, from_web(info));
}

// --- what the worker wants

Result<quic::StreamId> WebSeats::send_message(ConnectionId id, ByteView frame) {
  return server_->send_text(id, text_of(frame.subspan(kLengthBytes)));
}

Result<void> WebSeats::send_datagram(ConnectionId id, ByteView prefix, ByteView payload, Instant) {
  return server_->send_binary(id, prefix, payload);
}

void WebSeats::close(ConnectionId id, std::uint64_t code, std::string_view reason) { server_->close(id, to_web(code), reason); }

void WebSeats::close_when_sent(ConnectionId id, std::uint64_t code, std::string_view reason, Instant) {
  server_->close_when_sent(id, to_web(code), reason);
}

std::size_t WebSeats::max_datagram_size(ConnectionId id) const { return seats_.contains(id) ? kMaxDatagram : 0; }

Result<ByteArray<32>> WebSeats::exporter(ConnectionId id, std::string_view) const {
  const auto seat = seats_.find(id);
  if (seat == seats_.end()) return Unexpected{Errc::NotFound, to_string(id)};
  return seat->second.exporter;
}

}  // namespace wzp::relay_app
