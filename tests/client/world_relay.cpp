#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "world.hpp"
#include "wzp/base/overloaded.hpp"
#include "wzp/crypto/room.hpp"

// The relay of `World`: what a relay says to what, by the tables of the specification, and nothing else.

namespace wzp::test {

using namespace client;

void World::relay_says(ConnectionId c, const proto::SignalMessage& message) {
  const auto who = ends_[c].node;
  auto wait = flight(false);
  if (on_signal) {
    const auto verdict = on_signal(message, nodes_[who]->name);
    if (!verdict) return;
    wait += *verdict;
  }
  in_order(c, true, wait, [this, c, who, message] {
    relayed_.emplace_back(who, message);
    give(*nodes_[who], Signal{c, message});
  });
}

void World::relay_tells(const std::string& fingerprint, const proto::SignalMessage& message) {
  const auto it = registered_.find(fingerprint);
  if (it != registered_.end() && ends_.contains(it->second)) relay_says(it->second, message);
}

void World::relay_hears(ConnectionId c, const proto::SignalMessage& message) {
  const bool ours = options.relay == RelayKind::Ours;
  std::visit(overloaded{
                 [&](const proto::RegisterPresence& m) {
                   registered_[to_string(crypto::fingerprint_of(m.identity_pub))] = c;
                   proto::RegisterPresenceAck ack;
                   ack.success = true;
                   if (options.relay != RelayKind::Base) ack.relay_build = "test";
                   if (ours) ack.caps = {"relay-media"};
                   relay_says(c, ack);
                 },
                 [&](const proto::Reflect&) {
                   relay_says(c, proto::ReflectResponse{to_string(nodes_[ends_[c].node]->address)});
                 },
                 [&](const proto::DirectCallOffer& m) { relay_offer(c, m); },
                 [&](const proto::DirectCallAnswer& m) { relay_answer(c, m); },
                 [&](const proto::Hangup& m) { relay_hangup(c, m); },
                 [&](const proto::MediaPathReport& m) {
                   REQUIRE(options.relay != RelayKind::Base);
                   const auto me = to_string(identity(nodes_[ends_[c].node]->name).fingerprint());
                   relay_tells(other_party(m.call_id, me), m);
                 },
                 [&](const proto::CallOffer& m) {
                   REQUIRE(crypto::verify_call_offer(m.identity_pub, m.ephemeral_pub, m.signature));
                   const auto relay = identity("relay");
                   proto::CallAnswer answer;
                   answer.identity_pub = relay.public_key();
                   answer.ephemeral_pub = crypto::sha256(bytes_of("relay ephemeral"));
                   const auto signature = crypto::sign_call_answer(relay, answer.ephemeral_pub);
                   answer.signature.assign(signature.begin(), signature.end());
                   relay_says(c, answer);
                   auto& room = rooms_[ends_[c].room];
                   if (room.size() < 2 && calls_.contains(ends_[c].room.substr(5))) return room.push_back(c);
                   in_order(c, true, flight(false), [this, c] { drop_end(c, 0, "normal close"); });
                 },
                 [&](const auto&) { FAIL("a relay does not expect " << proto::tag(message)); },
             },
             message.as_variant());
}

void World::relay_offer(ConnectionId c, proto::DirectCallOffer offer) {
  const bool ours = options.relay == RelayKind::Ours;
  if (!registered_.contains(offer.target_fingerprint)) {
    proto::Hangup no{ours ? proto::HangupReason::Error : proto::HangupReason::Normal, std::nullopt};
    if (ours) no.call_id = offer.call_id;
    return relay_says(c, no);
  }
  RelayCall call;
  call.caller = {offer.caller_fingerprint, offer.caller_reflexive_addr, offer.caller_local_addrs};
  call.callee.fingerprint = offer.target_fingerprint;
  calls_[offer.call_id] = call;
  if (ours) {
    offer.caller_reflexive_addr.reset();
    offer.caller_local_addrs.clear();
  }
  if (options.strip_signatures) {
    offer.identity_pub = {};
    offer.ephemeral_pub = {};
    offer.signature.clear();
  }
  relay_tells(offer.target_fingerprint, offer);
  relay_says(c, proto::CallRinging{offer.call_id});
}

void World::relay_answer(ConnectionId, proto::DirectCallAnswer answer) {
  const bool ours = options.relay == RelayKind::Ours;
  const auto it = calls_.find(answer.call_id);
  if (it == calls_.end()) return;
  auto& call = it->second;
  if (answer.accept_mode == proto::CallAcceptMode::Reject) {
    relay_tells(call.caller.fingerprint,
                proto::Hangup{ours ? proto::HangupReason::Declined : proto::HangupReason::Normal, answer.call_id});
    calls_.erase(it);
    return;
  }
  call.active = true;
  call.callee.reflexive = answer.callee_reflexive_addr;
  call.callee.hosts = answer.callee_local_addrs;
  if (answer.accept_mode == proto::CallAcceptMode::AcceptGeneric) {
    REQUIRE_FALSE(answer.callee_reflexive_addr);  // privacy is the client's to keep
    REQUIRE(answer.callee_local_addrs.empty());
    if (ours) call.caller = {call.caller.fingerprint, {}, {}};
  }
  if (options.strip_signatures) {
    answer.identity_pub.reset();
    answer.ephemeral_pub.reset();
    answer.signature.reset();
  }
  relay_tells(call.caller.fingerprint, answer);
  relay_setup(answer.call_id, call.caller, call.callee);
  relay_setup(answer.call_id, call.callee, call.caller);
}

void World::relay_setup(const std::string& id, const Party& to, const Party& other) {
  proto::CallSetup setup;
  setup.call_id = id;
  setup.room = "call-" + id;
  setup.relay_addr = to_string(kRelayAddress);
  setup.peer_direct_addr = other.reflexive;
  setup.peer_local_addrs = other.hosts;
  if (options.relay == RelayKind::Ours && options.carries) setup.caps = {"relay-media"};
  relay_tells(to.fingerprint, setup);
}

void World::relay_hangup(ConnectionId c, const proto::Hangup& hangup) {
  REQUIRE(hangup.call_id);  // we always say which call
  const auto me = to_string(identity(nodes_[ends_[c].node]->name).fingerprint());
  const auto other = other_party(*hangup.call_id, me);
  if (other.empty()) return;
  relay_tells(other, hangup);
  calls_.erase(*hangup.call_id);
}

void World::relay_loses(ConnectionId c) {
  for (auto& [name, room] : rooms_) std::erase(room, c);
  std::string who;
  std::erase_if(registered_, [&](const auto& entry) {
    if (entry.second != c) return false;
    who = entry.first;
    return true;
  });
  for (const auto& [id, call] : std::map{calls_}) {
    const auto other = who.empty() ? std::string{} : other_party(id, who);
    if (other.empty()) continue;
    const bool ours = options.relay == RelayKind::Ours;
    const auto reason = ours && !call.active ? proto::HangupReason::Error : proto::HangupReason::Normal;
    // Ours keeps an answered call for a while; theirs does not.
    later(ours && call.active ? 15s : 0s, [this, id = id, other, reason, who] {
      if (registered_.contains(who) && options.relay == RelayKind::Ours && calls_.contains(id) && calls_[id].active)
        return;
      if (calls_.erase(id) > 0) relay_tells(other, proto::Hangup{reason, id});
    });
  }
}

std::string World::other_party(const std::string& id, const std::string& fingerprint) const {
  const auto it = calls_.find(id);
  if (it == calls_.end()) return {};
  if (it->second.caller.fingerprint == fingerprint) return it->second.callee.fingerprint;
  if (it->second.callee.fingerprint == fingerprint) return it->second.caller.fingerprint;
  return {};
}

}  // namespace wzp::test
