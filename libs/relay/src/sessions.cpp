#include "sessions.hpp"

#include <utility>

#include "client_signals.hpp"
#include "cross_relay_dispatcher.hpp"
#include "neighbours.hpp"
#include "registration.hpp"
#include "room_quality.hpp"
#include "rooms.hpp"
#include "wzp/base/overloaded.hpp"

namespace wzp::relay {
namespace {

using proto::ConnectionClass;
using Stage = Session::Stage;

/// Source: relay.md 4, as the reference does.
constexpr Duration kVersionLinger = std::chrono::milliseconds{100};
/// Source: relay.md 12.1.
constexpr registry::Rate kReflectRate{10, std::chrono::seconds{1}, 10};
constexpr Duration kBadMessageLogInterval = std::chrono::seconds{10};

void on_signal(State& s, Session& session, const proto::SignalMessage& message, Instant now) {
  if (session.stage == Stage::Waiting) {
    if (std::holds_alternative<proto::AuthToken>(message)) return;  // nobody asked for it (wire.md 5.6)
    if (const auto* request = std::get_if<proto::RegisterPresence>(&message)) {
      return on_register(s, session, *request, now);
    }
    return close_session(s, session, kCloseProtocol, "protocol: RegisterPresence comes first", now);
  }
  if (const auto* ping = std::get_if<proto::Ping>(&message)) {
    return s.send(session.conn, proto::Pong{ping->timestamp_ms});
  }
  if (std::holds_alternative<proto::Reflect>(message)) return on_reflect(s, session, now);
  if (session.stage == Stage::Anonymous) return s.drop("anonymous-signal");
  std::visit(overloaded{[&](const proto::DirectCallOffer& m) { on_client(s, session, m, now); },
                        [&](const proto::CallRinging& m) { on_client(s, session, m); },
                        [&](const proto::DirectCallAnswer& m) { on_client(s, session, m, now); },
                        [&](const proto::Hangup& m) { on_client(s, session, m, now); },
                        [&](const proto::MediaPathReport& m) { on_client(s, session, m, now); },
                        [&](const auto&) { s.drop("signal-unexpected"); }},
             message.as_variant());
}

void on_room(State& s, Session& session, const proto::SignalMessage& message, Instant now) {
  if (session.stage == Stage::Waiting) {
    if (std::holds_alternative<proto::AuthToken>(message)) return;
    if (const auto* offer = std::get_if<proto::CallOffer>(&message)) return on_call_offer(s, session, *offer, now);
    return close_session(s, session, kCloseProtocol, "protocol: CallOffer comes first", now);
  }
  if (const auto* ping = std::get_if<proto::Ping>(&message)) {
    s.send(session.conn, proto::Pong{ping->timestamp_ms});
  } else if (std::holds_alternative<proto::Hangup>(message)) {
    close_session(s, session, kCloseNormal, "hangup", now);
  } else {
    s.drop("room-unexpected");
  }
}

void on_probe(State& s, Session& session, const proto::SignalMessage& message) {
  if (const auto* ping = std::get_if<proto::Ping>(&message)) {
    s.send(session.conn, proto::Pong{ping->timestamp_ms});
  } else {
    s.drop("probe-unexpected");  // presence and routes are for verified links (V-25)
  }
}

/// What a connection leaves behind when it ends or is ended.
void clean_up(State& s, const Session& session, std::optional<std::uint64_t> code, Instant now) {
  s.due.cancel(SessionDue{session.conn});
  if (session.cls == ConnectionClass::Signal) end_registration(s, session.conn, now);
  if (session.cls == ConnectionClass::Room) leave_room(s, session, now);
  if (session.cls == ConnectionClass::Federation) {
    run(s, s.federation.handle(federation::Lost{session.conn, code}, now), now);
  }
}

/// Whoever is not a relay and says too much is closed.
bool within_rate(State& s, Session& session, Instant now) {
  if (session.cls == ConnectionClass::Federation || session.signals.take(now)) return true;
  s.drop("signal-rate");
  close_session(s, session, kCloseLimit, "limit", now);
  return false;
}

/// Whose verified link this connection is.
std::optional<RelayFingerprint> relay_of(const State& s, ConnectionId conn) {
  for (const auto& link : s.federation.links()) {
    if (link.conn == conn) return link.relay;
  }
  return std::nullopt;
}

registry::TokenBucket signal_bucket(const Config& config) {
  const auto rate = config.signals_per_second;
  return registry::TokenBucket{{rate, std::chrono::seconds{1}, 2 * rate}};
}

}  // namespace

void on_event(State& s, const Opened& event, Instant now) {
  if (s.shut_down || s.sessions.contains(event.conn)) return s.drop("connection-unwanted");
  const auto [it, added] = s.sessions.emplace(event.conn, Session{.conn = event.conn,
                                                                  .cls = event.cls,
                                                                  .server_name = event.server_name,
                                                                  .remote = event.remote,
                                                                  .local = event.local,
                                                                  .register_exporter = event.register_exporter,
                                                                  .room_exporter = event.room_exporter,
                                                                  .stage = Stage::Waiting,
                                                                  .who = {},
                                                                  .signals = signal_bucket(s.config),
                                                                  .reflects = registry::TokenBucket{kReflectRate}});
  Session& session = it->second;
  switch (event.cls) {
    case ConnectionClass::Ping: return close_session(s, session, kCloseNormal, "", now);
    case ConnectionClass::Version:
      s.out.push_back(SendVersion{event.conn, s.config.build});
      return s.due.set(SessionDue{event.conn}, now + kVersionLinger);
    case ConnectionClass::Probe: session.stage = Stage::Ready; return;
    case ConnectionClass::Signal: return s.due.set(SessionDue{event.conn}, now + s.config.register_timeout);
    case ConnectionClass::Room: return s.due.set(SessionDue{event.conn}, now + s.config.call_offer_timeout);
    case ConnectionClass::Federation:
      session.stage = Stage::Ready;
      return run(s,
                 s.federation.handle(federation::Opened{event.conn, event.inbound, event.dialled_peer,
                                                        event.peer_certificate, event.remote},
                                     now),
                 now);
  }
}

void on_event(State& s, const Received& event, Instant now) {
  auto* session = s.session(event.conn);
  if (session == nullptr) return s.drop("connection-unknown");
  session->bad_messages.good();
  if (session->cls == ConnectionClass::Federation) {
    return run(s, s.federation.handle(federation::Received{event.conn, event.message}, now), now, event.conn);
  }
  if (!within_rate(s, *session, now)) return;
  switch (session->cls) {
    case ConnectionClass::Signal: return on_signal(s, *session, event.message, now);
    case ConnectionClass::Room: return on_room(s, *session, event.message, now);
    case ConnectionClass::Probe: return on_probe(s, *session, event.message);
    default: return s.drop("signal-unexpected");
  }
}

void on_event(State& s, const BadMessage& event, Instant now) {
  s.drop(event.error.code == Errc::UnknownSignal ? "unknown-signal" : "bad-message");
  auto* session = s.session(event.conn);
  if (session == nullptr || !within_rate(s, *session, now)) return;
  if (!s.bad_message_logged || now - *s.bad_message_logged >= kBadMessageLogInterval) {
    s.bad_message_logged = now;
    s.log(LogLevel::Warn,
          "skipped a message from " + to_string(session->remote) + ": " + printable(to_string(event.error), 120));
  }
  // A newer program may send variants of its own for ever (H-01, V-14); a broken one is let go.
  if (!session->bad_messages.bad(event.error.code)) return;
  close_session(s, *session, kCloseProtocol, "protocol: too many malformed messages", now);
}

void on_event(State& s, const Unsent& event, Instant) {
  for (std::size_t i = 0; i < event.messages; ++i) s.drop("link-backlog");
  const auto relay = relay_of(s, event.conn);
  if (!relay) return;
  s.log(LogLevel::Warn, "federation: " + s.federation.label_of(*relay).value_or("a relay") + " reads too slowly: " +
                            std::to_string(event.messages) + " messages of relays behind us were left out");
}

void on_event(State& s, const Moved& event, Instant) {
  if (auto* session = s.session(event.conn)) session->remote = event.remote;
}

void on_event(State& s, const Lost& event, Instant now) {
  const auto found = s.sessions.find(event.conn);
  if (found == s.sessions.end()) return s.drop("connection-unknown");
  const Session session = std::move(found->second);
  s.sessions.erase(found);
  if (session.stage != Stage::Closing) clean_up(s, session, event.close_code, now);
}

void on_event(State& s, const DialFailed& event, Instant now) {
  run(s, s.federation.handle(federation::DialFailed{event.peer, event.why}, now), now);
}

void on_event(State& s, const Reported& event, Instant now) { on_report(s, event.conn, event.report, now); }

void on_event(State& s, const Shutdown&, Instant) {
  s.shut_down = true;
  for (auto& [conn, session] : s.sessions) {
    if (session.stage == Stage::Closing) continue;
    session.stage = Stage::Closing;
    s.out.push_back(Close{conn, kCloseShuttingDown, "shutting down"});
  }
}

void on_due(State& s, const SessionDue& due, Instant now) {
  auto* session = s.session(due.conn);
  if (session == nullptr) return;
  if (session->cls == ConnectionClass::Version) return close_session(s, *session, kCloseNormal, "", now);
  close_session(s, *session, kCloseTimeout, "timeout", now);
}

void close_session(State& s, Session& session, std::uint64_t code, std::string reason, Instant now) {
  if (session.stage == Stage::Closing) return;
  session.stage = Stage::Closing;
  s.out.push_back(Close{session.conn, code, std::move(reason)});
  clean_up(s, session, std::nullopt, now);
}

void run(State& s, federation::Actions actions, Instant now, std::optional<ConnectionId> from) {
  for (auto& action : actions) {
    std::visit(overloaded{
                   [&](federation::Send& a) { s.send(a.conn, std::move(a.message)); },
                   [&](const federation::Close& a) {
                     s.out.push_back(Close{a.conn, a.code, a.reason});
                     if (auto* session = s.session(a.conn)) session->stage = Stage::Closing;
                   },
                   [&](const federation::Dial& a) { s.out.push_back(Dial{a.peer}); },
                   [&](const federation::LinkUp& a) { link_up(s, a.relay, now); },
                   [&](const federation::LinkDown& a) { link_down(s, a.relay, now); },
                   [&](const federation::LinkChanged& a) { link_changed(s, a.relay, now); },
                   [&](const federation::FromRelay& a) { from_relay(s, a.from, a.message, now); },
                   [&](const federation::Forwarded& a) { CrossRelayDispatcher{s}.handle(a.from, a.inner, now); },
                   [&](const federation::Dropped& a) {
                     // Who has no verified link is told nothing, and may say much that counts for nothing.
                     const auto relay = from && !a.is_honest ? relay_of(s, *from) : std::nullopt;
                     relay ? s.misdeed(*relay, a.reason, now) : s.drop(a.reason);
                   },
                   [&](LogLine& a) { s.out.push_back(std::move(a)); },
               },
               action);
  }
}

}  // namespace wzp::relay
