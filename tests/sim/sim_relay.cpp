#include "sim/sim_relay.hpp"

#include <algorithm>

#include "wzp/base/overloaded.hpp"
#include "wzp/crypto/registration.hpp"

namespace wzp::sim {
namespace {

// As in apps/relay/worker.cpp.
constexpr Duration kSweepInterval = std::chrono::milliseconds{500};
/// Of every path of the simulation.
constexpr std::size_t kMaxDatagram = 1200;
constexpr std::uint64_t kLimit = 0x16;
constexpr std::uint64_t kBadName = 0x1a;

}  // namespace

SimRelay::Run::Run(SimRelay& relay, Random random)
    : core{relay.setup_.core},
      endpoint{relay.queue_,
               relay.net_,
               relay.setup_.host,
               random,
               {.owner = relay.setup_.owner,
                .port = relay.setup_.port,
                .certificate = relay.setup_.core.fingerprint,
                .reset_key = relay.setup_.reset_key},
               relay},
      alarm{relay.queue_, [&relay] { relay.perform(relay.run_->core.tick(relay.queue_.now())); }},
      sweep{relay.queue_, [&relay] { relay.sweep(); }},
      stalls{relay.queue_, [&relay] { relay.tick_signals(); }},
      media{{.relay = proto::SourceId::of(relay.setup_.core.fingerprint, 0).relay, .key = random.fork().bytes<32>()}},
      batcher{[](ConnectionId) { return kMaxDatagram; }},
      trunks{relay.queue_, [&relay] { relay.send_trunks(); }} {}

SimRelay::SimRelay(SimQueue& queue, SimNet& net, Witness& witness, Random random, Setup setup)
    : queue_{queue}, net_{net}, witness_{witness}, random_{random}, setup_{std::move(setup)} {}

void SimRelay::start() {
  setup_.core.random_seed = random_.next();  // no two lives number their signals alike
  run_ = std::make_unique<Run>(*this, random_.fork());
  run_->sweep.set(queue_.now() + kSweepInterval);
  perform(run_->core.start(queue_.now()));
}

void SimRelay::shut_down() { tell(relay::Shutdown{}); }

// --- packets in

void SimRelay::on_connected(ConnectionId id, const quic::ConnectionInfo& info) {
  const auto name = proto::canonical_server_name(info.server_name);
  if (!name) return run_->endpoint.close(id, kBadName, "bad name");
  relay::Opened opened{.conn = id,
                       .cls = proto::connection_class(*name),
                       .server_name = *name,
                       .inbound = info.inbound,
                       .dialled_peer = {},
                       .remote = info.remote,
                       .local = info.local,
                       .peer_certificate = info.peer_certificate,
                       .register_exporter = run_->endpoint.exporter(id, crypto::kRegisterExporterLabel),
                       .room_exporter = run_->endpoint.exporter(id, crypto::kRoomExporterLabel)};
  if (const auto dialling = run_->dialling.extract(id)) opened.dialled_peer = dialling.mapped();
  run_->connections.emplace(id, Connection{opened.cls, *name});
  run_->signals.open(opened, queue_.now());
  tell(opened);
}

void SimRelay::on_closed(ConnectionId id, const quic::CloseInfo& info) {
  if (const auto dialling = run_->dialling.extract(id)) {
    return tell(relay::DialFailed{dialling.mapped(), "no connection"});
  }
  if (run_->connections.erase(id) == 0) return;
  run_->signals.close(id);
  run_->media.forget(id);
  run_->batcher.forget(id);
  relay::Lost lost{.conn = id, .close_code = {}};
  if (info.kind == quic::CloseKind::Application && info.by_peer) lost.close_code = info.code;
  tell(lost);
}

void SimRelay::on_stream(ConnectionId id, quic::StreamId stream, ByteView data, bool fin) {
  perform(run_->signals.received(id, proto::StreamId{stream}, data, fin, queue_.now()));
}

void SimRelay::on_stream_reset(ConnectionId id, quic::StreamId stream) {
  perform(run_->signals.reset(id, proto::StreamId{stream}, queue_.now()));
}

void SimRelay::on_message_acked(ConnectionId id, quic::StreamId stream) {
  perform(run_->signals.acknowledged(id, stream, queue_.now()));
}

void SimRelay::on_datagram(ConnectionId id, ByteView datagram) {
  if (!run_->connections.contains(id)) return;
  std::vector<relay::Delivery> deliveries;
  run_->media.handle(id, datagram, queue_.now(), deliveries);
  send(deliveries);
}

void SimRelay::on_path_changed(ConnectionId id, const SocketAddress& remote) {
  if (run_->connections.contains(id)) tell(relay::Moved{id, remote});
}

void SimRelay::sweep() {
  const auto now = queue_.now();
  run_->sweep.set(now + kSweepInterval);
  run_->media.tick(now);
  std::vector<relay::Reported> reports;
  run_->media.take_reports(now, reports);
  for (const auto& report : reports) tell(report);
}

void SimRelay::tick_signals() {
  perform(run_->signals.tick(queue_.now()));
}

void SimRelay::perform(const relay::ChannelActions& actions) {
  for (const auto& action : actions) {
    std::visit(overloaded{
                   [&](const relay::ToCore& a) { tell(a.event); },
                   [&](const relay::WriteFrame& a) {
                     const auto stream = run_->endpoint.send_message(a.conn, a.frame);
                     if (stream) return run_->signals.wrote(a, *stream, queue_.now());
                     if (stream.error().code == Errc::LimitReached) run_->endpoint.close(a.conn, kLimit, "limit");
                   },
                   [&](const relay::StopStream& a) { run_->endpoint.stop_stream(a.conn, a.stream.value); },
                   [&](const relay::GiveUp& a) { run_->endpoint.close(a.conn, a.code, a.reason); },
               },
               action);
  }
  run_->stalls.set(run_->signals.deadline());
}

// --- the core

void SimRelay::tell(const relay::Event& event) { perform(run_->core.handle(event, queue_.now())); }

void SimRelay::perform(const relay::Actions& actions) {
  for (const auto& action : actions) {
    witness_.does(*this, action);
    std::visit(overloaded{
                   [&](const relay::Send& a) { perform(run_->signals.send(a.conn, a.message)); },
                   [&](const relay::Check& a) { perform(run_->signals.check(a.conn, queue_.now())); },
                   [&](const relay::SendVersion& a) { (void)run_->endpoint.send_message(a.conn, bytes_of(a.text)); },
                   [&](const relay::Close& a) { run_->endpoint.close_when_sent(a.conn, a.code, a.reason); },
                   [&](const relay::Dial& a) { dial(a.peer); },
                   [&](const relay::SetRoom& a) {
                     std::vector<relay::Delivery> deliveries;
                     run_->media.set_room(std::make_shared<const relay::RoomTable>(a.table), queue_.now(), deliveries);
                     send(deliveries);
                   },
                   [&](const relay::DropRoom& a) { run_->media.drop_room(a.tag); },
                   [&](const relay::SetLink& a) { run_->media.set_link(a.link); },
                   [](const LogLine&) {},
               },
               action);
  }
  run_->alarm.set(run_->core.deadline());
  witness_.settled(*this);
}

void SimRelay::dial(std::size_t peer) {
  const auto id = run_->endpoint.dial({.remote = setup_.peer_addresses.at(peer),
                                       .server_name = "_federation",
                                       .certificate = setup_.core.fingerprint,
                                       .pinned = setup_.core.peers.at(peer).fingerprint});
  run_->dialling.emplace(id, peer);
}

// --- media, as in apps/relay/worker.cpp

void SimRelay::send(const std::vector<relay::Delivery>& deliveries) {
  for (const auto& delivery : deliveries) {
    witness_.forwards(*this, delivery.from, delivery.to);
    if (!run_->connections.contains(delivery.to)) continue;
    if (!delivery.trunk) {
      send(delivery.to, delivery.head_bytes(), delivery.packet);
      continue;
    }
    std::vector<relay::TrunkDatagram> frames;
    run_->batcher.add(delivery.to, delivery.head_bytes(), delivery.packet, delivery.may_wait, queue_.now(), frames);
    send(frames);
  }
  run_->trunks.set(run_->batcher.deadline());
}

void SimRelay::send(const std::vector<relay::TrunkDatagram>& frames) {
  for (const auto& frame : frames) send(frame.to, frame.head, frame.body);
}

void SimRelay::send(ConnectionId to, ByteView head, ByteView body) {
  Bytes datagram{head.begin(), head.end()};
  append(datagram, body);
  (void)run_->endpoint.send_datagram(to, datagram);
}

void SimRelay::send_trunks() {
  std::vector<relay::TrunkDatagram> frames;
  run_->batcher.tick(queue_.now(), frames);
  send(frames);
  run_->trunks.set(run_->batcher.deadline());
}

}  // namespace wzp::sim
