#include "support/printers.hpp"

#include "wzp/base/hex.hpp"
#include "wzp/base/overloaded.hpp"

namespace wzp::sim {
namespace {

std::string join(const std::vector<std::string>& texts) {
  std::string out;
  for (const auto& text : texts) out += (out.empty() ? "" : ",") + text;
  return out;
}

std::string addresses(const std::optional<std::string>& reflexive, const std::vector<std::string>& local) {
  if (!reflexive && local.empty()) return " no addresses";
  return " at " + reflexive.value_or("-") + " (" + join(local) + ")";
}

std::string ids(const std::vector<ConnectionId>& conns) {
  std::string out;
  for (const auto conn : conns) out += " " + to_string(conn);
  return out.empty() ? " none" : out;
}

std::string on(ConnectionId conn) { return " on " + to_string(conn); }

struct Details {
  std::string operator()(const proto::DirectCallOffer& m) const {
    return " " + brief(m.call_id) + addresses(m.caller_reflexive_addr, m.caller_local_addrs);
  }
  std::string operator()(const proto::DirectCallAnswer& m) const {
    return " " + brief(m.call_id) + " " + std::string{proto::enum_name(m.accept_mode)} +
           addresses(m.callee_reflexive_addr, m.callee_local_addrs);
  }
  std::string operator()(const proto::CallSetup& m) const {
    return " " + brief(m.call_id) + addresses(m.peer_direct_addr, m.peer_local_addrs) + (m.caps.empty() ? "" : " [" + join(m.caps) + "]");
  }
  std::string operator()(const proto::Hangup& m) const {
    return " " + brief(m.call_id.value_or("-")) + " " + std::string{proto::enum_name(m.reason)};
  }
  std::string operator()(const proto::FederatedSignalForward& m) const { return " " + describe(*m.inner); }
  std::string operator()(const proto::RegisterPresenceAck& m) const { return m.success ? " yes" : " no: " + m.error.value_or(""); }
  std::string operator()(const proto::ReflectResponse& m) const { return " " + m.observed_addr; }
  template <class M>
  std::string operator()(const M& m) const {
    if constexpr (requires { m.call_id; }) {
      return " " + brief(m.call_id);
    } else {
      return "";
    }
  }
};

}  // namespace

std::string brief(const std::string& id) { return id.substr(0, 6); }

std::string describe(const proto::SignalMessage& message) {
  return std::string{proto::tag(message)} + std::visit(Details{}, message.as_variant());
}

std::string describe(const proto::DirectMessage& message) {
  return std::visit([](const auto& m) { return std::string{m.kTag} + Details{}(m); }, message);
}

std::string describe(const client::UserEvent& event) {
  using namespace client;
  const auto about = [](const auto& e) { return " " + brief(e.call.text()); };
  return std::visit(overloaded{
                        [](const Registered&) { return std::string{"registered"}; },
                        [](const Reconnecting& e) { return "reconnecting: " + e.why; },
                        [](const RegistrationRefused& e) { return "registration refused: " + e.why; },
                        [](const Replaced&) { return std::string{"replaced"}; },
                        [&](const Calling& e) { return "calling" + about(e); },
                        [&](const Ringing& e) { return "ringing" + about(e); },
                        [&](const Incoming& e) { return "incoming" + about(e) + (e.mutual ? " mutual" : ""); },
                        [&](const MissedCall& e) { return "missed" + about(e) + ": " + e.why; },
                        [&](const Answered& e) { return "answered" + about(e); },
                        [&](const CheckCode& e) { return "check code" + about(e) + " " + e.digits; },
                        [&](const SetUp& e) {
                          return "set up" + about(e) + (e.relay_carries ? " relay" : "") + (e.direct_tried ? " direct" : "");
                        },
                        [&](const PathUp& e) { return "path up" + about(e) + " " + std::string{name(e.kind)}; },
                        [&](const PathChosen& e) { return "path chosen" + about(e) + " " + std::string{name(e.kind)}; },
                        [&](const FirstMedia& e) { return "first media" + about(e) + " " + std::string{name(e.kind)}; },
                        [&](const MediaDegraded& e) { return "media degraded" + about(e); },
                        [&](const MediaRecovered& e) { return "media recovered" + about(e); },
                        [&](const Ended& e) { return "ended" + about(e) + " " + std::string{name(e.reason)} + " " + e.why; },
                        [](const SignerLearned&) { return std::string{"signer learned"}; },
                        [](const Stopped&) { return std::string{"stopped"}; },
                    },
                    event);
}

std::string describe(const client::Action& action) {
  using namespace client;
  return std::visit(overloaded{
                        [](const DialRelay& a) { return "dials the relay: " + a.server_name; },
                        [](const DialDirect& a) { return "dials " + to_string(a.address); },
                        [](const CancelDial&) { return std::string{"cancels a dial"}; },
                        [](const SendSignal& a) { return "sends" + on(a.conn) + ": " + describe(a.message); },
                        [](const SendDirect& a) { return "sends" + on(a.conn) + ": " + describe(a.message); },
                        [](const SendProbe& a) { return "probes" + on(a.conn); },
                        [](const Punch& a) { return "punches " + to_string(a.address); },
                        [](const Close& a) { return "closes " + to_string(a.conn) + ": " + a.reason; },
                        [](const MediaStart&) { return std::string{"starts media"}; },
                        [](const MediaPaths& a) { return "media: sends on" + ids(a.send_on) + ", accepts" + ids(a.accept_from); },
                        [](const MediaStop&) { return std::string{"stops media"}; },
                        [](const Report& a) { return "* " + describe(a.event); },
                        [](const LogLine& a) { return "log: " + a.text; },
                    },
                    action);
}

std::string describe(const relay::Action& action) {
  using namespace relay;
  return std::visit(overloaded{
                        [](const Send& a) { return "sends" + on(a.conn) + ": " + describe(a.message); },
                        [](const SendVersion& a) { return "sends its version" + on(a.conn); },
                        [](const Close& a) { return "closes " + to_string(a.conn) + ": " + a.reason; },
                        [](const Check& a) { return "checks on " + to_string(a.conn); },
                        [](const Dial& a) { return "dials peer " + std::to_string(a.peer); },
                        [](const SetRoom& a) {
                          return "room " + to_hex(a.table.tag) + ": " + std::to_string(a.table.seats.size()) + " seats, " +
                                 std::to_string(a.table.links.size()) + " links" + (a.table.open ? "" : ", closed");
                        },
                        [](const DropRoom& a) { return "drops room " + to_hex(a.tag); },
                        [](const SetLink& a) { return "media on link " + to_string(a.link.conn); },
                        [](const LogLine& a) { return "log: " + a.text; },
                    },
                    action);
}

std::string_view describe(client::CallState state) {
  switch (state) {
    case client::CallState::None: return "none";
    case client::CallState::Preparing: return "preparing";
    case client::CallState::Offered: return "offered";
    case client::CallState::Ringing: return "ringing";
    case client::CallState::Incoming: return "incoming";
    case client::CallState::Answering: return "answering";
    case client::CallState::AwaitingSetup: return "awaiting setup";
    case client::CallState::Connecting: return "connecting";
    case client::CallState::Active: return "active";
  }
  return "?";
}

}  // namespace wzp::sim
