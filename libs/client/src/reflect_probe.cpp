#include "wzp/client/reflect_probe.hpp"

#include <utility>

#include "wzp/base/overloaded.hpp"
#include "wzp/crypto/registration.hpp"

namespace wzp::client {

Actions ReflectProbe::start(Instant now) {
  started_ = now;
  due_ = now + config_.timeout;
  return {DialRelay{config_.dial, "_signal", config_.relay}};
}

Actions ReflectProbe::handle(const Event& event, Instant now) {
  Actions out;
  std::visit(overloaded{
                 [&](const Connected& e) {
                   if (e.dial == config_.dial) connected(e, out);
                 },
                 [&](const DialFailed& e) {
                   if (e.dial == config_.dial && !outcome_) finish({{}, {}, "connect: " + printable(e.why)}, out);
                 },
                 [&](const Lost& e) {
                   if (e.conn != conn_) return;
                   conn_.reset();
                   finish({{}, {}, (registered_ ? "receive: " : "register: ") + printable(e.why)}, out);
                 },
                 [&](const Signal& e) {
                   if (e.conn == conn_) message(e.message, now, out);
                 },
                 [](const auto&) {},
             },
             event);
  return out;
}

Actions ReflectProbe::tick(Instant now) {
  Actions out;
  if (!due_ || now < *due_) return out;
  if (!conn_) out.push_back(CancelDial{config_.dial});
  finish({{}, {}, !conn_ ? "connect: timeout" : registered_ ? "receive: timeout" : "register: timeout"}, out);
  return out;
}

void ReflectProbe::connected(const Connected& event, Actions& out) {
  if (outcome_) return out.push_back(Close{event.conn, CloseCode::Normal, "done"});
  conn_ = event.conn;
  const auto signature = crypto::sign_registration(config_.throw_away, event.peer_certificate, event.register_exporter);
  proto::RegisterPresence message;
  message.identity_pub = config_.throw_away.public_key();
  message.signature.assign(signature.begin(), signature.end());
  out.push_back(SendSignal{event.conn, std::move(message)});
}

void ReflectProbe::message(const proto::SignalMessage& message, Instant now, Actions& out) {
  if (const auto* ack = std::get_if<proto::RegisterPresenceAck>(&message); ack && !registered_) {
    if (!ack->success) return finish({{}, {}, "register: " + printable(ack->error.value_or("refused"))}, out);
    registered_ = true;
    out.push_back(SendSignal{*conn_, proto::Reflect{}});
  } else if (const auto* response = std::get_if<proto::ReflectResponse>(&message); response && registered_) {
    const auto observed = SocketAddress::parse(response->observed_addr);
    if (!observed) return finish({{}, {}, "parse: " + printable(response->observed_addr)}, out);
    finish({observed, now - started_, ""}, out);
  }
}

void ReflectProbe::finish(Outcome outcome, Actions& out) {
  if (conn_) out.push_back(Close{*conn_, CloseCode::Normal, "done"});
  conn_.reset();
  due_.reset();
  outcome_ = std::move(outcome);
}

}  // namespace wzp::client
