#include "call.hpp"

#include <utility>

#include "wzp/base/overloaded.hpp"
#include "wzp/reflex/candidates.hpp"

namespace wzp::client {
namespace {

MediaHealth::Config health_config(const Timers& timers) {
  return {timers.media_quiet, timers.media_degraded, timers.media_dead};
}

std::vector<std::string> texts(const std::vector<SocketAddress>& addresses) {
  std::vector<std::string> out;
  for (const auto& a : addresses) out.push_back(to_string(a));
  return out;
}

}  // namespace

Call::Call(const PlaceCall& wish, const Context& ctx)
    : id_{wish.id},
      peer_{wish.target},
      role_{crypto::CallRole::Caller},
      ephemeral_{crypto::EphemeralKey{wish.ephemeral}},
      direct_{wish.id, crypto::CallRole::Caller},
      health_{health_config(ctx.config.timers)} {
  if (ctx.config.relay_only) {
    send_offer(ctx);
  } else {
    ask_reflect(CallState::Preparing, ctx);
  }
}

Call::Call(const CheckedOffer& offer, bool mutual, const Context& ctx)
    : id_{offer.id},
      peer_{offer.caller},
      role_{crypto::CallRole::Callee},
      sealed_{offer.terms.has_value()},
      base_peer_{offer.base_peer},
      terms_{offer.terms},
      direct_{offer.id, crypto::CallRole::Callee},
      health_{health_config(ctx.config.timers)} {
  enter(CallState::Incoming, ctx.config.timers.ring_callee, ctx);
  ctx.report(Incoming{id_, peer_, offer.alias, sealed_, mutual});
}

bool Call::calling() const {
  return state_ == CallState::Preparing || state_ == CallState::Offered || state_ == CallState::Ringing;
}

void Call::enter(CallState state, Duration limit, const Context& ctx) {
  state_ = state;
  due_ = ctx.now + limit;
}

void Call::ask_reflect(CallState state, const Context& ctx) {
  enter(state, ctx.config.timers.reflect, ctx);
  ctx.signal(proto::Reflect{});
}

void Call::reflected(const proto::ReflectResponse& response, const Context& ctx) {
  if (state_ != CallState::Preparing && state_ != CallState::Answering) return;
  if (const auto address = SocketAddress::parse(response.observed_addr)) own_reflexive_ = to_string(*address);
  state_ == CallState::Preparing ? send_offer(ctx) : send_answer(ctx);
}

void Call::collect_hosts(const Context& ctx) {
  if (ctx.session) own_hosts_ = reflex::host_candidates(ctx.hosts, ctx.session->remote);
  advertised_ = own_reflexive_ || !own_hosts_.empty();
}

void Call::send_offer(const Context& ctx) {
  const auto& config = ctx.config;
  if (!config.relay_only) collect_hosts(ctx);
  offer_ = crypto::place_offer(config.identity, *ephemeral_, peer_, id_);
  proto::DirectCallOffer message;
  message.caller_fingerprint = to_string(config.identity.fingerprint());
  message.caller_alias = config.alias;
  message.target_fingerprint = to_string(peer_);
  message.call_id = id_.text();
  message.identity_pub = offer_->terms.identity;
  message.ephemeral_pub = offer_->terms.ephemeral;
  message.signature.assign(offer_->signature.begin(), offer_->signature.end());
  message.supported_profiles = {proto::kGood};
  message.caller_reflexive_addr = own_reflexive_;
  message.caller_local_addrs = texts(own_hosts_);
  message.caller_build_version = config.build;
  message.caps = {std::string{kClientCap}};
  enter(CallState::Offered, config.timers.offer_answer, ctx);
  ctx.signal(std::move(message));
  ctx.report(Calling{id_, peer_});
}

void Call::answer(const Answer& event, const Context& ctx) {
  if (state_ != CallState::Incoming) return;
  if (event.mode == proto::CallAcceptMode::Reject) {
    reject(ctx);
    return end(EndReason::RefusedByUs, "", std::nullopt, ctx);
  }
  ephemeral_ = crypto::EphemeralKey{event.ephemeral};
  mode_ = ctx.config.relay_only ? proto::CallAcceptMode::AcceptGeneric : event.mode;
  if (mode_ == proto::CallAcceptMode::AcceptTrusted) return ask_reflect(CallState::Answering, ctx);
  send_answer(ctx);
}

void Call::send_answer(const Context& ctx) {
  const auto& config = ctx.config;
  proto::DirectCallAnswer message;
  message.call_id = id_.text();
  message.accept_mode = mode_;
  if (terms_) {
    auto made = crypto::answer_offer(config.identity, *ephemeral_, *terms_);
    if (!made) {
      reject(ctx);
      return end(EndReason::IdentityRefused, "the caller's key is unusable", std::nullopt, ctx);
    }
    message.identity_pub = made->terms.identity;
    message.ephemeral_pub = made->terms.ephemeral;
    message.signature = Bytes(made->signature.begin(), made->signature.end());
    keys_ = std::move(made->keys);
  }
  if (mode_ == proto::CallAcceptMode::AcceptTrusted) {
    collect_hosts(ctx);
    message.callee_reflexive_addr = own_reflexive_;
    message.callee_local_addrs = texts(own_hosts_);
  }
  message.chosen_profile = proto::kGood;
  message.callee_build_version = config.build;
  message.caps = {std::string{kClientCap}};
  enter(CallState::AwaitingSetup, config.timers.setup, ctx);
  ctx.signal(std::move(message));
  ctx.report(Answered{id_, peer_, sealed_});
  if (keys_) ctx.report(CheckCode{id_, keys_->check_code()});
}

void Call::on_answer(const proto::DirectCallAnswer& answer, const Context& ctx) {
  // The first accepting answer counts; one that comes before the ringing counts too.
  if (role_ != crypto::CallRole::Caller || (state_ != CallState::Offered && state_ != CallState::Ringing)) return;
  if (answer.accept_mode == proto::CallAcceptMode::Reject) return end(EndReason::Declined, "", std::nullopt, ctx);
  crypto::AnswerFields fields;
  fields.call_id = id_;
  fields.identity_pub = answer.identity_pub;
  fields.ephemeral_pub = answer.ephemeral_pub;
  if (answer.signature) fields.signature = *answer.signature;
  auto verdict = crypto::judge_answer(*offer_, fields);
  if (!crypto::may_proceed(verdict.agreement, ctx.config.allow_unsealed, ctx.signers.knows(peer_))) {
    return end(EndReason::IdentityRefused, std::string{verdict.why}, proto::HangupReason::Error, ctx);
  }
  sealed_ = verdict.agreement == crypto::Agreement::Sealed;
  keys_ = std::move(verdict.keys);
  base_peer_ = !answer.callee_build_version && answer.callee_local_addrs.empty();
  if (sealed_ && ctx.signers.learn(peer_)) ctx.report(SignerLearned{peer_});
  enter(CallState::AwaitingSetup, ctx.config.timers.setup, ctx);
  ctx.report(Answered{id_, peer_, sealed_});
  if (keys_) ctx.report(CheckCode{id_, keys_->check_code()});
}

void Call::signal(const proto::SignalMessage& message, const Context& ctx) {
  const auto ours = [&](const auto& m) { return m.call_id == id_.text(); };
  std::visit(overloaded{
                 [&](const proto::ReflectResponse& m) { reflected(m, ctx); },
                 [&](const proto::CallRinging& m) {
                   if (!ours(m) || state_ != CallState::Offered) return;
                   enter(CallState::Ringing, ctx.config.timers.ring_caller, ctx);
                   ctx.report(Ringing{id_});
                 },
                 [&](const proto::DirectCallAnswer& m) {
                   if (ours(m)) on_answer(m, ctx);
                 },
                 [&](const proto::CallSetup& m) {
                   if (ours(m) && state_ == CallState::AwaitingSetup) connect(m, ctx);
                 },
                 [&](const proto::MediaPathReport& m) {
                   if (!ours(m) || peer_report_) return;
                   peer_report_ = m.direct_ok;
                   direct_.peer_report(m.direct_ok, ctx);
                   settle(ctx);
                 },
                 [&](const proto::Hangup& m) {
                   if (!m.call_id || *m.call_id == id_.text()) on_hangup(m, ctx);
                 },
                 [](const auto&) {},
             },
             message.as_variant());
}

void Call::withdraw(const Context& ctx) {
  if (state_ != CallState::Preparing) ctx.signal(proto::Hangup{proto::HangupReason::Normal, id_.text()});
  direct_.close_all(std::nullopt, "not-selected", ctx);
  ended_ = true;
}

}  // namespace wzp::client
