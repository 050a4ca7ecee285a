#include "wzp/client/client_core.hpp"

#include <algorithm>
#include <deque>
#include <utility>
#include <vector>

#include "call.hpp"
#include "peer_memory.hpp"
#include "registration.hpp"
#include "wzp/base/overloaded.hpp"
#include "wzp/crypto/callee_proof.hpp"
#include "wzp/proto/frame.hpp"

namespace wzp::client {
namespace {

/// Hang-ups that are said (again) with the next registration, and for how long. Source: our choice; relays keep an
/// answered call 15 s.
constexpr std::size_t kMaxUntold = 4;
constexpr Duration kUntoldKept = std::chrono::seconds{30};

}  // namespace

struct ClientCore::Parts {
  explicit Parts(Config c) : config{std::move(c)}, signers{config.known_signers} {}

  struct Untold {
    proto::Hangup hangup;
    Instant expires;
  };

  Config config;
  DialIds dials;
  SignerMemory signers;
  SeenCalls seen;
  std::vector<SocketAddress> hosts;
  Registration registration;
  std::optional<Call> call;
  std::deque<Untold> untold;
  proto::BadMessageCounter bad_messages{};  ///< of the signal connection
  bool shut_down = false;

  Context context(Instant now, Actions& out) {
    return Context{config, dials, signers, hosts, registration.session(), now, out};
  }

  void on(const Connected& e, const Context& ctx);
  void on(const InboundDirect& e, const Context& ctx);
  void on(const DialFailed& e, const Context& ctx);
  void on(const Lost& e, const Context& ctx);
  void on(const Signal& e, const Context& ctx);
  void on(const Direct& e, const Context& ctx);
  void on(const BadMessage& e, const Context& ctx);
  void on(const ProbeAcked& e, const Context& ctx);
  void on(const MediaSeen& e, const Context& ctx);
  void on(const HostAddresses& e, const Context& ctx);
  void on(const PlaceCall& e, const Context& ctx);
  void on(const Answer& e, const Context& ctx);
  void on(const HangUp& e, const Context& ctx);
  void on(const Shutdown& e, const Context& ctx);

  void signal(const proto::SignalMessage& message, const Context& ctx);
  void offer(const proto::DirectCallOffer& offer, const Context& ctx);
  void prove(const crypto::OfferTerms& offer, const Context& ctx);
  void ring(const CheckedOffer& offer, const Context& ctx);
  void refuse(const std::string& call_id, bool busy, const Context& ctx);
  void tell_late(const Context& ctx);
  void clean_up(Instant now);
};

void ClientCore::Parts::on(const Connected& e, const Context& ctx) {
  if (registration.connected(e, ctx) || (call && call->connected(e, ctx))) return;
  ctx.add(Close{e.conn, CloseCode::Normal, "not-selected"});  // the dial was given up
}

void ClientCore::Parts::on(const InboundDirect& e, const Context& ctx) {
  if (call && call->inbound(e, ctx)) return;
  ctx.add(Close{e.conn, CloseCode::Normal, "stale"});
}

void ClientCore::Parts::on(const DialFailed& e, const Context& ctx) {
  if (!registration.dial_failed(e, ctx) && call) call->dial_failed(e, ctx);
}

void ClientCore::Parts::on(const Lost& e, const Context& ctx) {
  if (registration.lost(e, ctx)) {
    if (call) call->registration_lost(context(ctx.now, ctx.out));
  } else if (call) {
    call->lost(e, ctx);
  }
}

void ClientCore::Parts::on(const Signal& e, const Context& ctx) {
  if (e.conn != registration.conn()) {
    if (call) call->room_signal(e, ctx);
    return;
  }
  bad_messages.good();
  if (registration.session()) return signal(e.message, ctx);
  const auto early = registration.early(e.message, ctx);
  if (!registration.session()) return;
  const auto registered = context(ctx.now, ctx.out);
  tell_late(registered);
  for (const auto& message : early) signal(message, registered);
}

void ClientCore::Parts::on(const Direct& e, const Context& ctx) {
  if (call) call->direct(e, ctx);
}

void ClientCore::Parts::on(const BadMessage& e, const Context& ctx) {
  if (e.conn != registration.conn()) {
    if (call && e.error.code != Errc::UnknownSignal) call->bad_direct(e.conn, ctx);
    return;
  }
  if (!bad_messages.bad(e.error.code)) return;
  bad_messages.good();
  registration.drop(CloseCode::Protocol, "the relay sends what cannot be read", ctx);
  if (call) call->registration_lost(context(ctx.now, ctx.out));
}

void ClientCore::Parts::on(const ProbeAcked& e, const Context& ctx) {
  if (call) call->probe_acked(e.conn, ctx);
}

void ClientCore::Parts::on(const MediaSeen& e, const Context& ctx) {
  if (call) call->media_seen(e.conn, ctx);
}

void ClientCore::Parts::on(const HostAddresses& e, const Context&) { hosts = e.addresses; }

void ClientCore::Parts::on(const PlaceCall& e, const Context& ctx) {
  const auto fail = [&](EndReason reason, std::string why) {
    ctx.report(Ended{e.id, e.target, reason, std::move(why)});
  };
  if (call) return fail(EndReason::Failed, "another call is going on");
  if (!ctx.session) return fail(EndReason::NotConnected, "not registered at a relay");
  if (e.id.empty()) return fail(EndReason::Failed, "the call has no id");
  if (e.target == config.identity.fingerprint()) return fail(EndReason::Failed, "that is our own fingerprint");
  call.emplace(e, ctx);
}

void ClientCore::Parts::on(const Answer& e, const Context& ctx) {
  if (call && call->id() == e.id) call->answer(e, ctx);
}

void ClientCore::Parts::on(const HangUp&, const Context& ctx) {
  if (call) call->hang_up(ctx);
}

void ClientCore::Parts::on(const Shutdown&, const Context& ctx) {
  if (call) call->hang_up(ctx);
  registration.stop(ctx);
  shut_down = true;
  ctx.report(Stopped{});
}

void ClientCore::Parts::signal(const proto::SignalMessage& message, const Context& ctx) {
  if (const auto* placed = std::get_if<proto::DirectCallOffer>(&message)) {
    offer(*placed, ctx);
  } else if (call) {
    call->signal(message, ctx);
  }
}

void ClientCore::Parts::offer(const proto::DirectCallOffer& message, const Context& ctx) {
  const auto id = CallId::parse(message.call_id);
  if (!id) return ctx.log(LogLevel::Warn, "an offer with an unusable call id was dropped");
  if (call && call->id() == *id) return;  // the call we have, once more
  const auto caller = Fingerprint::parse(message.caller_fingerprint);
  const auto target = Fingerprint::parse(message.target_fingerprint);
  if (!seen.insert(*id, ctx.now) || !caller || !target) return refuse(id->text(), false, ctx);
  const crypto::OfferFields fields{*caller,          *target, *id, message.identity_pub, message.ephemeral_pub,
                                   message.signature};
  const auto own = config.identity.fingerprint();
  const auto verdict = crypto::judge_offer(fields, own);
  const bool may = crypto::may_proceed(verdict.agreement, config.allow_unsealed, signers.knows(*caller));
  if (!may || *target != own || *caller == own) {
    const auto why = may ? "the offer is for or from the wrong person" : std::string{verdict.why};
    ctx.report(MissedCall{*id, *caller, why});
    return refuse(id->text(), false, ctx);
  }
  if (verdict.agreement == crypto::Agreement::Sealed && signers.learn(*caller)) ctx.report(SignerLearned{*caller});
  prove({message.ephemeral_pub, message.identity_pub, own, *id}, ctx);
  const bool base = !message.caller_build_version && message.caller_local_addrs.empty();
  ring({*id, *caller, printable(message.caller_alias.value_or("")), verdict.terms, base}, ctx);
}

/// That the offer has reached us, whatever becomes of it: so the caller's relay knows which relay really has us.
void ClientCore::Parts::prove(const crypto::OfferTerms& offer, const Context& ctx) {
  if (!proto::has_cap(ctx.session->caps, proto::kCapRingProof)) return;
  const auto signature = crypto::sign_ringing(config.identity, offer);
  ctx.signal(proto::CallRinging{offer.call_id.text(), config.identity.public_key(),
                                Bytes{signature.begin(), signature.end()}});
}

void ClientCore::Parts::ring(const CheckedOffer& checked, const Context& ctx) {
  bool mutual = false;
  if (call) {
    const bool glare = call->calling() && call->peer() == checked.caller;
    const bool theirs_stays = call->state() == CallState::Preparing || checked.caller < config.identity.fingerprint();
    if (!glare) {
      ctx.report(MissedCall{checked.id, checked.caller, "we were in another call"});
      return refuse(checked.id.text(), true, ctx);
    }
    if (!theirs_stays) return refuse(checked.id.text(), false, ctx);  // they take ours
    call->withdraw(ctx);
    call.reset();
    mutual = true;
  }
  call.emplace(checked, mutual, ctx);
}

void ClientCore::Parts::refuse(const std::string& call_id, bool busy, const Context& ctx) {
  if (busy && !ctx.session->caps.empty()) return ctx.signal(proto::Hangup{proto::HangupReason::Busy, call_id});
  proto::DirectCallAnswer message;
  message.call_id = call_id;
  message.accept_mode = proto::CallAcceptMode::Reject;
  ctx.signal(std::move(message));
}

void ClientCore::Parts::tell_late(const Context& ctx) {
  // Base relays end every call on a hang-up, whatever its id; they have ended this one long ago.
  for (auto& late : std::exchange(untold, {})) {
    if (ctx.now < late.expires && !ctx.session->caps.empty()) ctx.signal(std::move(late.hangup));
  }
}

void ClientCore::Parts::clean_up(Instant now) {
  if (!call || !call->ended()) return;
  if (call->untold()) {
    untold.push_back({*call->untold(), now + kUntoldKept});
    if (untold.size() > kMaxUntold) untold.pop_front();
  }
  call.reset();
}

ClientCore::ClientCore(Config config) : parts_{std::make_unique<Parts>(std::move(config))} {}
ClientCore::ClientCore(ClientCore&&) noexcept = default;
ClientCore& ClientCore::operator=(ClientCore&&) noexcept = default;
ClientCore::~ClientCore() = default;

Actions ClientCore::start(Instant now) {
  Actions out;
  parts_->registration.start(parts_->context(now, out));
  return out;
}

Actions ClientCore::handle(const Event& event, Instant now) {
  Actions out;
  if (parts_->shut_down) return out;
  const auto ctx = parts_->context(now, out);
  std::visit([&](const auto& e) { parts_->on(e, ctx); }, event);
  parts_->clean_up(now);
  return out;
}

Actions ClientCore::tick(Instant now) {
  Actions out;
  if (parts_->shut_down) return out;
  const auto ctx = parts_->context(now, out);
  const bool was_registered = ctx.session != nullptr;
  parts_->registration.tick(ctx);
  const auto after = parts_->context(now, out);
  if (parts_->call && was_registered && !after.session) parts_->call->registration_lost(after);
  if (parts_->call) parts_->call->tick(after);
  parts_->clean_up(now);
  return out;
}

std::optional<Instant> ClientCore::deadline() const {
  if (parts_->shut_down) return std::nullopt;
  auto due = parts_->registration.deadline();
  if (parts_->call) due = earliest(due, parts_->call->deadline(parts_->config.timers));
  return due;
}

bool ClientCore::registered() const { return parts_->registration.session() != nullptr; }

CallState ClientCore::call_state() const { return parts_->call ? parts_->call->state() : CallState::None; }

CallId ClientCore::call_id() const { return parts_->call ? parts_->call->id() : CallId{}; }

bool ClientCore::on_direct_path() const { return parts_->call && parts_->call->on_direct_path(); }

}  // namespace wzp::client
