#include "direct_paths.hpp"

#include <algorithm>
#include <utility>

#include "wzp/base/overloaded.hpp"
#include "wzp/crypto/direct_proof.hpp"

namespace wzp::client {
namespace {

proto::CallRole wire_role(crypto::CallRole role) {
  return role == crypto::CallRole::Caller ? proto::CallRole::Caller : proto::CallRole::Callee;
}

}  // namespace

void DirectPaths::start_sealed(const Secret<32>& key, std::vector<SocketAddress> candidates, const Context& ctx) {
  const auto& timers = ctx.config.timers;
  key_ = key;
  reflex::PathRace::Config config;
  config.caller = role_ == crypto::CallRole::Caller;
  config.hello_timeout = timers.direct_hello;
  config.confirm_timeout = timers.direct_confirm;
  config.search = timers.direct_search;
  auto& race = race_.emplace<reflex::PathRace>(config);
  apply(race.start(std::move(candidates), ctx.now), ctx);
  release_held(ctx);
}

void DirectPaths::start_reference(std::optional<reflex::Role> role, std::vector<SocketAddress> candidates,
                                  std::optional<bool> early, const Context& ctx) {
  candidates_ = candidates;
  reflex::ReferenceRace::Config config;
  config.role = role;
  auto& race = race_.emplace<reflex::ReferenceRace>(config);
  if (early) apply(race.handle(reflex::PeerReport{*early}, ctx.now), ctx);
  apply(race.start(std::move(candidates), ctx.now), ctx);
  release_held(ctx);
}

bool DirectPaths::connected(const Connected& event, const Context& ctx) {
  const auto it = std::find_if(dialling_.begin(), dialling_.end(), [&](const auto& d) { return d.dial == event.dial; });
  if (it == dialling_.end()) return false;
  const auto remote = it->remote;
  dialling_.erase(it);
  known_.push_back({event.conn, event.remote, event.direct_exporter, false});
  feed(reflex::Dialled{remote, event.conn}, ctx);
  return true;
}

bool DirectPaths::dial_failed(const DialFailed& event, const Context& ctx) {
  const auto it = std::find_if(dialling_.begin(), dialling_.end(), [&](const auto& d) { return d.dial == event.dial; });
  if (it == dialling_.end()) return false;
  const auto remote = it->remote;
  dialling_.erase(it);
  feed(reflex::DialFailed{remote}, ctx);
  return true;
}

void DirectPaths::inbound(const InboundDirect& event, const Context& ctx) {
  if (racing()) return accept(event, ctx);
  if (held_.size() >= reflex::PathRace::kMaxUnchecked) {
    return ctx.add(Close{event.conn, CloseCode::Limit, "limit"});
  }
  held_.push_back({event, std::nullopt, ctx.now + ctx.config.timers.direct_hello});
}

void DirectPaths::accept(const InboundDirect& event, const Context& ctx) {
  // A reference peer proves nothing; at least it must come from an address that the relay named (client.md 19.7).
  const auto from_peer = [&](const SocketAddress& c) { return c.ip == event.remote.ip; };
  if (!sealed() && std::none_of(candidates_.begin(), candidates_.end(), from_peer)) {
    return ctx.add(Close{event.conn, CloseCode::Normal, "not-selected"});
  }
  known_.push_back({event.conn, event.remote, event.direct_exporter, false});
  feed(reflex::Accepted{event.conn}, ctx);
}

void DirectPaths::release_held(const Context& ctx) {
  for (const auto& held : std::exchange(held_, {})) {
    accept(held.inbound, ctx);
    auto* known = find(held.inbound.conn);
    if (known && held.hello) check_hello(*known, *held.hello, ctx);
  }
}

bool DirectPaths::lost(const Lost& event, const Context& ctx) {
  const auto before = held_.size();
  std::erase_if(held_, [&](const Held& h) { return h.inbound.conn == event.conn; });
  if (held_.size() != before) return true;
  if (!find(event.conn)) return false;
  forget(event.conn);
  feed(reflex::Gone{event.conn}, ctx);
  return true;
}

std::optional<proto::Hangup> DirectPaths::message(const Direct& event, const Context& ctx) {
  for (auto& held : held_) {
    const auto* hello = std::get_if<proto::DirectHello>(&event.message);
    if (held.inbound.conn == event.conn && hello && !held.hello) held.hello = *hello;
  }
  auto* known = find(event.conn);
  if (!known || !sealed()) return std::nullopt;
  const auto names_us = [&](const std::string& id) { return id == call_.text(); };
  if (const auto* hello = std::get_if<proto::DirectHello>(&event.message)) {
    if (!known->checked) check_hello(*known, *hello, ctx);
    return std::nullopt;
  }
  if (!known->checked) return std::nullopt;
  if (const auto* hangup = std::get_if<proto::Hangup>(&event.message)) {
    if (!hangup->call_id || names_us(*hangup->call_id)) return *hangup;
  } else if (const auto* nominate = std::get_if<proto::DirectNominate>(&event.message)) {
    if (names_us(nominate->call_id)) feed(reflex::Nominated{event.conn}, ctx);
  } else if (const auto* confirm = std::get_if<proto::DirectConfirm>(&event.message)) {
    if (names_us(confirm->call_id)) feed(reflex::Confirmed{event.conn}, ctx);
  } else if (const auto* ping = std::get_if<proto::Ping>(&event.message)) {
    ctx.add(SendDirect{event.conn, proto::Pong{ping->timestamp_ms}});
  }
  return std::nullopt;
}

void DirectPaths::bad_message(ConnectionId conn, const Context& ctx) {
  const auto* known = find(conn);
  if (known && sealed() && !known->checked) feed(reflex::HelloChecked{conn, false}, ctx);
}

void DirectPaths::probe_acked(ConnectionId conn, const Context& ctx) { feed(reflex::ProbeAcked{conn}, ctx); }

void DirectPaths::peer_report(bool direct_ok, const Context& ctx) { feed(reflex::PeerReport{direct_ok}, ctx); }

void DirectPaths::tick(const Context& ctx) {
  while (!held_.empty() && ctx.now >= held_.front().due) {
    ctx.add(Close{held_.front().inbound.conn, CloseCode::BadProof, "bad proof"});
    held_.erase(held_.begin());
  }
  std::visit(overloaded{[](std::monostate) {}, [&](auto& race) { apply(race.tick(ctx.now), ctx); }}, race_);
}

void DirectPaths::close_all(std::optional<proto::HangupReason> hangup, const std::string& reason, const Context& ctx) {
  std::visit(overloaded{[](std::monostate) {}, [&](auto& race) { apply(race.cancel_dials(), ctx); }}, race_);
  for (const auto& known : std::exchange(known_, {})) {
    if (hangup && known.checked) ctx.add(SendDirect{known.conn, proto::Hangup{*hangup, call_.text()}});
    ctx.add(Close{known.conn, CloseCode::Normal, reason});
  }
  for (const auto& held : std::exchange(held_, {})) ctx.add(Close{held.inbound.conn, CloseCode::Normal, reason});
}

std::optional<Instant> DirectPaths::deadline() const {
  std::optional<Instant> due;
  if (!held_.empty()) due = held_.front().due;
  return earliest(due, std::visit(overloaded{[](std::monostate) { return std::optional<Instant>{}; },
                                             [](const auto& race) { return race.deadline(); }},
                                  race_));
}

bool DirectPaths::knows(ConnectionId conn) const {
  return std::any_of(known_.begin(), known_.end(), [&](const Known& k) { return k.conn == conn; }) ||
         std::any_of(held_.begin(), held_.end(), [&](const Held& h) { return h.inbound.conn == conn; });
}

std::vector<ConnectionId> DirectPaths::validated() const {
  return std::visit(overloaded{[](std::monostate) { return std::vector<ConnectionId>{}; },
                               [](const auto& race) { return race.validated(); }},
                    race_);
}

std::optional<ConnectionId> DirectPaths::selected() const {
  return std::visit(overloaded{[](std::monostate) { return std::optional<ConnectionId>{}; },
                               [](const auto& race) { return race.selected(); }},
                    race_);
}

SocketAddress DirectPaths::remote(ConnectionId conn) const {
  const auto it = std::find_if(known_.begin(), known_.end(), [&](const Known& k) { return k.conn == conn; });
  return it == known_.end() ? SocketAddress{} : it->remote;
}

void DirectPaths::feed(const reflex::RaceEvent& event, const Context& ctx) {
  std::visit(overloaded{[](std::monostate) {}, [&](auto& race) { apply(race.handle(event, ctx.now), ctx); }}, race_);
}

void DirectPaths::apply(const reflex::RaceActions& actions, const Context& ctx) {
  for (const auto& action : actions) {
    std::visit(overloaded{
                   [&](const reflex::Dial& a) {
                     dialling_.push_back({ctx.dials.next(), a.remote});
                     ctx.add(DialDirect{dialling_.back().dial, a.remote, server_name(call_)});
                   },
                   [&](const reflex::CancelDial& a) {
                     const auto it = std::find_if(dialling_.begin(), dialling_.end(),
                                                  [&](const auto& d) { return d.remote == a.remote; });
                     if (it == dialling_.end()) return;
                     ctx.add(CancelDial{it->dial});
                     dialling_.erase(it);
                   },
                   [&](const reflex::Punch& a) { ctx.add(Punch{a.remote}); },
                   [&](const reflex::SendHello& a) { send_hello(a.conn, ctx); },
                   [&](const reflex::SendProbe& a) { ctx.add(SendProbe{a.conn}); },
                   [&](const reflex::SendNominate& a) {
                     ctx.add(SendDirect{a.conn, proto::DirectNominate{call_.text()}});
                   },
                   [&](const reflex::SendConfirm& a) {
                     ctx.add(SendDirect{a.conn, proto::DirectConfirm{call_.text()}});
                   },
                   [&](const reflex::SendReport& a) {
                     // Base relays end the connection on it (wire.md 2.7).
                     if (!ctx.session || ctx.session->build.empty()) return;
                     ctx.signal(proto::MediaPathReport{call_.text(), a.direct_ok, a.direct_ok ? "Direct" : "Relay"});
                   },
                   [&](const reflex::ClosePath& a) { close_path(a, ctx); },
                   [&](const reflex::UseDirect&) { decided_ = true; },
                   [&](const reflex::UseRelay&) { decided_ = true; },
               },
               action);
  }
}

void DirectPaths::close_path(const reflex::ClosePath& action, const Context& ctx) {
  switch (action.why) {
    case reflex::CloseWhy::NotSelected: ctx.add(Close{action.conn, CloseCode::Normal, "not-selected"}); break;
    case reflex::CloseWhy::BadProof: ctx.add(Close{action.conn, CloseCode::BadProof, "bad proof"}); break;
    case reflex::CloseWhy::Limit: ctx.add(Close{action.conn, CloseCode::Limit, "limit"}); break;
  }
  forget(action.conn);
}

void DirectPaths::check_hello(Known& known, const proto::DirectHello& hello, const Context& ctx) {
  const auto peer = crypto::other(role_);
  const bool good = hello.call_id == call_.text() && hello.role == wire_role(peer) && key_ &&
                    crypto::direct_proof_valid(*key_, peer, known.exporter, hello.proof);
  const auto conn = known.conn;
  known.checked = good;
  feed(reflex::HelloChecked{conn, good}, ctx);
}

void DirectPaths::send_hello(ConnectionId conn, const Context& ctx) {
  const auto* known = find(conn);
  if (!known || !key_) return;
  const auto proof = crypto::direct_proof(*key_, role_, known->exporter);
  ctx.add(SendDirect{conn, proto::DirectHello{call_.text(), wire_role(role_), proof}});
}

void DirectPaths::forget(ConnectionId conn) {
  std::erase_if(known_, [&](const Known& k) { return k.conn == conn; });
}

DirectPaths::Known* DirectPaths::find(ConnectionId conn) {
  const auto it = std::find_if(known_.begin(), known_.end(), [&](const Known& k) { return k.conn == conn; });
  return it == known_.end() ? nullptr : &*it;
}

}  // namespace wzp::client
