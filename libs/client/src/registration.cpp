#include "registration.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "wzp/crypto/registration.hpp"

namespace wzp::client {
namespace {

using std::chrono::seconds;

/// Source: client.md 8.3; the last one repeats.
constexpr std::array<Duration, 7> kRetryAfter{seconds{0}, seconds{1},  seconds{2}, seconds{4},
                                              seconds{8}, seconds{15}, seconds{30}};

bool is(const std::optional<std::uint64_t>& code, CloseCode known) { return code == static_cast<std::uint64_t>(known); }

}  // namespace

void Registration::start(const Context& ctx) {
  if (state_ == State::Idle) dial(ctx);
}

void Registration::stop(const Context& ctx) {
  if (state_ == State::Dialling) ctx.add(CancelDial{dial_});
  if (const auto open = conn()) ctx.add(Close{*open, CloseCode::Normal, "shutdown"});
  state_ = State::Stopped;
  due_.reset();
}

bool Registration::connected(const Connected& event, const Context& ctx) {
  if (state_ != State::Dialling || event.dial != dial_) return false;
  session_ = {event.conn, event.remote, event.peer_certificate, {}, {}};
  early_.clear();
  state_ = State::Registering;
  due_ = ctx.now + ctx.config.timers.register_ack;
  const auto signature =
      crypto::sign_registration(ctx.config.identity, event.peer_certificate, event.register_exporter);
  proto::RegisterPresence message;
  message.identity_pub = ctx.config.identity.public_key();
  message.signature.assign(signature.begin(), signature.end());
  message.alias = ctx.config.alias;
  message.caps = {std::string{kClientCap}};
  if (ctx.config.unannounced) message.caps.emplace_back(proto::kCapNoAnnounce);
  ctx.add(SendSignal{event.conn, std::move(message)});
  return true;
}

bool Registration::dial_failed(const DialFailed& event, const Context& ctx) {
  if (state_ != State::Dialling || event.dial != dial_) return false;
  retry("cannot connect: " + event.why, true, ctx);
  return true;
}

bool Registration::lost(const Lost& event, const Context& ctx) {
  if (conn() != event.conn) return false;
  if (is(event.code, CloseCode::Replaced)) {
    state_ = State::Stopped;
    due_.reset();
    ctx.report(Replaced{});
  } else if (is(event.code, CloseCode::BadSignature)) {
    refuse("bad signature", ctx);
  } else {
    if (state_ == State::Registered && ctx.now - registered_at_ >= ctx.config.timers.registration_settled)
      failures_ = 0;
    const bool wait = is(event.code, CloseCode::Limit) || is(event.code, CloseCode::ShuttingDown);
    retry("connection lost: " + event.why, !wait, ctx);
  }
  return true;
}

std::vector<proto::SignalMessage> Registration::early(const proto::SignalMessage& message, const Context& ctx) {
  const auto* ack = std::get_if<proto::RegisterPresenceAck>(&message);
  if (!ack) {
    if (early_.size() < kMaxEarly) early_.push_back(message);
    return {};
  }
  if (!ack->success) {
    ctx.add(Close{session_.conn, CloseCode::Normal, "refused"});
    refuse(printable(ack->error.value_or("no reason given")), ctx);
    return {};
  }
  state_ = State::Registered;
  due_.reset();
  registered_at_ = ctx.now;
  session_.build = printable(ack->relay_build.value_or(""));
  session_.caps = ack->caps;
  ctx.report(Registered{session_.remote, session_.build});
  return std::exchange(early_, {});
}

void Registration::drop(CloseCode code, const std::string& why, const Context& ctx) {
  if (!conn()) return;
  ctx.add(Close{session_.conn, code, why});
  retry(why, false, ctx);
}

void Registration::tick(const Context& ctx) {
  if (!due_ || ctx.now < *due_) return;
  switch (state_) {
    case State::Waiting: return dial(ctx);
    case State::Dialling: ctx.add(CancelDial{dial_}); return retry("cannot connect: no reply", true, ctx);
    case State::Registering: return drop(CloseCode::Timeout, "the relay did not acknowledge", ctx);
    default: due_.reset();
  }
}

std::optional<ConnectionId> Registration::conn() const {
  if (state_ != State::Registering && state_ != State::Registered) return std::nullopt;
  return session_.conn;
}

void Registration::dial(const Context& ctx) {
  state_ = State::Dialling;
  due_ = ctx.now + ctx.config.timers.relay_dial;
  dial_ = ctx.dials.next();
  ctx.add(DialRelay{dial_, "_signal", std::nullopt});
}

void Registration::retry(const std::string& why, bool at_once, const Context& ctx) {
  if (!at_once) failures_ = std::max<std::size_t>(failures_, 1);
  const auto wait = kRetryAfter[std::min(failures_, kRetryAfter.size() - 1)];
  ++failures_;
  state_ = State::Waiting;
  due_ = ctx.now + wait;
  ctx.report(Reconnecting{printable(why, 120), wait, static_cast<int>(std::min<std::size_t>(failures_, 1'000'000))});
}

void Registration::refuse(const std::string& why, const Context& ctx) {
  state_ = State::Stopped;
  due_.reset();
  ctx.report(RegistrationRefused{why});
}

}  // namespace wzp::client
