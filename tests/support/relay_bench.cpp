#include "relay_bench.hpp"

#include <algorithm>
#include <cassert>
#include <stdexcept>
#include <utility>

#include "wzp/base/overloaded.hpp"
#include "wzp/crypto/callee_proof.hpp"
#include "wzp/crypto/certificate.hpp"
#include "wzp/crypto/registration.hpp"
#include "wzp/crypto/room.hpp"
#include "wzp/proto/signal_json.hpp"

namespace wzp::test {
namespace {

/// What arrives when this is sent.
proto::SignalMessage over_the_wire(const proto::SignalMessage& message) {
  auto decoded = proto::decode(proto::encode(message));
  if (!decoded) throw std::logic_error("a signal that cannot be read: " + to_string(decoded.error()));
  return *decoded;
}

/// As in apps/relay/worker.cpp.
constexpr Duration kMediaSweep = std::chrono::milliseconds{500};
/// Source: relay::Check.
constexpr Duration kSignOfLife = std::chrono::milliseconds{800};

std::pair<std::size_t, std::size_t> pair_of(std::size_t a, std::size_t b) { return {std::min(a, b), std::max(a, b)}; }

Bytes bytes(const crypto::Signature& signature) { return {signature.begin(), signature.end()}; }

}  // namespace

ByteArray<32> exporter(ConnectionId conn, std::uint8_t label) {
  ByteArray<32> out{};
  out.fill(label);
  store_be64(out.data(), conn.value);
  return out;
}

crypto::Seed RelayBench::seed(std::uint8_t name) {
  ByteArray<32> bytes{};
  bytes.fill(name);
  return crypto::Seed{bytes};
}

RelayFingerprint RelayBench::fingerprint(std::uint8_t name) {
  return crypto::relay_fingerprint(crypto::relay_certificate(seed(name)).der);
}

relay::PeerConfig RelayBench::peer(std::uint8_t name) {
  return {.url = "relay" + std::to_string(name) + ":4433",
          .fingerprint = fingerprint(name),
          .label = "relay" + std::to_string(name)};
}

relay::TrustedConfig RelayBench::trusted(std::uint8_t name) {
  return {.fingerprint = fingerprint(name), .label = "relay" + std::to_string(name)};
}

std::size_t RelayBench::add_relay(std::uint8_t name, const Tweak& tweak) {
  relay::Config config{.identity = crypto::Identity{seed(name)},
                       .signer = crypto::RelaySigner{seed(name)},
                       .fingerprint = fingerprint(name)};
  config.build = "bench";
  config.random_seed = name;
  // Tests place many calls from few places; the limits have tests of their own.
  config.offers_per_client = 0;
  config.offers_per_address = 0;
  config.signals_per_second = 0;
  if (tweak) tweak(config);
  const auto index = relays_.size();
  relays_.push_back({config, {}, {}, {}, now_});
  boot(index);
  carry_out(index, relays_[index].core->start(now_));
  settle();
  return index;
}

void RelayBench::restart(std::size_t relay) {
  std::vector<Half> halves;
  for (const auto& [half, other] : joined_) {
    if (half.relay == relay) halves.push_back(half);
  }
  boot(relay);
  for (const auto& half : halves) end_connection(half, std::nullopt);
  for (auto& end : far_ends_) {
    if (end.relay == relay) far_end_of_.erase({relay, end.conn});
  }
  carry_out(relay, relays_[relay].core->start(now_));
  settle();
}

void RelayBench::boot(std::size_t relay) {
  auto& r = relays_[relay];
  r.config.random_seed += 1000;  // no two lives number their signals alike
  r.core = std::make_unique<relay::RelayCore>(r.config);
  relay::PacketSwitch::Config config;
  std::copy_n(r.config.fingerprint.bytes.begin(), config.relay.size(), config.relay.begin());
  r.packets = std::make_unique<relay::PacketSwitch>(config);
  // A datagram of an untuned path. Source: wire.md 1.5, 1200 bytes less what QUIC adds.
  r.trunks = std::make_unique<relay::TrunkBatcher>([](ConnectionId) -> std::size_t { return 1160; });
}

FarEnd& RelayBench::open(std::size_t relay, const std::string& server_name, const OpenOptions& options) {
  const ConnectionId conn{++next_conn_};
  far_ends_.push_back({.relay = relay, .conn = conn, .server_name = server_name});
  far_end_of_[{relay, conn}] = far_ends_.size() - 1;
  relay::Opened event;
  event.conn = conn;
  event.server_name = server_name;
  event.cls = proto::connection_class(server_name);
  event.inbound = !options.dialled_peer;
  event.dialled_peer = options.dialled_peer;
  event.remote = options.remote;
  event.local = {IpAddress::v4(203, 0, 113, static_cast<std::uint8_t>(relay + 1)), 4433};
  event.peer_certificate = options.certificate;
  event.register_exporter = exporter(conn, 'r');
  event.room_exporter = exporter(conn, 'm');
  FarEnd& end = far_ends_.back();
  feed(relay, event);
  settle();
  return end;
}

void RelayBench::send(FarEnd& from, const proto::SignalMessage& message) {
  if (!far_end_of_.contains({from.relay, from.conn})) return;
  feed(from.relay, relay::Received{from.conn, over_the_wire(message)});
  settle();
}

void RelayBench::send_bad(FarEnd& from, Errc code) {
  feed(from.relay, relay::BadMessage{from.conn, Error{code, "test"}});
  settle();
}

void RelayBench::send_media(FarEnd& from, const Bytes& datagram) {
  if (far_end_of_.contains({from.relay, from.conn})) feed_media(from.relay, from.conn, datagram);
  settle();
}

void RelayBench::feed_media(std::size_t relay, ConnectionId conn, const Bytes& datagram) {
  std::vector<relay::Delivery> out;
  relays_[relay].packets->handle(conn, datagram, now_, out);
  deliver(relay, out);
}

void RelayBench::deliver(std::size_t relay, const std::vector<relay::Delivery>& deliveries) {
  std::vector<relay::TrunkDatagram> trunks;
  for (const auto& d : deliveries) {
    if (!d.trunk) {
      send_datagram(relay, d.to, d.head_bytes(), d.packet);
      continue;
    }
    trunks.clear();
    relays_[relay].trunks->add(d.to, d.head_bytes(), d.packet, d.may_wait, now_, trunks);
    deliver(relay, trunks);
  }
}

void RelayBench::deliver(std::size_t relay, const std::vector<relay::TrunkDatagram>& datagrams) {
  for (const auto& d : datagrams) send_datagram(relay, d.to, d.head, d.body);
}

void RelayBench::send_datagram(std::size_t relay, ConnectionId to, ByteView head, ByteView packet) {
  Bytes datagram{head.begin(), head.end()};
  append(datagram, packet);
  const Half half{relay, to};
  if (auto* end = far_end(half)) return end->media.push_back(std::move(datagram));
  const auto found = joined_.find(half);
  if (found == joined_.end()) return;
  ++media_between[{relay, found->second.relay}];
  at(now_ + link_delay, [this, half, datagram = std::move(datagram)] {
    const auto still = joined_.find(half);
    if (still == joined_.end()) return;
    if (on_link_media) on_link_media(still->second.relay, datagram);
    feed_media(still->second.relay, still->second.conn, datagram);
  });
}

void RelayBench::sweep_media(std::size_t relay) {
  auto& r = relays_[relay];
  r.swept = now_;
  r.packets->tick(now_);
  std::vector<relay::Reported> reports;
  r.packets->take_reports(now_, reports);
  for (const auto& report : reports) feed(relay, report);
}

void RelayBench::set_room(std::size_t relay, const relay::RoomTable& table) {
  for (auto& end : far_ends_) {
    if (end.relay != relay) continue;
    const bool in = std::ranges::any_of(table.seats, [&](const auto& seat) { return seat.conn == end.conn; });
    if (in) {
      end.seat = end.server_name;
      end.seat_tag = table.tag;
    } else if (end.seat_tag == table.tag) {
      end.seat.reset();
    }
  }
}

void RelayBench::reload(std::size_t relay, const relay::Reload& lists) {
  feed(relay, lists);
  settle();
}

void RelayBench::wake(FarEnd& end) {
  end.is_dead = false;
  feed(end.relay, relay::Alive{end.conn});
}

void RelayBench::move(FarEnd& end, SocketAddress remote) { feed(end.relay, relay::Moved{end.conn, remote}); }

void RelayBench::lose(FarEnd& end, std::optional<std::uint64_t> code) {
  if (far_end_of_.erase({end.relay, end.conn}) == 0) return;
  relays_[end.relay].packets->forget(end.conn);
  feed(end.relay, relay::Lost{end.conn, code});
  settle();
}

FarEnd* RelayBench::far_end(Half half) {
  const auto found = far_end_of_.find(half);
  return found == far_end_of_.end() ? nullptr : &far_ends_[found->second];
}

bool RelayBench::is_cut(std::size_t a, std::size_t b) const {
  return std::find(cuts_.begin(), cuts_.end(), pair_of(a, b)) != cuts_.end();
}

std::vector<RelayBench::Half> RelayBench::halves_between(std::size_t a, std::size_t b) const {
  std::vector<Half> halves;
  for (const auto& [half, other] : joined_) {
    if (half.relay == a && other.relay == b) halves.push_back(half);
  }
  return halves;
}

std::size_t RelayBench::connections_between(std::size_t a, std::size_t b) const { return halves_between(a, b).size(); }

void RelayBench::cut(std::size_t a, std::size_t b) {
  if (!is_cut(a, b)) cuts_.push_back(pair_of(a, b));
  for (const auto& half : halves_between(a, b)) end_connection(half, std::nullopt);
  settle();
}

void RelayBench::heal(std::size_t a, std::size_t b) { std::erase(cuts_, pair_of(a, b)); }

void RelayBench::kill(std::size_t a, std::size_t b, std::size_t n) {
  end_connection(halves_between(a, b).at(n), std::nullopt);
  settle();
}

void RelayBench::end_connection(Half half, std::optional<std::uint64_t> code) {
  const auto found = joined_.find(half);
  if (found == joined_.end()) return;
  const Half other = found->second;
  joined_.erase(half);
  joined_.erase(other);
  feed(half.relay, relay::Lost{half.conn, std::nullopt});
  feed(other.relay, relay::Lost{other.conn, code});
}

void RelayBench::dial(std::size_t relay, std::size_t peer) {
  dials.emplace_back(relay, peer);
  if (on_dial == OnDial::Ignore) return;
  const auto& wanted = relays_[relay].core->peer(peer);
  std::size_t target = 0;
  while (target < relays_.size() && fp(target) != wanted.fingerprint) ++target;
  if (on_dial == OnDial::Fail || target == relays_.size() || is_cut(relay, target)) {
    return at(now_, [=, this] { feed(relay, relay::DialFailed{peer, "no route"}); });
  }
  const Half here{relay, ConnectionId{++next_conn_}};
  const Half there{target, ConnectionId{++next_conn_}};
  const auto opened = [&](Half half, std::size_t other, std::optional<std::size_t> dialled) {
    relay::Opened event;
    event.conn = half.conn;
    event.cls = proto::ConnectionClass::Federation;
    event.server_name = "_federation";
    event.inbound = !dialled;
    event.dialled_peer = dialled;
    event.remote = {IpAddress::v4(203, 0, 113, static_cast<std::uint8_t>(other + 1)), 4433};
    event.local = {IpAddress::v4(203, 0, 113, static_cast<std::uint8_t>(half.relay + 1)), 4433};
    event.peer_certificate = fp(other);
    return event;
  };
  at(now_ + 2 * link_delay, [this, here, there, mine = opened(here, target, peer), theirs = opened(there, relay, {})] {
    joined_[here] = there;
    joined_[there] = here;
    feed(there.relay, theirs);
    feed(here.relay, mine);
  });
}

void RelayBench::feed(std::size_t relay, const relay::Event& event) {
  carry_out(relay, relays_[relay].core->handle(event, now_));
}

void RelayBench::carry_out(std::size_t relay, relay::Actions actions) {
  for (const auto& action : actions) {
    std::visit(overloaded{
                   [&](const relay::Send& a) {
                     const Half half{relay, a.conn};
                     if (auto* end = far_end(half)) return end->inbox.push_back(over_the_wire(a.message));
                     if (!joined_.contains(half)) return;
                     between_relays.emplace_back(relay, a.message);
                     at(now_ + link_delay, [this, half, message = over_the_wire(a.message)] {
                       const auto found = joined_.find(half);
                       if (found == joined_.end()) return;
                       const Half to = found->second;
                       feed(to.relay, relay::Received{to.conn, message});
                     });
                   },
                   [&](const relay::SendVersion& a) {
                     if (auto* end = far_end({relay, a.conn})) end->version = a.text;
                   },
                   [&](const relay::Close& a) {
                     const Half half{relay, a.conn};
                     if (auto* end = far_end(half)) {
                       end->closed = a;
                       far_end_of_.erase(half);
                       return at(now_, [this, half] { feed(half.relay, relay::Lost{half.conn, std::nullopt}); });
                     }
                     at(now_ + link_delay, [this, half, code = a.code] { end_connection(half, code); });
                   },
                   [&](const relay::Check& a) {
                     const Half half{relay, a.conn};
                     auto* end = far_end(half);
                     if (end == nullptr) return;
                     const auto later = end->is_dead ? kSignOfLife : Duration{};
                     at(now_ + later, [this, half, end] {
                       if (end->is_dead) return feed(half.relay, relay::Silent{half.conn});
                       feed(half.relay, relay::Alive{half.conn});
                     });
                   },
                   [&](const relay::Dial& a) { dial(relay, a.peer); },
                   [&](const relay::SetRoom& a) {
                     set_room(relay, a.table);
                     std::vector<relay::Delivery> kept;
                     relays_[relay].packets->set_room(std::make_shared<const relay::RoomTable>(a.table), now_, kept);
                     deliver(relay, kept);
                   },
                   [&](const relay::DropRoom& a) {
                     set_room(relay, {.tag = a.tag});
                     relays_[relay].packets->drop_room(a.tag);
                   },
                   [&](const relay::SetLink& a) { relays_[relay].packets->set_link(a.link); },
                   [&](const LogLine& a) { log.push_back(a.text); },
               },
               action);
  }
}

void RelayBench::settle() {
  while (!queue_.empty() && queue_.begin()->first.first <= now_) {
    const auto what = std::move(queue_.begin()->second);
    queue_.erase(queue_.begin());
    what();
  }
}

void RelayBench::run_for(Duration time) {
  const Instant end = now_ + time;
  for (;;) {
    settle();
    std::optional<Instant> next;
    if (!queue_.empty()) next = queue_.begin()->first.first;
    for (const auto& r : relays_) {
      next = earliest(next, r.core->deadline());
      next = earliest(next, r.trunks->deadline());
      next = earliest(next, r.swept + kMediaSweep);
    }
    if (!next || *next > end) break;
    now_ = std::max(now_, *next);
    for (std::size_t i = 0; i < relays_.size(); ++i) {
      const auto due = relays_[i].core->deadline();
      if (due && *due <= now_) carry_out(i, relays_[i].core->tick(now_));
      std::vector<relay::TrunkDatagram> ready;
      relays_[i].trunks->tick(now_, ready);
      deliver(i, ready);
      if (relays_[i].swept + kMediaSweep <= now_) sweep_media(i);
    }
  }
  now_ = end;
  settle();
}

// Phone --------------------------------------------------------------------------------------------------------------

Phone::Phone(RelayBench& bench, std::size_t relay, std::uint8_t name) : Phone{bench, relay, name, Options{}} {}

Phone::Phone(RelayBench& bench, std::size_t relay, std::uint8_t name, Options options)
    : bench_{&bench}, relay_{relay}, identity_{RelayBench::seed(name)}, name_{name}, options_{std::move(options)} {
  options_.remote.port = static_cast<std::uint16_t>(40000 + name);
  reconnect();
}

void Phone::reconnect() {
  end_ = &bench_->open(relay_, "_signal", {.remote = options_.remote});
  proto::RegisterPresence request{.identity_pub = identity_.public_key(), .caps = options_.caps};
  if (options_.is_signed) {
    request.signature = bytes(crypto::sign_registration(identity_, bench_->fp(relay_), exporter(end_->conn, 'r')));
  }
  send(request);
  if (!take<proto::RegisterPresenceAck>().value_or(proto::RegisterPresenceAck{}).success) {
    throw std::logic_error("registration refused");
  }
}

std::string Phone::local() const { return "192.168.0." + std::to_string(name_) + ":40000"; }

proto::DirectCallOffer Phone::offer(const Fingerprint& target, const std::string& call_id) const {
  proto::DirectCallOffer offer;
  offer.caller_fingerprint = text();
  offer.target_fingerprint = to_string(target);
  offer.call_id = call_id;
  offer.identity_pub = identity_.public_key();
  offer.ephemeral_pub.fill(name_);
  offer.signature = Bytes(64, name_);
  offer.supported_profiles = {proto::kGood};
  offer.caller_reflexive_addr = reflexive();
  offer.caller_local_addrs = {local()};
  return offer;
}

proto::CallRinging signed_ringing(const crypto::Identity& callee, const proto::DirectCallOffer& offer) {
  const crypto::OfferTerms terms{offer.ephemeral_pub, offer.identity_pub, *Fingerprint::parse(offer.target_fingerprint),
                                 *CallId::parse(offer.call_id)};
  const auto signature = crypto::sign_ringing(callee, terms);
  return {offer.call_id, callee.public_key(), Bytes{signature.begin(), signature.end()}};
}

proto::CallRinging Phone::rings(const proto::DirectCallOffer& offer) const { return signed_ringing(identity_, offer); }

proto::DirectCallAnswer Phone::accept(const std::string& call_id, proto::CallAcceptMode mode) const {
  proto::DirectCallAnswer answer;
  answer.call_id = call_id;
  answer.accept_mode = mode;
  answer.identity_pub = identity_.public_key();
  answer.ephemeral_pub = ByteArray<32>{};
  answer.ephemeral_pub->fill(name_);
  answer.signature = Bytes(64, name_);
  answer.chosen_profile = proto::kGood;
  answer.callee_reflexive_addr = reflexive();
  answer.callee_local_addrs = {local()};
  return answer;
}

FarEnd& Phone::join(const std::string& call_id, bool with_binding) {
  FarEnd& end = bench_->open(relay_, "call-" + call_id, {.remote = options_.remote});
  proto::CallOffer offer;
  offer.identity_pub = identity_.public_key();
  offer.ephemeral_pub.fill(name_);
  offer.signature = bytes(crypto::sign_call_offer(identity_, offer.ephemeral_pub));
  offer.supported_profiles = {proto::kGood};
  if (with_binding) {
    offer.binding =
        bytes(crypto::sign_room_binding(identity_, bench_->fp(relay_), exporter(end.conn, 'm'), offer.ephemeral_pub));
  }
  bench_->send(end, offer);
  return end;
}

}  // namespace wzp::test
