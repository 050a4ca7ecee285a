#pragma once

#include <catch2/catch_test_macros.hpp>

#include "people.hpp"
#include "wzp/client/client_core.hpp"
#include "wzp/crypto/call_agreement.hpp"

namespace wzp::test {

/// One client and a hand to play its relay. Connections: 1 is the signal connection, 2 the room.
class Solo {
 public:
  static constexpr ConnectionId kSignal{1};
  static constexpr ConnectionId kRoom{2};
  static inline const SocketAddress kRelay = addr("20.0.0.1:4433");
  static inline const RelayFingerprint kCertificate{crypto::sha256(bytes_of("relay"))};

  explicit Solo(client::Config c = config("alice")) : core{std::move(c)} {}

  client::Actions start() { return core.start(now); }
  client::Actions give(const client::Event& event) { return core.handle(event, now); }
  client::Actions signal(proto::SignalMessage message) { return give(client::Signal{kSignal, std::move(message)}); }
  client::Actions tick() { return core.tick(now); }
  /// Goes on by `d` and ticks once.
  client::Actions wait(Duration d) {
    now += d;
    return core.tick(now);
  }

  client::Connected connected(client::DialId dial, ConnectionId c) const {
    client::Connected e;
    e.dial = dial;
    e.conn = c;
    e.remote = kRelay;
    e.peer_certificate = kCertificate;
    e.register_exporter = crypto::sha256(bytes_of("register exporter"));
    e.room_exporter = crypto::sha256(bytes_of("room exporter"));
    return e;
  }

  /// As a relay of ours says it; `caps` empty makes a reference relay, `build` empty a base one.
  proto::RegisterPresenceAck ack(proto::Caps caps = {"relay-media"}, std::string build = "wzp relay") const {
    proto::RegisterPresenceAck m;
    m.success = true;
    if (!build.empty()) m.relay_build = build;
    m.caps = std::move(caps);
    return m;
  }

  void make_registered(proto::RegisterPresenceAck a) {
    const auto dials = all<client::DialRelay>(start());
    REQUIRE(dials.size() == 1);
    REQUIRE(sent<proto::RegisterPresence>(give(connected(dials[0].dial, kSignal))).size() == 1);
    REQUIRE(told<client::Registered>(signal(std::move(a))).size() == 1);
    (void)give(client::HostAddresses{{addr("10.0.0.1:4000")}});
  }
  void make_registered() { make_registered(ack()); }

  /// Places a call to bob up to the offer.
  proto::DirectCallOffer place() {
    const auto first = give(client::PlaceCall{identity("bob").fingerprint(), call_id("1"), secret("eph alice")});
    REQUIRE(sent<proto::Reflect>(first).size() == 1);
    const auto offers = sent<proto::DirectCallOffer>(signal(proto::ReflectResponse{"8.8.8.8:4000"}));
    REQUIRE(offers.size() == 1);
    return offers[0];
  }

  client::ClientCore core;
  Instant now = at(0ms);
};

/// A sealed offer of `caller` to `target`, as a relay of ours delivers it: without addresses.
inline proto::DirectCallOffer offer_from(std::string_view caller, std::string_view target, const CallId& id) {
  const auto who = identity(caller);
  const crypto::EphemeralKey key{secret(std::string{"eph "} + std::string{caller})};
  const auto placed = crypto::place_offer(who, key, identity(target).fingerprint(), id);
  proto::DirectCallOffer m;
  m.caller_fingerprint = to_string(who.fingerprint());
  m.caller_alias = std::string{caller};
  m.target_fingerprint = to_string(identity(target).fingerprint());
  m.call_id = id.text();
  m.identity_pub = who.public_key();
  m.ephemeral_pub = key.public_key();
  m.signature.assign(placed.signature.begin(), placed.signature.end());
  m.supported_profiles = {proto::kGood};
  m.caller_build_version = "wzp test";
  return m;
}

/// The same without a key or signature, as a reference client sends it.
inline proto::DirectCallOffer unsigned_offer_from(std::string_view caller, std::string_view target, const CallId& id) {
  auto m = offer_from(caller, target, id);
  m.identity_pub = {};
  m.ephemeral_pub = {};
  m.signature.clear();
  return m;
}

/// The answer of `callee` to this offer, signed.
inline proto::DirectCallAnswer answer_from(std::string_view callee, const proto::DirectCallOffer& offer) {
  const crypto::OfferTerms terms{offer.ephemeral_pub, offer.identity_pub, *Fingerprint::parse(offer.target_fingerprint),
                                 *CallId::parse(offer.call_id)};
  const crypto::EphemeralKey key{secret(std::string{"eph "} + std::string{callee})};
  const auto made = crypto::answer_offer(identity(callee), key, terms);
  REQUIRE(made);
  proto::DirectCallAnswer m;
  m.call_id = offer.call_id;
  m.accept_mode = proto::CallAcceptMode::AcceptTrusted;
  m.identity_pub = made->terms.identity;
  m.ephemeral_pub = made->terms.ephemeral;
  m.signature = Bytes(made->signature.begin(), made->signature.end());
  m.callee_build_version = "wzp test";
  return m;
}

}  // namespace wzp::test
