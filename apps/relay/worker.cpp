#include "relay/worker.hpp"

#include <variant>

#include <fmt/format.h>

#include "wzp/base/overloaded.hpp"
#include "wzp/crypto/registration.hpp"
#include "wzp/proto/server_name.hpp"
#include "wzp/proto/signal_json.hpp"

namespace wzp::relay_app {
namespace {

// Source: relay.md 5.5, signal messages of clients.
constexpr std::size_t kMaxClientMessage = 64 * 1024;
// Source: relay.md 6, 10 s without progress close that client.
constexpr Duration kMaxStall = std::chrono::seconds{10};
// How often streams and stalls are looked at. Source: our choice, a tenth of the shortest limit.
constexpr Duration kSweepInterval = std::chrono::milliseconds{500};
// Application close codes. Source: crypto.md 12.
constexpr std::uint64_t kLimit = 0x16;
constexpr std::uint64_t kBadName = 0x1a;

proto::SignalInbox::Config inbox_config(proto::ConnectionClass cls, bool inbound) {
  const bool relay = cls == proto::ConnectionClass::Federation || cls == proto::ConnectionClass::Probe;
  return {.max_message = relay ? proto::kMaxSignalBytes : kMaxClientMessage,
          .first_stream = proto::StreamId{inbound ? 0U : 1U}};
}

}  // namespace

RelayWorker::RelayWorker(const relay::PacketSwitch::Config& media, net::Loop& loop, WorkerPorts ports)
    : loop_{loop},
      ports_{std::move(ports)},
      switch_{media},
      batcher_{[this](ConnectionId conn) { return endpoint_->max_datagram_size(conn); }} {}

Result<std::unique_ptr<RelayWorker>> RelayWorker::open(quic::EndpointConfig config, const relay::PacketSwitch::Config& media,
                                                       net::Loop& loop, WorkerPorts ports) {
  std::unique_ptr<RelayWorker> worker{new RelayWorker{media, loop, std::move(ports)}};
  worker->number_ = config.worker;
  auto endpoint = quic::Endpoint::open(std::move(config), *worker);
  if (!endpoint) return endpoint.failure();
  worker->endpoint_ = std::move(*endpoint);
  worker->attachment_.emplace(loop, *worker->endpoint_);
  auto* self = worker.get();
  worker->sweeper_ = loop.add({.deadline = [self] { return self->next_sweep_; },
                               .tick = [self](Instant now) { self->sweep(now); },
                               .finish = {}});
  worker->trunks_ = loop.add({.deadline = [self] { return self->batcher_.deadline(); },
                              .tick =
                                  [self](Instant now) {
                                    self->batcher_.tick(now, self->frames_);
                                    self->send_frames();
                                  },
                              .finish = {}});
  return worker;
}

RelayWorker::~RelayWorker() {
  if (sweeper_) loop_.remove(*sweeper_);
  if (trunks_) loop_.remove(*trunks_);
}

void RelayWorker::take(WorkerMail mail) {
  std::visit(overloaded{
                 [&](const SendSignal& m) { send_signal(m); },
                 [&](const SendText& m) {
                   if (!endpoint_->send_uni(m.conn, bytes_of(m.text))) endpoint_->close(m.conn, kLimit, "limit");
                 },
                 [&](const CloseConnection& m) { endpoint_->close_when_sent(m.conn, m.code, m.reason, loop_.now()); },
                 [&](NewTable& m) {
                   switch_.set_room(std::move(m.table), loop_.now(), deliveries_);
                   send_deliveries();
                 },
                 [&](const DropTable& m) { switch_.drop_room(m.tag); },
                 [&](const NewLink& m) { switch_.set_link(m.link); },
                 [&](const DropLink& m) { switch_.forget(m.conn); },
                 [&](const Forward& m) {
                   const auto head = ByteView{m.datagram}.first(m.head_size);
                   const auto packet = ByteView{m.datagram}.subspan(m.head_size);
                   switch_.passed_on(m.conn, head, packet, loop_.now());
                   if (m.trunk) return send_trunk(m.conn, head, packet);
                   // A receiver whose path cannot take the packet loses it; the endpoint counts that.
                   (void)endpoint_->send_datagram(m.conn, m.datagram, loop_.now());
                 },
                 [&](const quic::ForeignPacket& m) { endpoint_->inject(m, loop_.now()); },
             },
             mail);
}

void RelayWorker::dial(std::size_t peer, const quic::DialOptions& options, std::function<void(std::string)> failed) {
  const auto id = endpoint_->dial(options, loop_.now());
  if (!id) return failed(to_string(id.error()));
  dialling_.emplace(*id, Dialling{peer, std::move(failed)});
}

void RelayWorker::close_all(std::uint64_t code, const std::string& reason) { endpoint_->close_all(code, reason); }

// --- what the endpoint reports

void RelayWorker::on_connected(ConnectionId id, const quic::ConnectionInfo& info) {
  const auto name = proto::canonical_server_name(info.server_name);
  if (!name) return endpoint_->close(id, kBadName, "bad name");
  relay::Opened opened{.conn = id,
                       .cls = proto::connection_class(*name),
                       .server_name = *name,
                       .inbound = info.inbound,
                       .dialled_peer = {},
                       .remote = info.remote,
                       .local = info.local,
                       .peer_certificate = info.peer_certificate,
                       .register_exporter = endpoint_->exporter(id, crypto::kRegisterExporterLabel).value(),
                       .room_exporter = endpoint_->exporter(id, crypto::kRoomExporterLabel).value()};
  if (const auto dialling = dialling_.extract(id)) opened.dialled_peer = dialling.mapped().peer;
  connections_.emplace(id, Connection{.inbox = proto::SignalInbox{inbox_config(opened.cls, info.inbound)},
                                      .cls = opened.cls,
                                      .unacked = 0,
                                      .progress = loop_.now(),
                                      .update = {},
                                      .next_update = {}});
  if (!next_sweep_) next_sweep_ = loop_.now() + kSweepInterval;
  tell(id, std::move(opened));
}

void RelayWorker::on_closed(ConnectionId id, const quic::CloseInfo& info) {
  if (auto dialling = dialling_.extract(id)) {
    return dialling.mapped().failed(fmt::format("{} (0x{:x}) {}", quic::name(info.kind), info.code, printable(info.reason)));
  }
  const auto gone = connections_.extract(id);
  if (!gone) return;
  switch_.forget(id);
  batcher_.forget(id);
  relay::Lost lost{.conn = id, .close_code = {}};
  if (info.kind == quic::CloseKind::Application && info.by_peer) lost.close_code = info.code;
  unsaid_.emplace_back(lost);
  while (!unsaid_.empty() && ports_.to_core(unsaid_.front())) unsaid_.pop_front();
}

void RelayWorker::on_stream(ConnectionId id, quic::StreamId stream, ByteView data, bool fin) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  deliver(id, found->second.inbox.receive(proto::StreamId{stream}, data, fin, loop_.now()));
}

void RelayWorker::on_stream_reset(ConnectionId id, quic::StreamId stream) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  deliver(id, found->second.inbox.reset(proto::StreamId{stream}, loop_.now()));
}

void RelayWorker::on_datagram(ConnectionId id, ByteView datagram) {
  if (!connections_.contains(id)) return;
  switch_.handle(id, datagram, loop_.now(), deliveries_);
  send_deliveries();
}

void RelayWorker::on_message_acked(ConnectionId id, quic::StreamId stream) { message_done(id, stream); }
void RelayWorker::on_message_refused(ConnectionId id, quic::StreamId stream) { message_done(id, stream); }

void RelayWorker::on_path_changed(ConnectionId id, const SocketAddress& remote) {
  if (connections_.contains(id)) tell(id, relay::Moved{id, remote});
}

void RelayWorker::on_foreign_packet(quic::ForeignPacket&& packet) {
  const auto worker = packet.worker;
  ports_.to_worker(worker, std::move(packet));
}

// --- media out

void RelayWorker::send_deliveries() {
  const auto now = loop_.now();
  const auto here = number_;
  for (const auto& delivery : deliveries_) {
    const auto head = delivery.head_bytes();
    if (delivery.to.worker() != here) {
      Bytes datagram;
      datagram.reserve(head.size() + delivery.packet.size());
      append(datagram, head);
      append(datagram, delivery.packet);
      ports_.to_worker(delivery.to.worker(),
                       Forward{delivery.to, std::move(datagram), static_cast<std::uint8_t>(head.size()), delivery.trunk});
    } else if (delivery.trunk) {
      send_trunk(delivery.to, head, delivery.packet);
    } else {
      // A full queue or path loses the packet for this receiver alone, and is counted there.
      (void)endpoint_->send_datagram(delivery.to, head, delivery.packet, now);
    }
  }
  deliveries_.clear();
}

void RelayWorker::send_trunk(ConnectionId to, ByteView head, ByteView packet) {
  if (!connections_.contains(to)) return;
  batcher_.add(to, head, packet, loop_.now(), frames_);
  send_frames();
}

void RelayWorker::send_frames() {
  for (const auto& frame : frames_) (void)endpoint_->send_datagram(frame.to, frame.head, frame.body, loop_.now());
  frames_.clear();
}

void RelayWorker::sweep_media(Instant now) {
  switch_.tick(now);
  std::vector<relay::Reported> reports;
  switch_.take_reports(now, reports);
  for (const auto& report : reports) (void)ports_.to_core(report);  // the next one is half a second away
  std::vector<LogLine> lines;
  switch_.take_log(now, lines);
  for (const auto& line : lines) ports_.log(line);
}

// --- signals out

void RelayWorker::send_signal(const SendSignal& mail) {
  const auto found = connections_.find(mail.conn);
  if (found == connections_.end()) return;
  auto& connection = found->second;
  auto frame = proto::encode_frame(proto::encode(mail.message));
  const bool is_update = std::holds_alternative<proto::RoomUpdate>(mail.message);
  if (is_update && connection.update) {
    connection.next_update = std::move(frame);
  } else {
    send_frame(mail.conn, connection, std::move(frame), is_update);
  }
}

void RelayWorker::send_frame(ConnectionId id, Connection& connection, Bytes frame, bool is_update) {
  const auto stream = endpoint_->send_message(id, frame);
  if (!stream) {
    if (stream.error().code == Errc::LimitReached) endpoint_->close(id, kLimit, "limit");
    return;  // otherwise it is closing: `on_closed` follows
  }
  if (connection.unacked++ == 0) connection.progress = loop_.now();
  if (is_update) connection.update = *stream;
}

void RelayWorker::message_done(ConnectionId id, quic::StreamId stream) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  auto& connection = found->second;
  if (connection.unacked > 0) --connection.unacked;
  connection.progress = loop_.now();
  if (connection.update != stream) return;
  connection.update.reset();
  if (auto next = std::exchange(connection.next_update, std::nullopt)) send_frame(id, connection, std::move(*next), true);
}

// --- signals in

void RelayWorker::deliver(ConnectionId id, const proto::InboxEvents& events) {
  for (const auto& event : events) {
    std::visit(overloaded{
                   [&](const proto::InboxMessage& m) {
                     auto message = proto::decode(m.json);
                     if (message) {
                       tell(id, relay::Received{id, std::move(*message)});
                     } else {
                       tell(id, relay::BadMessage{id, message.error()});
                     }
                   },
                   [&](const proto::StopStream& s) { endpoint_->stop_stream(id, s.stream.value); },
                   [&](const proto::BadStream& b) { tell(id, relay::BadMessage{id, b.error}); },
               },
               event);
  }
}

void RelayWorker::tell(ConnectionId id, relay::Event event) {
  if (!ports_.to_core(std::move(event))) endpoint_->close(id, kLimit, "limit");
}

void RelayWorker::sweep(Instant now) {
  next_sweep_.reset();
  if (!connections_.empty() || !unsaid_.empty()) next_sweep_ = now + kSweepInterval;
  while (!unsaid_.empty() && ports_.to_core(unsaid_.front())) unsaid_.pop_front();
  sweep_media(now);
  std::vector<ConnectionId> due;
  for (auto& [id, connection] : connections_) {
    if (connection.unacked > 0 && now - connection.progress > kMaxStall) endpoint_->close(id, kLimit, "limit");
    if (const auto deadline = connection.inbox.deadline(); deadline && *deadline <= now) due.push_back(id);
  }
  for (const auto id : due) {
    if (const auto found = connections_.find(id); found != connections_.end()) deliver(id, found->second.inbox.tick(now));
  }
}

}  // namespace wzp::relay_app
