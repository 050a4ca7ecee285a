#include "room_link.hpp"

#include <algorithm>
#include <utility>

#include "room_offer.hpp"

namespace wzp::client {

void RoomLink::start(std::string room, std::vector<SocketAddress> addresses, const RelayFingerprint& relay,
                     const crypto::EphemeralPublic& ephemeral, const Context& ctx) {
  room_ = std::move(room);
  addresses_ = std::move(addresses);
  std::reverse(addresses_.begin(), addresses_.end());
  relay_ = relay;
  ephemeral_ = ephemeral;
  dial_next(ctx);
}

bool RoomLink::connected(const Connected& event, const Context& ctx) {
  if (state_ != State::Dialling || event.dial != dial_) return false;
  conn_ = event.conn;
  remote_ = event.remote;
  if (event.peer_certificate != relay_) {
    ctx.log(LogLevel::Warn, "the relay at " + to_string(event.remote) + " is not the one we are registered at");
    ctx.add(Close{event.conn, CloseCode::Normal, "not-selected"});
    fail("another relay answered", ctx);
    return true;
  }
  state_ = State::Handshaking;
  due_ = ctx.now + ctx.config.timers.room_answer;
  send_offer(event, ctx);
  return true;
}

bool RoomLink::dial_failed(const DialFailed& event, const Context& ctx) {
  if (state_ != State::Dialling || event.dial != dial_) return false;
  fail(printable(event.why), ctx);
  return true;
}

bool RoomLink::lost(const Lost& event, const Context&) {
  if ((state_ != State::Handshaking && state_ != State::Up) || event.conn != conn_) return false;
  // Refused or ended by the relay: another address of the same relay would say the same.
  state_ = State::Failed;
  due_.reset();
  why_ = event.why.empty() ? "the relay closed the room" : "the relay closed the room: " + printable(event.why);
  return true;
}

bool RoomLink::signal(const Signal& event, const Context& ctx) {
  if ((state_ != State::Handshaking && state_ != State::Up) || event.conn != conn_) return false;
  if (state_ == State::Up) return true;  // RoomUpdate, QualityDirective: advice
  const auto* answer = std::get_if<proto::CallAnswer>(&event.message);
  if (!answer || !holds(*answer)) {
    ctx.add(Close{conn_, CloseCode::Normal, "bad answer"});
    state_ = State::Failed;
    due_.reset();
    why_ = "the relay's answer does not verify";
    return true;
  }
  state_ = State::Up;
  due_.reset();
  return true;
}

void RoomLink::tick(const Context& ctx) {
  if (!due_ || ctx.now < *due_) return;
  if (state_ == State::Dialling) ctx.add(CancelDial{dial_});
  if (state_ == State::Handshaking) ctx.add(Close{conn_, CloseCode::Timeout, "timeout"});
  fail("the relay did not reply", ctx);
}

void RoomLink::close(const std::string& reason, const Context& ctx) {
  if (state_ == State::Dialling) ctx.add(CancelDial{dial_});
  if (state_ == State::Handshaking || state_ == State::Up) ctx.add(Close{conn_, CloseCode::Normal, reason});
  state_ = State::Failed;
  due_.reset();
}

std::optional<ConnectionId> RoomLink::up() const {
  if (state_ != State::Up) return std::nullopt;
  return conn_;
}

void RoomLink::dial_next(const Context& ctx) {
  remote_ = addresses_.back();
  addresses_.pop_back();
  state_ = State::Dialling;
  due_ = ctx.now + ctx.config.timers.relay_dial;
  dial_ = ctx.dials.next();
  ctx.add(DialRelay{dial_, room_, remote_});
}

void RoomLink::fail(std::string why, const Context& ctx) {
  why_ = std::move(why);
  due_.reset();
  state_ = State::Failed;
  if (!addresses_.empty()) dial_next(ctx);
}

void RoomLink::send_offer(const Connected& event, const Context& ctx) {
  const RoomRelay relay{event.peer_certificate, event.room_exporter};
  ctx.add(SendSignal{event.conn, make_room_offer(ctx.config.identity, ctx.config.alias, relay, ephemeral_,
                                                 {std::string{kClientCap}})});
}

}  // namespace wzp::client
