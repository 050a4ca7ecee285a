#include <utility>

#include "call.hpp"

namespace wzp::client {
namespace {

using proto::HangupReason;

EndReason before_answer(HangupReason reason, bool rang) {
  switch (reason) {
    case HangupReason::Busy: return EndReason::Busy;
    case HangupReason::Declined: return EndReason::Declined;
    case HangupReason::Timeout: return EndReason::NoAnswer;
    case HangupReason::Error: return EndReason::Unreachable;
    case HangupReason::Normal: break;
  }
  // Reference relays say Normal for everything: without ringing nobody was there (client.md 8.4).
  return rang ? EndReason::Declined : EndReason::Unreachable;
}

}  // namespace

void Call::on_hangup(const proto::Hangup& hangup, const Context& ctx) {
  switch (state_) {
    case CallState::None: return;
    case CallState::Preparing: return;  // nobody knows this call yet: it is about an earlier one
    case CallState::Offered: return end(before_answer(hangup.reason, false), "", std::nullopt, ctx);
    case CallState::Ringing: return end(before_answer(hangup.reason, true), "", std::nullopt, ctx);
    case CallState::Incoming:
    case CallState::Answering: return end(EndReason::PeerCancelled, "", std::nullopt, ctx);
    case CallState::AwaitingSetup: {
      const auto gone = role_ == crypto::CallRole::Caller ? EndReason::PeerHungUp : EndReason::PeerCancelled;
      return end(hangup.reason == HangupReason::Error ? EndReason::Failed : gone, "", std::nullopt, ctx);
    }
    case CallState::Connecting:
    case CallState::Active: break;
  }
  if (sealed_ && plan_.selected() && health_.flowing(ctx.now)) {
    // The other side says its own good-bye on the direct connection; a relay may only have lost its client.
    relay_hangup_ = hangup.reason;
    return ctx.log(LogLevel::Info, "the relay ended the call; its media flows directly, so it goes on");
  }
  peer_ended(hangup.reason, std::nullopt, ctx);
}

void Call::peer_ended(HangupReason reason, std::optional<HangupReason> tell, const Context& ctx) {
  if (reason != HangupReason::Error && reason != HangupReason::Timeout) {
    return end(EndReason::PeerHungUp, "", tell, ctx);
  }
  end(state_ == CallState::Active ? EndReason::MediaLost : EndReason::NoPath, "the other side gave up", tell, ctx);
}

void Call::hang_up(const Context& ctx) {
  switch (state_) {
    case CallState::None: return;
    case CallState::Preparing: return end(EndReason::Cancelled, "", std::nullopt, ctx);
    case CallState::Incoming:
    case CallState::Answering: reject(ctx); return end(EndReason::RefusedByUs, "", std::nullopt, ctx);
    case CallState::Offered:
    case CallState::Ringing:
    case CallState::AwaitingSetup: return end(EndReason::Cancelled, "", HangupReason::Normal, ctx);
    case CallState::Connecting:
    case CallState::Active: return end(EndReason::HungUp, "", HangupReason::Normal, ctx);
  }
}

void Call::registration_lost(const Context& ctx) {
  if (connecting()) return;  // paths are known; the relay keeps an answered call for a while
  // An answer may have been under way: then the relay keeps the call for us, and the other side waits.
  const bool known = state_ != CallState::None && state_ != CallState::Preparing;
  const auto tell = known ? std::optional{HangupReason::Error} : std::nullopt;
  end(EndReason::NotConnected, "the connection to the relay was lost", tell, ctx);
}

void Call::reject(const Context& ctx) {
  proto::DirectCallAnswer message;
  message.call_id = id_.text();
  message.accept_mode = proto::CallAcceptMode::Reject;
  ctx.signal(std::move(message));
}

void Call::tick(const Context& ctx) {
  if (due_ && ctx.now >= *due_) on_timer(ctx);
  if (ended_) return;
  room_.tick(ctx);
  direct_.tick(ctx);
  if (!connecting()) return;
  if (unused_room_due_ && ctx.now >= *unused_room_due_) close_unused_room(ctx);
  settle(ctx);
  if (!ended_) check_health(ctx);
}

void Call::on_timer(const Context& ctx) {
  due_.reset();
  switch (state_) {
    case CallState::None:
    case CallState::Active: return;
    case CallState::Preparing: return send_offer(ctx);
    case CallState::Answering: return send_answer(ctx);
    case CallState::Offered: return end(EndReason::Failed, "the relay did not reply", HangupReason::Timeout, ctx);
    case CallState::Ringing: return end(EndReason::NoAnswer, "", HangupReason::Timeout, ctx);
    case CallState::Incoming: reject(ctx); return end(EndReason::Missed, "", std::nullopt, ctx);
    case CallState::AwaitingSetup:
      return end(EndReason::Failed, "the relay did not set the call up", HangupReason::Error, ctx);
    case CallState::Connecting:
      return end(plan_.any() ? EndReason::MediaLost : EndReason::NoPath, "nothing was heard from the other side",
                 HangupReason::Error, ctx);
  }
}

void Call::check_health(const Context& ctx) {
  const auto change = health_.tick(ctx.now);
  if (change == MediaHealth::Change::Degraded) ctx.report(MediaDegraded{id_});
  if (change == MediaHealth::Change::Dead) {
    return end(EndReason::MediaLost, "nothing was heard for too long", HangupReason::Error, ctx);
  }
  const auto due = advisory_due(ctx.config.timers);
  if (due && ctx.now >= *due) peer_ended(*relay_hangup_, std::nullopt, ctx);
}

std::optional<Instant> Call::advisory_due(const Timers& timers) const {
  const auto last = health_.last_packet();
  if (!relay_hangup_ || !last) return std::nullopt;
  return *last + timers.advisory_hangup;
}

void Call::end(EndReason reason, std::string why, std::optional<HangupReason> tell, const Context& ctx) {
  if (ended_) return;
  ended_ = true;
  if (tell) {
    proto::Hangup hangup{*tell, id_.text()};
    // Kept even if it can be sent now: the connection may be dead already, and take it along (`tell_late`).
    untold_ = hangup;
    ctx.signal(std::move(hangup));
  }
  direct_.close_all(connecting() ? tell : std::nullopt, "hangup", ctx);
  room_.close("hangup", ctx);
  if (media_started_) ctx.add(MediaStop{});
  ctx.report(Ended{id_, peer_, reason, std::move(why)});
}

}  // namespace wzp::client
