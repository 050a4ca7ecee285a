#include "relay/worker.hpp"

#include <utility>
#include <variant>

#include <fmt/format.h>

#include "wzp/base/overloaded.hpp"
#include "wzp/crypto/registration.hpp"
#include "wzp/proto/server_name.hpp"
#include "wzp/proto/signal_json.hpp"

namespace wzp::relay_app {
namespace {

// How often the packet path is looked at. Source: relay::PacketSwitch::tick.
constexpr Duration kSweepInterval = std::chrono::milliseconds{500};
// Receivers in one mail, so that the bound of a mailbox is one in bytes too. Source: our choice.
constexpr std::size_t kMostPerForward = 64;
// Application close codes. Source: crypto.md 12.
constexpr std::uint64_t kLimit = 0x16;
constexpr std::uint64_t kBadName = 0x1a;

}  // namespace

RelayWorker::RelayWorker(const relay::PacketSwitch::Config& media, net::Loop& loop, WorkerPorts ports)
    : loop_{loop},
      ports_{std::move(ports)},
      switch_{media},
      batcher_{[this](ConnectionId conn) { return on_carrier(conn, [&](const auto& c) { return c.max_datagram_size(conn); }); }} {}

Result<std::unique_ptr<RelayWorker>> RelayWorker::open(quic::EndpointConfig config, const relay::PacketSwitch::Config& media,
                                                       net::Loop& loop, WorkerPorts ports) {
  std::unique_ptr<RelayWorker> worker{new RelayWorker{media, loop, std::move(ports)}};
  worker->number_ = config.worker;
  auto endpoint = quic::Endpoint::open(std::move(config), *worker);
  if (!endpoint) return endpoint.failure();
  worker->endpoint_ = std::move(*endpoint);
  worker->attachment_.emplace(loop, *worker->endpoint_);
  auto* self = worker.get();
  worker->ticker_ = loop.add({.deadline = [self] { return earliest(self->signals_.deadline(), self->next_sweep_); },
                              .tick = [self](Instant now) { self->tick(now); },
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
  say_drops();
  if (ticker_) loop_.remove(*ticker_);
  if (trunks_) loop_.remove(*trunks_);
}

Result<SocketAddress> RelayWorker::serve_web(const ws::ServerConfig& config, const RelayFingerprint& relay) {
  auto web = WebSeats::open(config, relay, loop_, *this);
  if (!web) return web.failure();
  web_ = std::move(*web);
  return web_->local();
}

void RelayWorker::take(WorkerMail mail) {
  std::visit(overloaded{
                 [&](const SendSignal& m) { perform(signals_.send(m.conn, m.message)); },
                 [&](const CheckClient& m) { perform(signals_.check(m.conn, loop_.now())); },
                 [&](const SendText& m) {
                   if (!endpoint_->send_uni(m.conn, bytes_of(m.text))) endpoint_->close(m.conn, kLimit, "limit");
                 },
                 [&](const CloseConnection& m) {
                   on_carrier(m.conn, [&](auto& carrier) { carrier.close_when_sent(m.conn, m.code, m.reason, loop_.now()); });
                 },
                 [&](NewTable& m) {
                   switch_.set_room(std::move(m.table), loop_.now(), deliveries_);
                   send_deliveries();
                 },
                 [&](const DropTable& m) { switch_.drop_room(m.tag); },
                 [&](const NewLink& m) { switch_.set_link(m.link); },
                 [&](const DropLink& m) { switch_.forget(m.conn); },
                 [&](const HandOver& m) {
                   switch_.take_over(m.from, m.datagram, loop_.now(), deliveries_);
                   send_deliveries();
                 },
                 [&](const Forward& m) {
                   for (const auto& delivery : m.to) send(delivery, m.packet);
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
  if (!name) return close(id, kBadName, "bad name");
  const auto exporter = [&](std::string_view label) {
    return on_carrier(id, [&](const auto& carrier) { return carrier.exporter(id, label); }).value();
  };
  relay::Opened opened{.conn = id,
                       .cls = proto::connection_class(*name),
                       .server_name = *name,
                       .inbound = info.inbound,
                       .dialled_peer = {},
                       .remote = info.remote,
                       .local = info.local,
                       .peer_certificate = info.peer_certificate,
                       .register_exporter = exporter(crypto::kRegisterExporterLabel),
                       .room_exporter = exporter(crypto::kRoomExporterLabel)};
  if (const auto dialling = dialling_.extract(id)) opened.dialled_peer = dialling.mapped().peer;
  signals_.open(opened, loop_.now());
  if (!next_sweep_) next_sweep_ = loop_.now() + kSweepInterval;
  tell(id, std::move(opened));
}

void RelayWorker::on_closed(ConnectionId id, const quic::CloseInfo& info) {
  if (auto dialling = dialling_.extract(id)) {
    return dialling.mapped().failed(fmt::format("{} (0x{:x}) {}", quic::name(info.kind), info.code, printable(info.reason)));
  }
  if (!signals_.close(id)) return;
  switch_.forget(id);
  batcher_.forget(id);
  relay::Lost lost{.conn = id, .close_code = {}};
  if (info.kind == quic::CloseKind::Application && info.by_peer) lost.close_code = info.code;
  unsaid_.emplace_back(lost);
  while (!unsaid_.empty() && ports_.to_core(unsaid_.front())) unsaid_.pop_front();
}

void RelayWorker::on_stream(ConnectionId id, quic::StreamId stream, ByteView data, bool fin) {
  perform(signals_.received(id, proto::StreamId{stream}, data, fin, loop_.now()));
}

void RelayWorker::on_stream_reset(ConnectionId id, quic::StreamId stream) {
  perform(signals_.reset(id, proto::StreamId{stream}, loop_.now()));
}

void RelayWorker::on_message_acked(ConnectionId id, quic::StreamId stream) {
  perform(signals_.acknowledged(id, stream, loop_.now()));
}

void RelayWorker::on_message_refused(ConnectionId id, quic::StreamId stream) { on_message_acked(id, stream); }

void RelayWorker::on_datagram(ConnectionId id, ByteView datagram) {
  if (!signals_.contains(id)) return;
  switch_.handle(id, datagram, loop_.now(), deliveries_);
  send_deliveries();
  for (const auto& one : switch_.handovers()) {
    ports_.to_worker(one.worker, HandOver{one.from, Bytes{one.datagram.begin(), one.datagram.end()}});
  }
}

void RelayWorker::on_path_changed(ConnectionId id, const SocketAddress& remote) {
  if (signals_.contains(id)) tell(id, relay::Moved{id, remote});
}

void RelayWorker::on_foreign_packet(quic::ForeignPacket&& packet) {
  const auto worker = packet.worker;
  ports_.to_worker(worker, std::move(packet));
}

// --- media out

// A receiver whose queue or path cannot take the packet loses it alone; its carrier counts that.
void RelayWorker::send_datagram(ConnectionId to, ByteView head, ByteView packet) {
  on_carrier(to, [&](auto& carrier) { (void)carrier.send_datagram(to, head, packet, loop_.now()); });
}

void RelayWorker::send_deliveries() {
  for (std::size_t i = 0; i < deliveries_.size(); ++i) {
    const auto& delivery = deliveries_[i];
    if (const auto worker = delivery.to.worker(); worker == number_) {
      send(delivery, delivery.packet);
    } else {
      if (forwards_.size() <= worker) forwards_.resize(worker + std::size_t{1});
      forwards_[worker].push_back(delivery);
      forwards_[worker].back().packet = {};
      if (forwards_[worker].size() == kMostPerForward) forward(worker, delivery.packet);
    }
    // The deliveries of one packet follow each other.
    const bool is_last = i + 1 == deliveries_.size() || deliveries_[i + 1].packet.data() != delivery.packet.data();
    for (std::size_t other = 0; is_last && other < forwards_.size(); ++other) {
      if (!forwards_[other].empty()) forward(static_cast<std::uint16_t>(other), delivery.packet);
    }
  }
  deliveries_.clear();
}

void RelayWorker::forward(std::uint16_t worker, ByteView packet) {
  ports_.to_worker(worker, Forward{std::exchange(forwards_[worker], {}), Bytes{packet.begin(), packet.end()}});
}

void RelayWorker::send(const relay::Delivery& delivery, ByteView packet) {
  if (delivery.trunk) return send_trunk(delivery.to, delivery.head_bytes(), packet, delivery.may_wait);
  send_datagram(delivery.to, delivery.head_bytes(), packet);
}

void RelayWorker::send_trunk(ConnectionId to, ByteView head, ByteView packet, bool may_wait) {
  if (!signals_.contains(to)) return;
  batcher_.add(to, head, packet, may_wait, loop_.now(), frames_);
  send_frames();
}

void RelayWorker::send_frames() {
  for (const auto& frame : frames_) send_datagram(frame.to, frame.head, frame.body);
  frames_.clear();
}

void RelayWorker::tick(Instant now) {
  perform(signals_.tick(now));
  if (!next_sweep_ || *next_sweep_ > now) return;
  next_sweep_.reset();
  if (!signals_.empty() || !unsaid_.empty()) next_sweep_ = now + kSweepInterval;
  while (!unsaid_.empty() && ports_.to_core(unsaid_.front())) unsaid_.pop_front();
  switch_.tick(now);
  std::vector<relay::Reported> reports;
  switch_.take_reports(now, reports);
  for (const auto& report : reports) (void)ports_.to_core(report);  // the next one is half a second away
  std::vector<LogLine> lines;
  switch_.take_log(now, lines);
  for (const auto& line : lines) ports_.log(line);
  if (now < drops_due_) return;
  drops_due_ = now + DropLog::kInterval;
  say_drops();
}

void RelayWorker::say_drops() {
  DropLog::Counts counts;
  for (std::size_t i = 0; i < relay::kMediaDropReasons; ++i) {
    const auto reason = static_cast<relay::MediaDrop>(i);
    counts.emplace(relay::name(reason), switch_.drops()[reason]);
  }
  if (const auto line = drops_.line(counts)) ports_.log(*line);
}

// --- signals

void RelayWorker::perform(relay::ChannelActions actions) {
  for (auto& action : actions) {
    std::visit(overloaded{
                   [&](relay::ToCore& a) { tell(a.conn, std::move(a.event)); },
                   [&](const relay::WriteFrame& a) { write(a); },
                   [&](const relay::StopStream& a) {
                     on_carrier(a.conn, [&](auto& carrier) { carrier.stop_stream(a.conn, a.stream.value); });
                   },
                   [&](const relay::GiveUp& a) { close(a.conn, a.code, a.reason); },
               },
               action);
  }
}

void RelayWorker::write(const relay::WriteFrame& frame) {
  const auto stream = on_carrier(frame.conn, [&](auto& carrier) { return carrier.send_message(frame.conn, frame.frame); });
  if (stream) return signals_.wrote(frame, *stream, loop_.now());
  // Otherwise it is closing: `on_closed` follows.
  if (stream.error().code == Errc::LimitReached) close(frame.conn, kLimit, "limit");
}

void RelayWorker::close(ConnectionId id, std::uint64_t code, std::string_view reason) {
  on_carrier(id, [&](auto& carrier) { carrier.close(id, code, reason); });
}

void RelayWorker::tell(ConnectionId id, relay::Event event) {
  if (!ports_.to_core(std::move(event))) close(id, kLimit, "limit");
}

}  // namespace wzp::relay_app
