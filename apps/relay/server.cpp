#include "relay/server.hpp"

#include <algorithm>
#include <csignal>
#include <deque>
#include <future>
#include <utility>

#include <fmt/format.h>

#include "common/file.hpp"
#include "common/version.hpp"
#include "wzp/base/overloaded.hpp"
#include "wzp/net/random.hpp"
#include "wzp/net/udp_socket.hpp"

namespace wzp::relay_app {
namespace {

// Events of other workers that may wait for the core. Source: our choice; one turn of a busy relay is a tenth of it.
constexpr std::size_t kMaxWaitingEvents = 65'536;
// Packets that may wait for a worker: 80 ms of 50,000 a second. Source: our choice; older audio is worthless.
constexpr std::size_t kMaxWaitingPackets = 4'096;
// What the core may have to tell a worker, and how much of that finds its box full; when it is tried again. Source: our
// choice; one turn of a busy relay is a tenth of it.
constexpr std::size_t kMaxWaitingOrders = 8'192;
constexpr std::size_t kMaxUntold = 65'536;
constexpr Duration kTellAgain = std::chrono::milliseconds{5};
// Source: relay.md 2.7, a relay that is told to stop is gone within 2 s.
constexpr Duration kGoodbye = std::chrono::milliseconds{1'500};
// Source: relay.md 10.2.
constexpr Duration kDialTimeout = std::chrono::seconds{10};
constexpr std::uint16_t kDefaultPort = 4433;

// The lists of the file, into the configuration of the core or into what replaces them.
template <class Lists>
void read_lists(const Config& config, Lists& out) {
  for (const auto& p : config.peers) out.peers.push_back({p.url, p.fingerprint, p.label, p.share_addrs_in_offer, p.delegate});
  for (const auto& t : config.trusted) out.trusted.push_back({t.fingerprint, t.label, t.delegate});
  for (const auto& room : config.rooms) out.rooms.push_back({room.name, room.members});
  out.global_rooms = config.global_rooms;
}

relay::Config core_config(const Config& config, const crypto::Seed& seed, const crypto::Certificate& certificate) {
  relay::Config core{.identity = crypto::Identity{seed}, .signer = crypto::RelaySigner{seed}};
  core.fingerprint = crypto::relay_fingerprint(certificate.der);
  core.build = app::kBuild;
  core.advertise_addr = config.advertise_addr;
  core.allow_unsigned_registration = config.allow_unsigned_registration;
  core.allow_unauthenticated_federation = config.allow_unauthenticated_federation;
  core.share_addrs_in_offer = config.share_addrs_in_offer;
  read_lists(config, core);
  core.trunking = config.trunking_enabled;
  core.max_room_participants = config.max_room_participants;
  core.max_seats = config.max_sessions;
  core.max_rooms = config.max_rooms;
  core.ring_timeout = config.ring_timeout;
  core.reconnect_grace = config.reconnect_grace;
  core.link_grace = config.link_grace;
  core.max_calls_per_client = config.max_calls_per_client;
  core.max_clients = config.max_connections;
  core.offers_per_client = config.offers_per_minute;
  core.offers_per_address = config.offers_per_minute;
  core.signals_per_second = config.signals_per_second;
  core.random_seed = load_be64(net::random_array<8>().data());
  core.users_salt = net::random_array<16>();
  return core;
}

/// Workers share a port (SO_REUSEPORT), and the system would let another relay on this machine share it as well, or choose
/// a port that one has: each would get packets of the other. So the port is bound alone once before it is shared.
Result<void> reserve(quic::EndpointConfig& endpoint) {
  auto alone = endpoint.socket;
  alone.reuse_port = false;
  const auto socket = net::UdpSocket::open(endpoint.bind, alone);
  if (!socket) return socket.failure();
  endpoint.bind = socket->local();
  return {};
}

quic::Credentials credentials_of(const crypto::Certificate& certificate) {
  const auto key = certificate.key_der.view();
  return {certificate.der, Bytes{key.begin(), key.end()}};
}

}  // namespace

struct RelayServer::Remote {
  net::Mailbox<WorkerMail> packets{kMaxWaitingPackets};
  net::Mailbox<WorkerMail> orders{kMaxWaitingOrders};  // of the core; media never stands in their way
  std::deque<WorkerMail> untold;                       // of the core's thread: what did not fit into the box
  RelayWorker* worker = nullptr;  // lives on its own thread
  std::unique_ptr<net::Worker> thread;
};

RelayServer::RelayServer(Config config, const crypto::Seed& seed, app::Log& log)
    : config_{std::move(config)},
      certificate_{crypto::relay_certificate(seed)},
      reset_key_{crypto::stateless_reset_key(seed)},
      token_key_{net::random_secret<32>()},
      media_key_{net::random_array<32>()},
      log_{log},
      core_{core_config(config_, seed, certificate_)},
      events_{kMaxWaitingEvents} {}

RelayServer::~RelayServer() {
  for (auto& remote : remotes_) remote->thread.reset();
}

quic::EndpointConfig RelayServer::endpoint_config(std::uint16_t worker) const {
  quic::EndpointConfig endpoint;
  endpoint.bind = worker == 0 ? config_.listen_addr : listening();
  endpoint.socket.reuse_port = config_.workers > 1;
  endpoint.socket.v6_only = !config_.listen_addr.ip.is_unspecified();
  endpoint.worker = worker;
  endpoint.workers = config_.workers;
  endpoint.credentials = credentials_of(certificate_);
  endpoint.accept_inbound = true;
  endpoint.certificate_optional = config_.allow_unauthenticated_federation;
  endpoint.idle_timeout = config_.idle_timeout;
  endpoint.keep_alive = config_.idle_timeout / 6;  // Source: wire.md 1.5, 5 s of 30 s
  endpoint.max_connections = config_.max_connections;
  endpoint.max_per_ip = config_.max_connections_per_ip;
  endpoint.retry_threshold = config_.retry_threshold;
  endpoint.reset_key = reset_key_;
  endpoint.token_key = token_key_;
  return endpoint;
}

Result<void> RelayServer::open() {
  auto loop = net::Loop::create();
  if (!loop) return loop.failure();
  loop_ = std::move(*loop);
  auto caught = loop_->on_signals({SIGINT, SIGTERM, SIGHUP}, [this](int signal) { signal == SIGHUP ? reload() : shut_down(); });
  if (!caught) return caught;
  resolver_.emplace(*loop_);
  auto endpoint = endpoint_config(0);
  if (auto reserved = reserve(endpoint); !reserved) return reserved;
  auto worker = RelayWorker::open(std::move(endpoint), media_config(0), *loop_,
                                  {.to_core = [this](relay::Event event) { return handle(event), true; },
                                   .to_worker = [this](std::uint16_t to, WorkerMail mail) { return hand_over(to, std::move(mail)); },
                                   .log = [this](const LogLine& line) { log_.print(line); }});
  if (!worker) return worker.failure();
  worker_ = std::move(*worker);
  if (auto web = open_web(); !web) return web;
  if (auto watched = loop_->watch(events_.fd(), [this](Instant) { events_.drain([this](const relay::Event& e) { handle(e); }); }); !watched) {
    return watched;
  }
  loop_->add({.deadline = [this] { return core_due_; },
              .tick = [this](Instant now) { perform(core_.tick(now)); },
              .finish = {}});
  for (std::uint16_t n = 1; n < config_.workers; ++n) remotes_.push_back(std::make_unique<Remote>());
  for (std::uint16_t n = 1; n < config_.workers; ++n) {
    if (auto started = start_remote(n); !started) return started;
  }
  return {};
}

Result<void> RelayServer::open_web() {
  if (!config_.ws_port) return {};
  ws::ServerConfig web;
  web.bind = {config_.ws_bind, *config_.ws_port};
  web.max_connections = config_.max_connections;
  web.max_per_ip = config_.max_connections_per_ip;
  web.spare_loopback = true;  // a reverse proxy speaks for many
  const auto listening = worker_->serve_web(web, crypto::relay_fingerprint(certificate_.der));
  if (!listening) return listening.failure();
  web_listening_ = *listening;
  return {};
}

Result<void> RelayServer::start_remote(std::uint16_t number) {
  auto& remote = *remotes_[number - 1];
  std::promise<Result<void>> opened;
  auto thread = net::Worker::start(fmt::format("wzp-{}", number), [&, this, config = endpoint_config(number)](net::Loop& loop) {
    auto worker = RelayWorker::open(config, media_config(config.worker), loop,
                                    {.to_core = [this](relay::Event event) { return events_.push(std::move(event)); },
                                     .to_worker = [this](std::uint16_t to, WorkerMail mail) { return hand_over(to, std::move(mail)); },
                                     .log = [this](const LogLine& line) { log_.print(line); }});
    if (!worker) return opened.set_value(worker.failure());
    auto& self = **worker;
    const auto watch = [&](net::Mailbox<WorkerMail>& box) {
      return loop.watch(box.fd(), [&](Instant) { box.drain([&](WorkerMail mail) { self.take(std::move(mail)); }); });
    };
    auto watched = watch(remote.orders);
    if (watched) watched = watch(remote.packets);
    remote.worker = &self;
    opened.set_value(watched);
    if (watched) loop.run();
    for (auto* box : {&remote.orders, &remote.packets}) loop.unwatch(box->fd());
  });
  if (!thread) return thread.failure();
  auto result = opened.get_future().get();
  remote.thread = std::move(*thread);
  return result;
}

SocketAddress RelayServer::listening() const { return worker_->endpoint().local(); }

bool RelayServer::hand_over(std::uint16_t worker, WorkerMail mail) {
  if (worker > 0) return worker <= remotes_.size() && remotes_[worker - 1]->packets.push(std::move(mail));
  return loop_->post([this, m = std::move(mail)]() mutable { worker_->take(std::move(m)); });
}

void RelayServer::tell(std::uint16_t worker, WorkerMail mail) {
  if (worker == 0) return worker_->take(std::move(mail));
  if (worker > remotes_.size()) return;
  auto& remote = *remotes_[worker - 1];
  if (remote.untold.size() >= kMaxUntold) return log_.error("a worker does not keep up: signals and media of some go wrong from now on");
  remote.untold.push_back(std::move(mail));
  tell_waiting();
}

void RelayServer::tell_all(const WorkerMail& mail) {
  for (std::size_t n = 0; n <= remotes_.size(); ++n) tell(static_cast<std::uint16_t>(n), mail);
}

void RelayServer::tell_waiting() {
  bool all = true;
  for (auto& remote : remotes_) {
    auto& untold = remote->untold;
    while (!untold.empty() && remote->orders.push(untold.front())) untold.pop_front();
    all = all && untold.empty();
  }
  if (all || std::exchange(telling_, true)) return;
  loop_->after(kTellAgain, [this](Instant) {
    telling_ = false;
    tell_waiting();
  });
}

void RelayServer::run() {
  perform(core_.start(loop_->now()));
  say_drops();
  loop_->run();
  say_drops();
}

void RelayServer::say_drops() {
  if (const auto line = drops_.line(core_.counters().dropped)) log_.print(*line);
  if (!stopping_) loop_->after(DropLog::kInterval, [this](Instant) { say_drops(); });
}

void RelayServer::handle(const relay::Event& event) {
  if (std::holds_alternative<relay::Opened>(event)) ++open_;
  if (std::holds_alternative<relay::Lost>(event) && open_ > 0) --open_;
  perform(core_.handle(event, loop_->now()));
  if (const auto* lost = std::get_if<relay::Lost>(&event); lost != nullptr && media_links_.erase(lost->conn) > 0) {
    tell_all(DropLink{lost->conn});
  }
  if (stopping_ && open_ == 0) loop_->stop();
}

void RelayServer::perform(relay::Actions actions) {
  for (auto& action : actions) {
    std::visit(overloaded{
                   [&](relay::Send& a) { tell(a.conn.worker(), SendSignal{a.conn, std::move(a.message)}); },
                   [&](relay::SendVersion& a) { tell(a.conn.worker(), SendText{a.conn, std::move(a.text)}); },
                   [&](relay::Close& a) { tell(a.conn.worker(), CloseConnection{a.conn, a.code, std::move(a.reason)}); },
                   [&](const relay::Check& a) { tell(a.conn.worker(), CheckClient{a.conn}); },
                   [&](relay::Dial& a) { dial(a.peer); },
                   [&](relay::SetRoom& a) { tell_all(NewTable{std::make_shared<const relay::RoomTable>(std::move(a.table))}); },
                   [&](relay::DropRoom& a) { tell_all(DropTable{a.tag}); },
                   [&](relay::SetLink& a) {
                     media_links_.insert(a.link.conn);
                     tell_all(NewLink{a.link});
                   },
                   [&](LogLine& line) { log_.print(line); },
               },
               action);
  }
  core_due_ = core_.deadline();
}

// --- dialling peers: the name is resolved at every attempt, and all its addresses are tried

void RelayServer::dial(std::size_t peer) {
  const auto where = net::HostPort::parse(core_.peer(peer).url, kDefaultPort);
  if (!where) return handle(relay::DialFailed{peer, to_string(where.error())});
  const bool waiting = resolver_->resolve(*where, [this, peer](Result<std::vector<SocketAddress>> found) {
    if (!found) return handle(relay::DialFailed{peer, to_string(found.error())});
    dial_next(peer, std::move(*found), "no address of this family");
  });
  if (!waiting) handle(relay::DialFailed{peer, "too many look-ups are waiting"});
}

void RelayServer::dial_next(std::size_t peer, std::vector<SocketAddress> addresses, std::string why) {
  const auto own = listening().ip;
  // A socket for IPv4 reaches IPv4 only; one bound to [::] reaches both.
  std::erase_if(addresses, [&](const SocketAddress& a) { return own.is_v4() != a.ip.is_v4() && !(own.is_unspecified() && !own.is_v4()); });
  if (addresses.empty() || stopping_) return handle(relay::DialFailed{peer, std::move(why)});
  const quic::DialOptions options{.remote = addresses.front(),
                            .server_name = "_federation",
                            .certificate = credentials_of(certificate_),
                            .pinned = core_.peer(peer).fingerprint,
                            .handshake_timeout = kDialTimeout / static_cast<int>(addresses.size())};
  addresses.erase(addresses.begin());
  worker_->dial(peer, options, [this, peer, rest = std::move(addresses)](std::string failure) mutable {
    dial_next(peer, std::move(rest), std::move(failure));
  });
}

// --- media: every worker knows every room and link

relay::PacketSwitch::Config RelayServer::media_config(std::uint16_t worker) const {
  relay::PacketSwitch::Config media{.worker = worker, .relay = {}, .key = media_key_};
  media.relay = proto::SourceId::of(crypto::relay_fingerprint(certificate_.der), 0).relay;
  media.seat_rate.count = media.seat_rate.burst = config_.max_packets_per_member;
  media.link_rate.count = config_.max_packets_per_link;
  media.link_rate.burst = std::max(config_.max_packets_per_link / 5, 1U);
  return media;
}

void RelayServer::reload() {
  if (stopping_) return;
  if (config_.file.empty()) return log_.warn("SIGHUP: there is no configuration file to read again; start with --config");
  const auto text = app::read_file(config_.file, kMaxConfigBytes);
  auto fresh = text ? parse_config(text_of(*text), config_.file) : Result<Config>{text.failure()};
  if (fresh) fresh->more_global_rooms = config_.more_global_rooms;
  const auto added = fresh ? add_global_rooms(*fresh) : fresh.failure();
  if (!added) return log_.error(fmt::format("SIGHUP: nothing is changed: {}", added.error().where));
  relay::Reload lists;
  read_lists(*fresh, lists);
  handle(lists);
}

void RelayServer::shut_down() {
  if (stopping_) return;
  stopping_ = true;
  log_.info("shutting down");
  perform(core_.handle(relay::Shutdown{}, loop_->now()));
  loop_->after(open_ == 0 ? Duration{} : kGoodbye, [this](Instant) { loop_->stop(); });
}

}  // namespace wzp::relay_app
