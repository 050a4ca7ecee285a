#include "sim/hostile.hpp"

#include <algorithm>

#include "wzp/base/overloaded.hpp"
#include "wzp/crypto/registration.hpp"
#include "wzp/crypto/room.hpp"
#include "wzp/proto/direct_message.hpp"
#include "wzp/proto/frame.hpp"
#include "wzp/proto/signal_json.hpp"

namespace wzp::sim {
namespace {

Bytes framed(const proto::SignalMessage& message) { return proto::encode_frame(proto::encode(message)); }

}  // namespace

Hostile::Hostile(World& world, SimRelay& relay)
    : world_{world},
      relay_{relay},
      random_{world.random().fork()},
      identity_{crypto::Seed{random_.bytes<32>()}},
      owner_{world.next_owner()},
      endpoint_{world.queue(), world.net(), world.net().add_host(world.add_home()), random_.fork(), {.owner = owner_}, *this} {
  world_.judge().beware(identity_.fingerprint());
}

void Hostile::start() { dial(relay_.address(), "_signal", {.conn = {}, .messages = {}, .datagram = {}, .registers = true, .as = {}}); }

void Hostile::stop() {
  if (signal_) endpoint_.close(*signal_, 0, "");
  for (const auto& speech : speeches_) endpoint_.close(speech.conn, 0, "");
  signal_.reset();
  speeches_.clear();
}

void Hostile::act() {
  if (!signal_) return start();
  const auto* call = victim();
  if (call == nullptr) return babble();
  ++tricks_;
  world_.judge().hostile_speaks(owner_, call->id.text());
  switch (random_.below(10)) {
    case 0: return claim_the_answer(*call);
    case 1: return hang_up(*call);
    case 2: return report(*call);
    case 3: return forge_an_offer(*call);
    case 4: return take_the_id(*call);
    case 5: return enter_the_room(*call);
    case 6: return knock(*call);
    case 7: return register_as(*call);
    case 8: return play_a_relay(*call);
    default: return babble();
  }
}

/// A call that has reached its callee and is not over.
const CallTruth* Hostile::victim() {
  std::vector<const CallTruth*> live;
  for (const auto& [id, truth] : world_.judge().calls()) {
    const bool rang = truth.parts.size() > 1;
    if (rang && std::all_of(truth.parts.begin(), truth.parts.end(), [](const auto& p) { return p.is_in; })) live.push_back(&truth);
  }
  return live.empty() ? nullptr : random_.pick(live);
}

// --- tricks

void Hostile::claim_the_answer(const CallTruth& call) {
  proto::DirectCallAnswer answer;
  answer.call_id = call.id.text();
  answer.accept_mode = random_.chance(0.5) ? proto::CallAcceptMode::AcceptTrusted : proto::CallAcceptMode::Reject;
  answer.identity_pub = identity_.public_key();
  answer.ephemeral_pub = random_.bytes<32>();
  answer.signature = Bytes(64, 7);
  answer.callee_reflexive_addr = to_string(endpoint_.local());
  say(answer);
}

void Hostile::hang_up(const CallTruth& call) {
  say(proto::Hangup{proto::HangupReason::Normal, call.id.text()});
  say(proto::Hangup{proto::HangupReason::Error, std::nullopt});
}

void Hostile::report(const CallTruth& call) {
  say(proto::MediaPathReport{call.id.text(), random_.chance(0.5), "Direct"});
  say(proto::CallRinging{call.id.text()});
  say(proto::CallSetup{.call_id = call.id.text(), .room = call.id.room(), .relay_addr = to_string(endpoint_.local())});
}

proto::DirectCallOffer Hostile::offer(const std::string& caller, const std::string& target, const std::string& id) {
  proto::DirectCallOffer offer;
  offer.caller_fingerprint = caller;
  offer.target_fingerprint = target;
  offer.call_id = id;
  offer.identity_pub = identity_.public_key();
  offer.ephemeral_pub = random_.bytes<32>();
  if (random_.chance(0.5)) offer.signature = Bytes(64, 9);
  offer.caller_reflexive_addr = to_string(endpoint_.local());
  return offer;
}

void Hostile::forge_an_offer(const CallTruth& call) {
  const auto id = CallId::from_random(random_.bytes<16>()).text();
  world_.judge().hostile_speaks(owner_, id);
  say(offer(to_string(call.caller), to_string(call.callee), id));
}

void Hostile::take_the_id(const CallTruth& call) {
  auto& target = *random_.pick(world_.phones());
  say(offer(to_string(identity_.fingerprint()), to_string(target.who()), call.id.text()));
}

void Hostile::enter_the_room(const CallTruth& call) {
  Speech speech;
  speech.binds = true;
  if (random_.chance(0.5)) speech.as = crypto::Identity{world_.phones().front()->setup().seed}.public_key();
  speech.datagram = Bytes(80, 0);
  dial(world_.home_relay(*call.parts.front().phone).address(), call.id.room(), std::move(speech));
}

void Hostile::knock(const CallTruth& call) {
  const auto& phone = *random_.pick(world_.phones());
  if (!phone.running()) return;
  Speech speech;
  proto::DirectHello hello;
  hello.call_id = call.id.text();
  hello.role = random_.chance(0.5) ? proto::CallRole::Caller : proto::CallRole::Callee;
  hello.proof = random_.bytes<32>();
  speech.messages.push_back(proto::encode_frame(proto::encode_direct(hello)));
  speech.messages.push_back(proto::encode_frame(proto::encode_direct(proto::Hangup{proto::HangupReason::Normal, call.id.text()})));
  speech.datagram = Bytes(90, 0);
  dial({world_.net().public_address(world_.net().site_of(phone.host())), phone.address().port}, "call-" + call.id.room(), std::move(speech));
}

void Hostile::register_as(const CallTruth& call) {
  Speech speech;
  speech.registers = true;
  speech.as = crypto::Identity{call.parts.front().phone->setup().seed}.public_key();
  speech.messages.push_back(framed(proto::Hangup{proto::HangupReason::Normal, call.id.text()}));
  dial(world_.home_relay(*call.parts.front().phone).address(), "_signal", std::move(speech));
}

void Hostile::play_a_relay(const CallTruth& call) {
  const auto claimed = to_string(random_.pick(world_.relays())->config().fingerprint);
  const proto::FederatedSignalForward forward{proto::SignalMessage{proto::Hangup{proto::HangupReason::Normal, call.id.text()}}, claimed};
  say(forward);
  proto::FederationHello hello;
  hello.tls_fingerprint = claimed;
  Speech speech;
  speech.messages = {framed(hello), framed(forward)};
  dial(relay_.address(), "_federation", std::move(speech));
}

void Hostile::babble() {
  switch (random_.below(4)) {
    case 0: return say(proto::encode_frame("{\"Hangup\":{\"reason\":"));
    case 1: return say(proto::encode_frame("{\"SomethingNew\":{\"a\":[1,2,3]}}"));
    case 2: return say(Bytes{0xff, 0xff, 0xff, 0xff, 1, 2, 3});
    default:
      if (signal_) (void)endpoint_.send_datagram(*signal_, Bytes(50, 1));
  }
}

// --- the wire

void Hostile::say(const proto::SignalMessage& message) { say(framed(message)); }

void Hostile::say(ByteView bytes) {
  if (signal_) (void)endpoint_.send_message(*signal_, bytes);
}

void Hostile::dial(const SocketAddress& to, const std::string& server_name, Speech speech) {
  // A self-made certificate, where one is asked for.
  const auto certificate = random_.chance(0.5) ? std::optional{RelayFingerprint{random_.bytes<32>()}} : std::nullopt;
  speech.conn = endpoint_.dial({.remote = to, .server_name = server_name, .certificate = certificate});
  if (server_name == "_signal" && !speech.as) signal_ = speech.conn;
  speeches_.push_back(std::move(speech));
}

void Hostile::on_connected(ConnectionId id, const quic::ConnectionInfo& info) {
  const auto found = std::find_if(speeches_.begin(), speeches_.end(), [&](const auto& s) { return s.conn == id; });
  if (found == speeches_.end()) return endpoint_.close(id, 0, "");
  const auto& speech = *found;
  const auto relay = info.peer_certificate.value_or(RelayFingerprint{});
  if (speech.registers) {
    const auto signature = crypto::sign_registration(identity_, relay, endpoint_.exporter(id, crypto::kRegisterExporterLabel));
    proto::RegisterPresence request;
    request.identity_pub = speech.as.value_or(identity_.public_key());
    request.signature.assign(signature.begin(), signature.end());
    request.caps = {"call-id"};
    (void)endpoint_.send_message(id, framed(request));
  }
  if (speech.binds) {
    const auto ephemeral = random_.bytes<32>();
    const auto signature = crypto::sign_call_offer(identity_, ephemeral);
    const auto binding = crypto::sign_room_binding(identity_, relay, endpoint_.exporter(id, crypto::kRoomExporterLabel), ephemeral);
    proto::CallOffer request;
    request.identity_pub = speech.as.value_or(identity_.public_key());
    request.ephemeral_pub = ephemeral;
    request.signature.assign(signature.begin(), signature.end());
    request.binding.assign(binding.begin(), binding.end());
    (void)endpoint_.send_message(id, framed(request));
  }
  for (const auto& message : speech.messages) (void)endpoint_.send_message(id, message);
  if (!speech.datagram.empty()) (void)endpoint_.send_datagram(id, speech.datagram);
}

void Hostile::on_closed(ConnectionId id, const quic::CloseInfo&) {
  if (signal_ == id) signal_.reset();
  std::erase_if(speeches_, [&](const auto& s) { return s.conn == id; });
}

}  // namespace wzp::sim
