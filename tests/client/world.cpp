#include "world.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "wzp/base/overloaded.hpp"
#include "wzp/proto/signal_json.hpp"

namespace wzp::test {

using namespace client;

namespace {
const RelayFingerprint kCertificate{crypto::sha256(bytes_of("relay"))};
constexpr Duration kIdle = 30s;
}  // namespace

World::World(Options o) : options{o}, random_{o.seed} {}

World::Node& World::add(const std::string& name, Config config) {
  const auto n = nodes_.size();
  nodes_.push_back(std::make_unique<Node>());
  auto& made = *nodes_.back();
  made.name = name;
  made.address = addr("10.0.0." + std::to_string(n + 1) + ":4000");
  made.core = std::make_unique<ClientCore>(std::move(config));
  perform(n, made.core->start(now));
  give(made, HostAddresses{{made.address}});
  return made;
}

World::Node& World::node(const std::string& name) {
  for (auto& n : nodes_) {
    if (n->name == name) return *n;
  }
  FAIL("no such client: " << name);
  return *nodes_.front();
}

void World::give(Node& n, const Event& event) {
  if (!n.alive) return;
  const auto it = std::find_if(nodes_.begin(), nodes_.end(), [&](const auto& p) { return p.get() == &n; });
  perform(static_cast<std::size_t>(it - nodes_.begin()), n.core->handle(event, now));
}

void World::place(Node& from, const Node& to, std::string_view word) {
  give(from,
       PlaceCall{identity(to.name).fingerprint(), call_id(word), secret("ephemeral " + from.name + std::string{word})});
}

void World::later(Duration wait, std::function<void()> f) {
  queue_.emplace(std::pair{now + wait, seq_++}, std::move(f));
}

std::optional<Instant> World::next_due() const {
  auto due = queue_.empty() ? std::optional<Instant>{} : queue_.begin()->first.first;
  for (const auto& n : nodes_) {
    if (n->alive) due = earliest(due, n->core->deadline());
  }
  return due;
}

void World::step(Instant until) {
  const auto due = next_due();
  if (!due || *due > until) {
    now = until;
    return;
  }
  now = std::max(now, *due);
  if (!queue_.empty() && queue_.begin()->first.first <= now) {
    const auto f = std::move(queue_.begin()->second);
    queue_.erase(queue_.begin());
    f();
  } else {
    tick_all();
  }
}

void World::tick_all() {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    auto& core = *nodes_[i]->core;
    if (!nodes_[i]->alive || !core.deadline() || *core.deadline() > now) continue;
    perform(i, core.tick(now));
    // What was due is done: a deadline that stays would spin.
    if (core.deadline() && *core.deadline() <= now) FAIL("a deadline stays");
  }
}

void World::run(Duration d) {
  const auto until = now + d;
  while (now < until) step(until);
}

bool World::run_until(const std::function<bool()>& done, Duration limit) {
  const auto until = now + limit;
  while (!done() && now < until) step(until);
  return done();
}

Duration World::flight(bool direct) {
  auto d = direct ? options.direct_latency : options.relay_latency;
  if (options.jitter > Duration{})
    d += Duration{static_cast<Duration::rep>(random_() % static_cast<std::uint64_t>(options.jitter.count() + 1))};
  return d;
}

void World::in_order(ConnectionId c, bool to_client, Duration d, std::function<void()> f) {
  auto& last = last_flight_[{c, to_client}];
  last = std::max(last, now + d);
  queue_.emplace(std::pair{last, seq_++}, [this, c, f = std::move(f)] {
    if (ends_.contains(c)) f();
  });
}

void World::perform(std::size_t who, const Actions& actions) {
  for (const auto& action : actions) perform(who, action);
}

void World::perform(std::size_t who, const Action& action) {
  auto& n = *nodes_[who];
  n.actions.emplace_back(now, action);
  std::visit(overloaded{
                 [&](const DialRelay& a) { dial_relay(who, a); },
                 [&](const DialDirect& a) { dial_direct(who, a); },
                 [&](const CancelDial& a) {
                   cancelled_.insert({who, a.dial.value});
                 },
                 [&](const SendSignal& a) {
                   if (!ends_.contains(a.conn)) return;
                   REQUIRE((ends_[a.conn].kind == Kind::Signal || ends_[a.conn].kind == Kind::Room));
                   const auto wire = proto::decode(proto::encode(a.message));
                   REQUIRE(wire);
                   in_order(a.conn, false, flight(false), [this, c = a.conn, m = *wire] { relay_hears(c, m); });
                 },
                 [&](const SendDirect& a) {
                   if (!ends_.contains(a.conn)) return;
                   REQUIRE(ends_[a.conn].kind != Kind::Signal);
                   REQUIRE(ends_[a.conn].kind != Kind::Intruder);  // strangers are told nothing
                   const auto wire = proto::decode_direct(proto::encode_direct(a.message));
                   REQUIRE(wire);
                   const auto other = ends_[a.conn].other;
                   if (direct_cut_) return;
                   in_order(other, true, flight(true), [this, other, m = *wire] {
                     if (!direct_cut_) give(*nodes_[ends_[other].node], Direct{other, m});
                   });
                 },
                 [&](const SendProbe& a) {
                   REQUIRE((ends_.contains(a.conn) && ends_[a.conn].kind == Kind::Direct));
                   if (!direct_cut_ && static_cast<int>(random_() % 100) >= options.loss_percent) {
                     in_order(a.conn, true, 2 * flight(true),
                              [this, who, c = a.conn] { give(*nodes_[who], ProbeAcked{c}); });
                   }
                 },
                 [](const Punch&) {},
                 [&](const Close& a) { close(a.conn, static_cast<std::uint64_t>(a.code), flight(true)); },
                 [&](const MediaStart& a) {
                   n.media = std::make_unique<MediaSession>(a);
                   n.heard.clear();
                   n.last_heard.reset();
                   n.longest_gap = {};
                   start_media(who);
                 },
                 [&](const MediaPaths& a) {
                   REQUIRE(a.send_on.size() <= 2);
                   REQUIRE(n.media);
                   n.paths = a;
                   n.media->set_paths(a);
                 },
                 [&](const MediaStop&) {
                   ++n.generation;
                   n.paths = {};
                 },
                 [&](const Report& a) {
                   n.events.emplace_back(now, a.event);
                   const auto* ring = std::get_if<Incoming>(&a.event);
                   if (!ring || (!n.answer && !ring->mutual)) return;
                   const auto mode = ring->mutual ? proto::CallAcceptMode::AcceptTrusted : *n.answer;
                   const Answer answer{ring->call, mode, secret("answer " + n.name + ring->call.text())};
                   later(0ms, [this, who, answer] { give(*nodes_[who], answer); });
                 },
                 [](const LogLine&) {},
             },
             action);
}

ConnectionId World::open(Kind kind, std::size_t who) {
  const ConnectionId c{++next_conn_};
  ends_[c] = End{kind, who, {}, {}};
  return c;
}

void World::dial_relay(std::size_t who, const DialRelay& dial) {
  ++nodes_[who]->relay_dials;
  later(2 * flight(false), [this, who, dial] {
    if (cancelled_.contains({who, dial.dial.value}) || !nodes_[who]->alive) return;
    if (!relay_up_ || (dial.address && *dial.address != kRelayAddress)) {
      return give(*nodes_[who], DialFailed{dial.dial, "nobody answers"});
    }
    const auto c = open(dial.server_name == "_signal" ? Kind::Signal : Kind::Room, who);
    ends_[c].room = dial.server_name;
    Connected e;
    e.dial = dial.dial;
    e.conn = c;
    e.remote = kRelayAddress;
    e.peer_certificate = kCertificate;
    e.register_exporter = crypto::sha256(bytes_of("register" + to_string(c)));
    e.room_exporter = crypto::sha256(bytes_of("room" + to_string(c)));
    give(*nodes_[who], e);
  });
}

void World::dial_direct(std::size_t who, const DialDirect& dial) {
  const auto it = std::find_if(nodes_.begin(), nodes_.end(), [&](const auto& n) { return n->address == dial.address; });
  if (it == nodes_.end() || !(*it)->accepts_direct || direct_cut_) return;  // a dial into the void says nothing
  const auto whom = static_cast<std::size_t>(it - nodes_.begin());
  later(2 * flight(true), [this, who, whom, dial] {
    if (cancelled_.contains({who, dial.dial.value}) || !nodes_[who]->alive || !nodes_[whom]->alive || direct_cut_)
      return;
    const auto ours = open(Kind::Direct, who);
    const auto theirs = open(Kind::Direct, whom);
    ends_[ours].other = theirs;
    ends_[theirs].other = ours;
    const auto exporter = crypto::sha256(bytes_of("direct" + to_string(ours)));
    Connected e;
    e.dial = dial.dial;
    e.conn = ours;
    e.remote = dial.address;
    e.direct_exporter = exporter;
    in_order(theirs, true, flight(true), [this, who, whom, theirs, dial, exporter] {
      give(*nodes_[whom], InboundDirect{theirs, nodes_[who]->address, dial.server_name, exporter});
    });
    give(*nodes_[who], e);
  });
}

ConnectionId World::intrude(Node& n, const std::string& server_name, const SocketAddress& from) {
  const auto it = std::find_if(nodes_.begin(), nodes_.end(), [&](const auto& p) { return p.get() == &n; });
  const auto c = open(Kind::Intruder, static_cast<std::size_t>(it - nodes_.begin()));
  give(n, InboundDirect{c, from, server_name, crypto::sha256(bytes_of("intruder" + to_string(c)))});
  return c;
}

void World::intruder_says(ConnectionId c, const proto::DirectMessage& message) {
  if (ends_.contains(c)) give(*nodes_[ends_[c].node], Direct{c, message});
}

void World::intruder_sends(ConnectionId c, const Bytes& datagram) {
  if (ends_.contains(c)) deliver(c, datagram);
}

/// What was sent before is delivered first; then the other end hears of it.
void World::close(ConnectionId c, std::optional<std::uint64_t> code, Duration after) {
  if (!ends_.contains(c)) return;
  const auto end = ends_[c];
  if (end.kind == Kind::Direct) {
    if (direct_cut_) after = kIdle;
    in_order(end.other, true, after,
             [this, other = end.other, code] { drop_end(other, code, "closed by the other side"); });
    ends_.erase(c);
  } else if (end.kind == Kind::Intruder) {
    ends_.erase(c);
  } else {
    in_order(c, false, flight(false), [this, c] {
      relay_loses(c);
      ends_.erase(c);
    });
  }
}

void World::drop_end(ConnectionId c, std::optional<std::uint64_t> code, const std::string& why) {
  if (!ends_.contains(c)) return;
  const auto who = ends_[c].node;
  ends_.erase(c);
  give(*nodes_[who], Lost{c, code, why});
}

void World::crash(Node& n) {
  n.alive = false;
  ++n.generation;
  std::vector<ConnectionId> mine;
  for (const auto& [c, end] : ends_) {
    if (nodes_[end.node].get() == &n) mine.push_back(c);
  }
  for (const auto c : mine) {
    const auto end = ends_[c];
    if (end.kind == Kind::Direct) {
      later(kIdle, [this, other = end.other] { drop_end(other, std::nullopt, "idle timeout"); });
      ends_.erase(c);
    } else {
      later(kIdle, [this, c] {
        relay_loses(c);
        ends_.erase(c);
      });
    }
  }
}

void World::cut_signal(Node& n) {
  for (const auto& [c, end] : std::map{ends_}) {
    if (nodes_[end.node].get() != &n || end.kind != Kind::Signal) continue;
    relay_loses(c);
    drop_end(c, std::nullopt, "cut");
  }
}

void World::set_relay_up(bool up) {
  relay_up_ = up;
  if (up) return;
  registered_.clear();
  calls_.clear();
  rooms_.clear();
  for (const auto& [c, end] : std::map{ends_}) {
    if (end.kind == Kind::Signal || end.kind == Kind::Room) drop_end(c, std::nullopt, "the relay is gone");
  }
}

void World::cut_direct() {
  direct_cut_ = true;
  later(kIdle, [this] {
    for (const auto& [c, end] : std::map{ends_}) {
      if (end.kind == Kind::Direct) drop_end(c, std::nullopt, "idle timeout");
    }
  });
}

std::size_t World::open_connections(const Node& n) const {
  std::size_t found = 0;
  for (const auto& [c, end] : ends_) found += nodes_[end.node].get() == &n ? 1U : 0U;
  return found;
}

std::vector<proto::SignalMessage> World::relayed_to(const Node& n) const {
  std::vector<proto::SignalMessage> out;
  for (const auto& [who, message] : relayed_) {
    if (nodes_[who].get() == &n) out.push_back(message);
  }
  return out;
}

// --- Media ----------------------------------------------------------------------------------------------------

void World::start_media(std::size_t who) {
  const auto generation = ++nodes_[who]->generation;
  nodes_[who]->next_frame = 0;
  later(20ms, [this, who, generation] { send_frame(who, generation); });
}

void World::send_frame(std::size_t who, std::uint64_t generation) {
  auto& n = *nodes_[who];
  if (n.generation != generation || !n.alive) return;
  later(20ms, [this, who, generation] { send_frame(who, generation); });
  if (n.paths.send_on.empty()) return;
  ByteArray<8> payload{};
  store_be32(payload.data(), static_cast<std::uint32_t>(who));
  store_be32(payload.data() + 4, n.next_frame);
  Bytes buffer(MediaSession::kMaxDatagram);
  const auto made = n.media->send({proto::CodecId::Opus24k, 20 * n.next_frame++, payload}, buffer);
  REQUIRE(made);
  buffer.resize(made->size);
  for (const auto c : made->paths) {
    if (!ends_.contains(c) || static_cast<int>(random_() % 100) < options.loss_percent) continue;
    const auto& end = ends_[c];
    if (end.kind == Kind::Signal) FAIL("media went to a signal connection");
    if (end.kind == Kind::Intruder) FAIL("media went to a stranger");
    if (end.kind == Kind::Direct && !direct_cut_) {
      later(flight(true), [this, other = end.other, buffer] { deliver(other, buffer); });
    } else if (end.kind == Kind::Room && options.carries) {
      for (const auto member : rooms_[end.room]) {
        if (member != c) later(2 * flight(false), [this, member, buffer] { deliver(member, buffer); });
      }
    }
  }
}

void World::deliver(ConnectionId c, const Bytes& datagram) {
  if (!ends_.contains(c)) return;
  auto& n = *nodes_[ends_[c].node];
  if (!n.alive || !n.media) return;
  Bytes plain(datagram.size());
  const auto received = n.media->receive(c, datagram, plain);
  if (!received) return;
  // Not REQUIRE: this runs millions of times.
  if (ends_[c].kind == Kind::Intruder) FAIL("something was heard from a stranger");
  if (received->payload.size() != 8) FAIL("a frame has changed its length");
  if (nodes_[load_be32(received->payload.data())].get() == &n) FAIL("somebody hears himself");
  if (!n.heard.insert(load_be32(received->payload.data() + 4)).second) FAIL("a frame was heard twice");
  if (n.last_heard) n.longest_gap = std::max(n.longest_gap, now - *n.last_heard);
  n.last_heard = now;
  give(n, MediaSeen{c});
}

}  // namespace wzp::test
