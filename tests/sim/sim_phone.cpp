#include "sim/sim_phone.hpp"

#include <functional>

#include "wzp/base/overloaded.hpp"
#include "wzp/crypto/direct_proof.hpp"
#include "wzp/crypto/registration.hpp"
#include "wzp/proto/server_name.hpp"
#include "wzp/proto/signal_json.hpp"

namespace wzp::sim {
namespace {

// As in apps/client/network.cpp and phone.cpp.
constexpr Duration kRelayRtt = std::chrono::milliseconds{300};
constexpr Duration kDirectRtt = std::chrono::milliseconds{80};
constexpr Duration kSweepInterval = std::chrono::milliseconds{500};
constexpr Duration kMediaSeenInterval = std::chrono::milliseconds{100};
constexpr Duration kFrame = std::chrono::milliseconds{20};
constexpr std::uint8_t kProbe = 0xfc;
constexpr quic::DatagramTag kProbeTag = 1;
constexpr std::string_view kDirectPrefix = "call-call-";
constexpr std::uint64_t kBadName = 0x1a;
constexpr std::uint64_t kLimit = 0x16;
/// 24 kbit/s Opus.
constexpr std::size_t kSpeechBytes = 60;

}  // namespace

std::uint64_t speech_id(const CallId& call) { return std::hash<CallId>{}(call); }
std::uint64_t speech_id(const Fingerprint& who) { return load_be64(who.bytes.data()); }

SimPhone::Run::Run(SimPhone& phone, Random random)
    : core{phone.core_config()},
      endpoint{phone.queue_, phone.net_, phone.setup_.host, random,
               {.owner = phone.setup_.owner, .reset_key = random.next()}, phone},
      alarm{phone.queue_, [&phone] { phone.perform(phone.run_->core.tick(phone.queue_.now())); }},
      frames{phone.queue_, [&phone] { phone.speak(); }},
      sweep{phone.queue_, [&phone] { phone.sweep(); }} {}

SimPhone::SimPhone(SimQueue& queue, SimNet& net, Witness& witness, Random random, Setup setup)
    : queue_{queue},
      net_{net},
      witness_{witness},
      random_{random},
      setup_{std::move(setup)},
      who_{crypto::Identity{setup_.seed}.fingerprint()} {}

client::Config SimPhone::core_config() const {
  client::Config config{.identity = crypto::Identity{setup_.seed},
                        .alias = setup_.name,
                        .relay_only = setup_.relay_only,
                        .known_signers = signers_,
                        .timers = {}};
  config.direct_only = setup_.direct_only;
  return config;
}

void SimPhone::start() {
  ++incarnation_;
  run_ = std::make_unique<Run>(*this, random_.fork());
  perform(run_->core.start(queue_.now()));
}

void SimPhone::crash() { run_.reset(); }

CallId SimPhone::call(const Fingerprint& target) {
  const auto id = CallId::from_random(random_.bytes<16>());
  witness_.places(*this, id, target);
  tell(client::HostAddresses{{run_->endpoint.local()}});
  tell(client::PlaceCall{target, id, Secret<32>{random_.bytes<32>()}});
  return id;
}

void SimPhone::answer(const CallId& call, proto::CallAcceptMode mode) {
  if (mode == proto::CallAcceptMode::AcceptTrusted) tell(client::HostAddresses{{run_->endpoint.local()}});
  tell(client::Answer{call, mode, Secret<32>{random_.bytes<32>()}});
}

// --- the core

void SimPhone::tell(client::Event event) {
  run_->events.push_back(std::move(event));
  if (std::exchange(run_->handling, true)) return;
  while (!run_->events.empty()) {
    const auto next = std::move(run_->events.front());
    run_->events.pop_front();
    perform(run_->core.handle(next, queue_.now()));
  }
  run_->handling = false;
}

void SimPhone::perform(const client::Actions& actions) {
  for (const auto& action : actions) {
    witness_.does(*this, action);
    std::visit(overloaded{
                   [&](const client::DialRelay& a) {
                     dial(a.dial, {.remote = a.address.value_or(setup_.relay),
                                   .server_name = a.server_name,
                                   .pinned = relay_certificate_,
                                   .initial_rtt = kRelayRtt});
                   },
                   [&](const client::DialDirect& a) {
                     dial(a.dial, {.remote = a.address, .server_name = a.server_name, .initial_rtt = kDirectRtt});
                   },
                   [&](const client::CancelDial& a) { cancel(a); },
                   [&](const client::SendSignal& a) { send(a.conn, proto::encode(a.message)); },
                   [&](const client::SendDirect& a) { send(a.conn, proto::encode_direct(a.message)); },
                   [&](const client::SendProbe& a) {
                     (void)run_->endpoint.send_datagram(a.conn, ByteView{&kProbe, 1}, kProbeTag);
                   },
                   [&](const client::Punch& a) { run_->endpoint.send_punch(a.address); },
                   [&](const client::Close& a) { close(a); },
                   [&](const client::MediaStart& a) { start_media(a); },
                   [&](const client::MediaPaths& a) { set_paths(a); },
                   [&](const client::MediaStop&) { stop_media(); },
                   [&](const client::Report& a) {
                     if (const auto* signer = std::get_if<client::SignerLearned>(&a.event)) signers_.push_back(signer->peer);
                     witness_.told(*this, a.event);
                     if (person_) person_(*this, a.event);
                   },
                   [](const LogLine&) {},
               },
               action);
  }
  run_->alarm.set(run_->core.deadline());
  witness_.settled(*this);
}

// --- dialling and connections

void SimPhone::dial(client::DialId id, const SimEndpoint::DialOptions& options) {
  const auto conn = run_->endpoint.dial(options);
  run_->dials.emplace(id, conn);
  run_->attempts.emplace(conn, id);
}

void SimPhone::cancel(const client::CancelDial& action) {
  const auto dial = run_->dials.extract(action.dial);
  if (!dial) return;
  run_->attempts.erase(dial.mapped());
  run_->endpoint.close(dial.mapped(), 0, "cancelled");
}

void SimPhone::on_connected(ConnectionId id, const quic::ConnectionInfo& info) {
  const auto name = proto::canonical_server_name(info.server_name);
  const bool direct = name && name->starts_with(kDirectPrefix);
  if (!name || (info.inbound && !direct)) return run_->endpoint.close(id, kBadName, "bad name");
  const proto::SignalInbox::Config inbox{.max_message = direct ? proto::kMaxDirectMessageBytes : proto::kMaxSignalBytes,
                                         .first_stream = proto::StreamId{info.inbound ? 0U : 1U}};
  const auto exporter = [&](std::string_view label) { return run_->endpoint.exporter(id, label); };
  if (info.inbound) {
    run_->connections.emplace(id, Connection{proto::SignalInbox{inbox}, true});
    return tell(client::InboundDirect{id, info.remote, *name, exporter(crypto::kDirectExporterLabel)});
  }
  const auto attempt = run_->attempts.extract(id);
  if (!attempt) return;
  run_->dials.erase(attempt.mapped());
  run_->connections.emplace(id, Connection{proto::SignalInbox{inbox}, direct});
  if (info.server_name == "_signal") {
    relay_certificate_ = info.peer_certificate;
    run_->signal = id;
  }
  tell(client::Connected{.dial = attempt.mapped(),
                         .conn = id,
                         .remote = info.remote,
                         .peer_certificate = info.peer_certificate.value_or(RelayFingerprint{}),
                         .register_exporter = exporter(crypto::kRegisterExporterLabel),
                         .room_exporter = exporter(crypto::kRoomExporterLabel),
                         .direct_exporter = exporter(crypto::kDirectExporterLabel)});
}

void SimPhone::on_closed(ConnectionId id, const quic::CloseInfo& info) {
  if (const auto attempt = run_->attempts.extract(id)) {
    run_->dials.erase(attempt.mapped());
    return tell(client::DialFailed{attempt.mapped(), "no connection"});
  }
  if (run_->connections.erase(id) == 0) return;
  if (run_->signal == id) run_->signal.reset();
  client::Lost lost{.conn = id, .code = {}, .why = info.reason};
  if (info.kind == quic::CloseKind::Application && info.by_peer) lost.code = info.code;
  tell(std::move(lost));
}

void SimPhone::close(const client::Close& action) {
  if (run_->connections.erase(action.conn) == 0) return;
  if (run_->signal == action.conn) run_->signal.reset();
  run_->endpoint.close_when_sent(action.conn, static_cast<std::uint64_t>(action.code), action.reason);
}

// --- messages

void SimPhone::send(ConnectionId conn, std::string_view json) {
  if (!run_->connections.contains(conn)) return;
  const auto sent = run_->endpoint.send_message(conn, proto::encode_frame(json));
  if (!sent && sent.error().code == Errc::LimitReached) run_->endpoint.close(conn, kLimit, "limit");
}

void SimPhone::on_stream(ConnectionId id, quic::StreamId stream, ByteView data, bool fin) {
  const auto found = run_->connections.find(id);
  if (found == run_->connections.end()) return;
  deliver(id, found->second.inbox.receive(proto::StreamId{stream}, data, fin, queue_.now()));
  if (run_) run_->sweep.set(queue_.now() + kSweepInterval);
}

void SimPhone::on_stream_reset(ConnectionId id, quic::StreamId stream) {
  const auto found = run_->connections.find(id);
  if (found != run_->connections.end()) deliver(id, found->second.inbox.reset(proto::StreamId{stream}, queue_.now()));
}

void SimPhone::deliver(ConnectionId id, const proto::InboxEvents& events) {
  for (const auto& event : events) {
    const auto found = run_->connections.find(id);
    if (found == run_->connections.end()) return;
    const bool direct = found->second.direct;
    std::visit(overloaded{
                   [&](const proto::InboxMessage& m) {
                     if (direct) {
                       auto message = proto::decode_direct(m.json);
                       if (message) return tell(client::Direct{id, std::move(*message)});
                       return tell(client::BadMessage{id, message.error()});
                     }
                     auto message = proto::decode(m.json);
                     if (message) return tell(client::Signal{id, std::move(*message)});
                     tell(client::BadMessage{id, message.error()});
                   },
                   [&](const proto::StopStream& s) { run_->endpoint.stop_stream(id, s.stream.value); },
                   [&](const proto::BadStream& b) { tell(client::BadMessage{id, b.error}); },
               },
               event);
  }
}

void SimPhone::sweep() {
  const auto now = queue_.now();
  std::vector<ConnectionId> due;
  bool again = false;
  for (const auto& [id, connection] : run_->connections) {
    const auto deadline = connection.inbox.deadline();
    again |= deadline.has_value();
    if (deadline && *deadline <= now) due.push_back(id);
  }
  if (again) run_->sweep.set(now + kSweepInterval);
  for (const auto id : due) {
    if (const auto found = run_->connections.find(id); found != run_->connections.end()) {
      deliver(id, found->second.inbox.tick(now));
    }
  }
}

// --- media

void SimPhone::on_datagram(ConnectionId id, ByteView datagram) {
  if (!run_->session) return;
  const auto received = run_->session->receive(id, datagram, in_);
  if (!received) return;
  Speech speech;
  if (received->payload.size() == kSpeechBytes) {
    const auto* p = received->payload.data();
    speech = {load_be64(p), load_be64(p + 8), load_be32(p + 16), load_be32(p + 20)};
  }
  witness_.plays(*this, speech, received->packet_number);
  const auto now = queue_.now();
  const auto [seen, first] = run_->media_seen.try_emplace(id, now);
  if (!first && now - seen->second < kMediaSeenInterval) return;
  seen->second = now;
  tell(client::MediaSeen{id});
}

void SimPhone::on_datagram_acked(ConnectionId id, quic::DatagramTag tag) {
  if (tag == kProbeTag && run_->connections.contains(id)) tell(client::ProbeAcked{id});
}

void SimPhone::start_media(const client::MediaStart& action) {
  run_->session.emplace(action);
  run_->media_call = action.call;
  run_->next_frame.reset();
  run_->frame_number = 0;
}

void SimPhone::set_paths(const client::MediaPaths& action) {
  if (!run_->session) return;
  run_->session->set_paths(action);
  if (run_->next_frame || action.send_on.empty()) return;
  run_->next_frame = queue_.now();
  run_->frames.set(run_->next_frame);
}

void SimPhone::stop_media() {
  run_->session.reset();
  run_->next_frame.reset();
  run_->frames.set(std::nullopt);
  run_->media_seen.clear();
}

void SimPhone::speak() {
  if (!run_->next_frame) return;
  std::array<std::uint8_t, kSpeechBytes> payload{};
  store_be64(payload.data(), speech_id(run_->media_call));
  store_be64(payload.data() + 8, speech_id(who_));
  store_be32(payload.data() + 16, run_->frame_number);
  store_be32(payload.data() + 20, static_cast<std::uint32_t>(setup_.owner));
  const auto packet = run_->session->send({proto::CodecId::Opus24k, run_->frame_number++ * 20, payload}, out_);
  if (packet) {
    for (const auto path : packet->paths) (void)run_->endpoint.send_datagram(path, ByteView{out_}.first(packet->size));
  }
  *run_->next_frame += kFrame;
  run_->frames.set(run_->next_frame);
}

}  // namespace wzp::sim
