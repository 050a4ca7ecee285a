#include <algorithm>
#include <utility>

#include "call.hpp"
#include "wzp/reflex/candidates.hpp"

namespace wzp::client {
namespace {

/// Where our relay's room is: the address it says, mended where it cannot be right ([D-60]), then the one at which we
/// are registered.
std::vector<SocketAddress> room_addresses(const std::string& relay_addr, const SocketAddress& registered) {
  std::vector<SocketAddress> out;
  if (auto said = SocketAddress::parse(relay_addr); said && said->port != 0) {
    const bool elsewhere = said->ip.is_loopback() && !registered.ip.is_loopback();
    if (said->ip.is_unspecified() || said->ip.is_multicast_or_broadcast() || elsewhere) said->ip = registered.ip;
    out.push_back(*said);
  }
  if (out.empty() || out.front() != registered) out.push_back(registered);
  return out;
}

}  // namespace

void Call::connect(const proto::CallSetup& setup, const Context& ctx) {
  if (!ctx.session) return;
  enter(CallState::Connecting, ctx.config.timers.media, ctx);
  setup_at_ = ctx.now;
  const bool relay_says = proto::has_cap(ctx.session->caps, proto::kCapRelayMedia);
  const bool carries = !relay_says || proto::has_cap(setup.caps, proto::kCapRelayMedia);
  auto found = candidates(setup, ctx);
  ctx.report(SetUp{id_, carries, !found.empty()});
  ctx.add(MediaStart{id_, role_, keys_});
  media_started_ = true;
  if (carries && !ctx.config.direct_only) start_room(setup, ctx);
  if (sealed_) {
    start_sealed_race(std::move(found), ctx);
  } else {
    start_reference_race(setup, std::move(found), ctx);
  }
  settle(ctx);
}

void Call::start_room(const proto::CallSetup& setup, const Context& ctx) {
  // Not setup.room: the name of the room follows from the call.
  room_.start(id_.room(), room_addresses(setup.relay_addr, ctx.session->remote), ctx.session->certificate,
              ephemeral_->public_key(), ctx);
}

std::vector<SocketAddress> Call::candidates(const proto::CallSetup& setup, const Context& ctx) const {
  if (!advertised_ || ctx.config.relay_only || id_.text().size() > kMaxDirectCallId) return {};
  reflex::Surroundings around;
  around.relay = ctx.session->remote;
  around.own = own_hosts_;
  if (own_reflexive_) around.own.push_back(*SocketAddress::parse(*own_reflexive_));
  // Reference peers neither dial nor accept IPv6 (client.md 11.3).
  around.v6 = sealed_ && std::any_of(ctx.hosts.begin(), ctx.hosts.end(), [](const auto& a) { return !a.ip.is_v4(); });
  return reflex::dial_candidates(setup.peer_local_addrs, setup.peer_direct_addr, around);
}

void Call::start_sealed_race(std::vector<SocketAddress> found, const Context& ctx) {
  if (found.empty()) return direct_.close_all(std::nullopt, "not-selected", ctx);
  racing_ = true;
  direct_.start_sealed(keys_->direct_key, std::move(found), ctx);
}

void Call::start_reference_race(const proto::CallSetup& setup, std::vector<SocketAddress> found, const Context& ctx) {
  // Base peers cannot do without a handshake that nobody answers on a direct path, and end on a report.
  if (base_peer_ || ctx.session->build.empty()) return direct_.close_all(std::nullopt, "not-selected", ctx);
  racing_ = true;
  const auto role = reflex::determine_role(own_reflexive_.value_or(""), setup.peer_direct_addr.value_or(""));
  direct_.start_reference(advertised_ ? role : std::nullopt, std::move(found), peer_report_, ctx);
}

bool Call::connected(const Connected& event, const Context& ctx) {
  if (!room_.connected(event, ctx) && !direct_.connected(event, ctx)) return false;
  settle(ctx);
  return true;
}

bool Call::dial_failed(const DialFailed& event, const Context& ctx) {
  if (!room_.dial_failed(event, ctx) && !direct_.dial_failed(event, ctx)) return false;
  settle(ctx);
  return true;
}

bool Call::inbound(const InboundDirect& event, const Context& ctx) {
  const bool before = calling() || state_ == CallState::AwaitingSetup;
  if (!advertised_ || !(before || racing_ || plan_.selected())) return false;
  if (event.server_name != DirectPaths::server_name(id_)) return false;
  direct_.inbound(event, ctx);
  settle(ctx);
  return true;
}

bool Call::lost(const Lost& event, const Context& ctx) {
  const bool in_use = plan_.selected() == event.conn;
  if (!room_.lost(event, ctx) && !direct_.lost(event, ctx)) return false;
  if (in_use && !sealed_) {
    unsealed_path_lost(event.code.has_value(), ctx);
  } else {
    settle(ctx);
  }
  return true;
}

/// A reference peer cannot move, so the room is a way back only while it may not have known that we went direct.
void Call::unsealed_path_lost(bool closed_by_peer, const Context& ctx) {
  if (closed_by_peer && room_.up()) return settle(ctx);
  if (closed_by_peer) return end(EndReason::PeerHungUp, "", proto::HangupReason::Normal, ctx);
  end(EndReason::MediaLost, "the direct connection has ended", proto::HangupReason::Error, ctx);
}

bool Call::room_signal(const Signal& event, const Context& ctx) {
  if (!room_.signal(event, ctx)) return false;
  settle(ctx);
  return true;
}

void Call::direct(const Direct& event, const Context& ctx) {
  if (const auto hangup = direct_.message(event, ctx)) {
    // The other side may have lost its relay: ours is told by us, and drops what it knows already.
    return peer_ended(hangup->reason, proto::HangupReason::Normal, ctx);
  }
  settle(ctx);
}

void Call::bad_direct(ConnectionId conn, const Context& ctx) {
  direct_.bad_message(conn, ctx);
  settle(ctx);
}

void Call::probe_acked(ConnectionId conn, const Context& ctx) {
  direct_.probe_acked(conn, ctx);
  settle(ctx);
}

void Call::media_seen(ConnectionId conn, const Context& ctx) {
  const bool relay = room_.up() == conn;
  if (!connecting() || (!relay && !direct_.knows(conn))) return;
  if (health_.packet(ctx.now) == MediaHealth::Change::Recovered) ctx.report(MediaRecovered{id_});
  if (state_ == CallState::Active) return;
  state_ = CallState::Active;
  due_.reset();
  ctx.report(FirstMedia{id_, relay ? PathKind::Relay : PathKind::Direct, ctx.now - setup_at_});
}

void Call::settle(const Context& ctx) {
  if (!connecting() || ended_) return;
  if (direct_.take_decision()) racing_ = false;
  const auto agreed = direct_.selected();
  plan_.set_validated(direct_.validated());
  if (agreed && agreed != plan_.selected()) {
    plan_.select(*agreed, ctx.now + ctx.config.timers.move_overlap);
    if (!sealed_) unused_room_due_ = ctx.now + ctx.config.timers.unused_room;
  } else if (!agreed) {
    plan_.deselect();
    unused_room_due_.reset();
  }
  plan_.set_relay(room_.up());
  report_paths(ctx);
  plan_.publish(ctx);
  const bool room_pending = room_.state() == RoomLink::State::Dialling || room_.state() == RoomLink::State::Handshaking;
  if (relay_hangup_ && !plan_.selected()) return peer_ended(*relay_hangup_, std::nullopt, ctx);
  if (plan_.any() || racing_ || room_pending) return;
  const bool had_path = direct_was_up_ || relay_was_up_;
  end(had_path ? EndReason::MediaLost : EndReason::NoPath, why_no_path(ctx), proto::HangupReason::Error, ctx);
}

std::string Call::why_no_path(const Context& ctx) const {
  if (direct_was_up_ || relay_was_up_) return "the last connection that carried it has ended";
  if (ctx.config.direct_only) return "no direct connection came up, and the relay was not to be used";
  if (room_.state() == RoomLink::State::Idle) return "no direct connection came up, and no relay carries this call";
  return "no direct connection came up, and the relay: " + room_.why();
}

/// The loser of an unsealed race, once the other side must have decided as well.
void Call::close_unused_room(const Context& ctx) {
  unused_room_due_.reset();
  room_.close("not-selected", ctx);
}

void Call::report_paths(const Context& ctx) {
  const auto since = ctx.now - setup_at_;
  const auto direct = direct_.validated();
  if (!direct_was_up_ && !direct.empty()) {
    direct_was_up_ = true;
    ctx.report(PathUp{id_, PathKind::Direct, direct_.remote(direct.front()), since});
  }
  if (!relay_was_up_ && room_.up()) {
    relay_was_up_ = true;
    ctx.report(PathUp{id_, PathKind::Relay, room_.remote(), since});
  }
  if (plan_.selected() && chosen_ != PathKind::Direct) {
    chosen_ = PathKind::Direct;
    ctx.report(PathChosen{id_, PathKind::Direct, direct_.remote(*plan_.selected())});
  } else if (!plan_.selected() && !racing_ && room_.up() && chosen_ != PathKind::Relay) {
    chosen_ = PathKind::Relay;
    ctx.report(PathChosen{id_, PathKind::Relay, room_.remote()});
  }
}

std::optional<Instant> Call::deadline(const Timers& timers) const {
  const auto paths = earliest(earliest(room_.deadline(), direct_.deadline()), plan_.deadline());
  const auto media = earliest(health_.deadline(), advisory_due(timers));
  return earliest(earliest(due_, unused_room_due_), earliest(paths, media));
}

}  // namespace wzp::client
