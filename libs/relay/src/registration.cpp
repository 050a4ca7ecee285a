#include "registration.hpp"

#include "calls.hpp"
#include "neighbours.hpp"
#include "sessions.hpp"
#include "wzp/crypto/registration.hpp"

namespace wzp::relay {
namespace {

void refuse(State& s, Session& session, std::uint64_t code, const std::string& why, Instant now) {
  s.drop("register-refused");
  s.send(session.conn, proto::RegisterPresenceAck{.success = false, .error = why, .relay_build = s.config.build});
  close_session(s, session, code, why, now);
}

proto::RegisterPresenceAck ack(const State& s) {
  return {.success = true,
          .relay_build = s.config.build,
          .caps = {std::string{proto::kCapRelayMedia}, std::string{proto::kCapRingProof}}};
}

/// The all-zero key of a NAT probe: nobody that can be called (relay.md 5.3).
void admit_probe(State& s, Session& session, Instant now) {
  session.stage = Session::Stage::Anonymous;
  s.due.set(SessionDue{session.conn}, now + s.config.anonymous_timeout);
  s.send(session.conn, ack(s));
}

void replace_older(State& s, const registry::Presence::Added& added, Instant now) {
  auto out = added.put_out;
  // A client that knows what "replaced" means is told; others would reconnect and fight (design.md 3.19).
  if (added.demoted && !added.demoted->caps.empty() && s.presence.remove(added.demoted->conn)) {
    out.push_back(*added.demoted);
  }
  for (const auto& old : out) {
    if (auto* session = s.session(old.conn)) close_session(s, *session, kCloseReplaced, "replaced", now);
  }
}

/// This registration speaks for its person from now on.
void speaks_now(State& s, const registry::Registration& client, Instant now) {
  const auto who = client.who;
  if (proto::has_cap(client.caps, proto::kCapNoAnnounce)) {
    withdraw_user(s, who, now);
  } else {
    announce_user(s, who, now);
  }
  party_back(s, who, now);
}

}  // namespace

void on_register(State& s, Session& session, const proto::RegisterPresence& request, Instant now) {
  using enum crypto::RegistrationProof;
  const crypto::Registration claimed{s.config.fingerprint, session.register_exporter, request.identity_pub};
  const auto proof = crypto::judge_registration(claimed, request.signature);
  if (proof == Anonymous) return admit_probe(s, session, now);
  if (proof == Invalid || (proof == Unsigned && !s.config.allow_unsigned_registration)) {
    return refuse(s, session, kCloseBadSignature, "bad signature", now);
  }
  if (request.alias && request.alias->size() > kMaxAliasBytes) {
    return refuse(s, session, kCloseLimit, "alias is longer than 64 bytes", now);
  }
  const auto who = crypto::fingerprint_of(request.identity_pub);
  const auto added = s.presence.add({.conn = session.conn,
                                     .who = who,
                                     .alias = request.alias,
                                     .caps = request.caps,
                                     .is_signed = proof == Signed,
                                     .since = now});
  if (!added) {
    const bool full = added.error().code == Errc::LimitReached;
    return full ? refuse(s, session, kCloseLimit, "this relay is full", now)
                : refuse(s, session, kCloseBadSignature, "bad signature: this identity registers with one", now);
  }
  s.due.cancel(SessionDue{session.conn});
  session.stage = Session::Stage::Ready;
  session.who = who;
  s.send(session.conn, ack(s));
  s.log(proof == Signed ? LogLevel::Info : LogLevel::Warn,
        to_string(who) + " registered from " + to_string(session.remote) +
            (proof == Signed ? "" : ", unsigned: anybody can take this name"));
  replace_older(s, *added, now);
  speaks_now(s, *s.presence.current(who), now);
}

void end_registration(State& s, ConnectionId conn, Instant now) {
  const auto removed = s.presence.remove(conn);
  // An older registration that remains, or a newer one, still speaks for this person.
  if (!removed || !removed->was_current) return;
  if (removed->promoted) return speaks_now(s, *s.presence.current(removed->registration.who), now);
  withdraw_user(s, removed->registration.who, now);
  party_lost(s, removed->registration.who, now);
}

void on_reflect(State& s, Session& session, Instant now) {
  if (!session.reflects.take(now)) return s.drop("reflect-rate");
  s.send(session.conn, proto::ReflectResponse{to_string(session.remote)});
}

}  // namespace wzp::relay
