#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "solo.hpp"
#include "wzp/crypto/registration.hpp"
#include "wzp/crypto/room.hpp"

using namespace wzp;
using namespace wzp::client;
using namespace wzp::test;
using proto::HangupReason;

namespace {

/// What ends a call must be told once, to the person and to the other side, and nothing may be left.
void check_ended(Solo& s, const Actions& out, EndReason reason, std::optional<HangupReason> told_reason) {
  const auto ended = told<Ended>(out);
  REQUIRE(ended.size() == 1);
  CHECK(ended[0].reason == reason);
  CHECK(ended[0].call == call_id("1"));
  const auto hangups = sent<proto::Hangup>(out);
  REQUIRE(hangups.size() == (told_reason ? 1U : 0U));
  if (told_reason) CHECK(hangups[0] == proto::Hangup{*told_reason, call_id("1").text()});
  CHECK(s.core.call_state() == CallState::None);
  CHECK(s.core.deadline() == std::nullopt);
}

Solo ringing_here() {
  Solo s;
  s.make_registered();
  REQUIRE(told<Incoming>(s.signal(offer_from("bob", "alice", call_id("1")))).size() == 1);
  return s;
}

Solo answered_by_us() {
  auto s = ringing_here();
  (void)s.give(Answer{call_id("1"), proto::CallAcceptMode::AcceptGeneric, secret("e")});
  REQUIRE(s.core.call_state() == CallState::AwaitingSetup);
  return s;
}

Solo answered_by_them() {
  Solo s;
  s.make_registered();
  const auto offer = s.place();
  (void)s.signal(answer_from("bob", offer));
  REQUIRE(s.core.call_state() == CallState::AwaitingSetup);
  return s;
}

proto::CallSetup setup_without_addresses() {
  proto::CallSetup m;
  m.call_id = call_id("1").text();
  m.room = "call-" + m.call_id;
  m.relay_addr = "20.0.0.1:4433";
  m.caps = {"relay-media"};
  return m;
}

}  // namespace

TEST_CASE("without an answer to the reflex query the offer goes out after a second", "[client][timeout]") {
  Solo s;
  s.make_registered();
  REQUIRE(sent<proto::Reflect>(s.give(PlaceCall{identity("bob").fingerprint(), call_id("1"), secret("e")})).size() ==
          1);
  CHECK(s.core.call_state() == CallState::Preparing);
  CHECK(s.wait(1s - 1ns).empty());
  const auto offers = sent<proto::DirectCallOffer>(s.wait(1ns));
  REQUIRE(offers.size() == 1);
  CHECK_FALSE(offers[0].caller_reflexive_addr);
  CHECK(offers[0].caller_local_addrs == std::vector<std::string>{"10.0.0.1:4000"});
  CHECK(s.core.call_state() == CallState::Offered);
  SECTION("and an answer after that changes nothing") { CHECK(s.signal(proto::ReflectResponse{"8.8.8.8:1"}).empty()); }
}

TEST_CASE("an offer without ringing or hang-up fails after five seconds", "[client][timeout][D-41]") {
  Solo s;
  s.make_registered();
  (void)s.place();
  CHECK(s.wait(5s - 1ns).empty());
  check_ended(s, s.wait(1ns), EndReason::Failed, HangupReason::Timeout);
}

TEST_CASE("the caller gives up after 45 seconds of ringing", "[client][timeout][D-41]") {
  Solo s;
  s.make_registered();
  (void)s.place();
  s.now += 3s;
  REQUIRE(told<Ringing>(s.signal(proto::CallRinging{call_id("1").text()})).size() == 1);
  CHECK(s.wait(45s - 1ns).empty());
  check_ended(s, s.wait(1ns), EndReason::NoAnswer, HangupReason::Timeout);
}

TEST_CASE("the callee stops ringing after 60 seconds", "[client][timeout][D-41]") {
  auto s = ringing_here();
  CHECK(s.wait(60s - 1ns).empty());
  const auto out = s.wait(1ns);
  REQUIRE(sent<proto::DirectCallAnswer>(out).size() == 1);
  CHECK(sent<proto::DirectCallAnswer>(out)[0].accept_mode == proto::CallAcceptMode::Reject);
  check_ended(s, out, EndReason::Missed, std::nullopt);
}

TEST_CASE("an accepted call without set-up fails after five seconds on both sides", "[client][timeout]") {
  auto s = GENERATE(0, 1) == 0 ? answered_by_us() : answered_by_them();
  CHECK(s.wait(5s - 1ns).empty());
  check_ended(s, s.wait(1ns), EndReason::Failed, HangupReason::Error);
}

TEST_CASE("media that does not flow within ten seconds of the set-up ends the call", "[client][timeout]") {
  auto s = answered_by_us();
  const auto dials = all<DialRelay>(s.signal(setup_without_addresses()));
  REQUIRE(dials.size() == 1);
  const auto set_up = s.now;
  (void)s.give(s.connected(dials[0].dial, Solo::kRoom));
  CHECK(s.core.call_state() == CallState::Connecting);
  SECTION("the room answers but nothing is heard") {
    proto::CallAnswer m;
    const auto relay = identity("relay");
    m.identity_pub = relay.public_key();
    const auto signature = crypto::sign_call_answer(relay, m.ephemeral_pub);
    m.signature.assign(signature.begin(), signature.end());
    const auto up = s.give(Signal{Solo::kRoom, m});
    CHECK(told<PathUp>(up).size() == 1);
    CHECK(all<MediaPaths>(up) == std::vector{MediaPaths{{Solo::kRoom}, {Solo::kRoom}}});
    s.now = set_up;
    CHECK(s.wait(10s - 1ns).empty());
    const auto out = s.wait(1ns);
    CHECK(all<MediaStop>(out).size() == 1);
    CHECK(all<Close>(out).size() == 1);
    check_ended(s, out, EndReason::MediaLost, HangupReason::Error);
  }
  SECTION("the room does not answer") {
    s.now = set_up;
    CHECK(s.wait(5s - 1ns).empty());
    const auto out = s.wait(1ns);
    CHECK(all<Close>(out).size() == 1);
    check_ended(s, out, EndReason::NoPath, HangupReason::Error);
  }
}

TEST_CASE("an unanswerable room dial ends the call after three seconds", "[client][timeout]") {
  auto s = answered_by_us();
  REQUIRE(all<DialRelay>(s.signal(setup_without_addresses())).size() == 1);
  CHECK(s.wait(3s - 1ns).empty());
  const auto out = s.wait(1ns);
  CHECK(all<CancelDial>(out).size() == 1);
  check_ended(s, out, EndReason::NoPath, HangupReason::Error);
}

TEST_CASE("messages about another call change nothing in any state", "[client][D-13][D-52]") {
  auto s = GENERATE(0, 1, 2, 3, 4) == 0 ? answered_by_us() : answered_by_them();
  const auto other = call_id("other").text();
  const auto state = s.core.call_state();
  CHECK(s.signal(proto::Hangup{HangupReason::Normal, other}).empty());
  CHECK(s.signal(proto::CallRinging{other}).empty());
  CHECK(s.signal(proto::MediaPathReport{other, true, "Direct"}).empty());
  auto setup = setup_without_addresses();
  setup.call_id = other;
  CHECK(s.signal(setup).empty());
  proto::DirectCallAnswer no;
  no.call_id = other;
  CHECK(s.signal(no).empty());
  CHECK(s.give(Answer{call_id("other"), proto::CallAcceptMode::Reject, secret("x")}).empty());
  CHECK(s.core.call_state() == state);
}

TEST_CASE("messages that do not fit the state change nothing", "[client]") {
  SECTION("a set-up before the answer") {
    Solo s;
    s.make_registered();
    (void)s.place();
    CHECK(s.signal(setup_without_addresses()).empty());
    CHECK(s.core.call_state() == CallState::Offered);
  }
  SECTION("a set-up while it rings here") {
    auto s = ringing_here();
    CHECK(s.signal(setup_without_addresses()).empty());
    CHECK(s.core.call_state() == CallState::Incoming);
  }
  SECTION("a second answer") {
    auto s = answered_by_them();
    proto::DirectCallAnswer no;
    no.call_id = call_id("1").text();
    CHECK(s.signal(no).empty());
    CHECK(s.core.call_state() == CallState::AwaitingSetup);
  }
  SECTION("a second set-up") {
    auto s = answered_by_us();
    REQUIRE(all<DialRelay>(s.signal(setup_without_addresses())).size() == 1);
    CHECK(s.signal(setup_without_addresses()).empty());
  }
  SECTION("a second answer of the person") {
    auto s = answered_by_us();
    CHECK(s.give(Answer{call_id("1"), proto::CallAcceptMode::Reject, secret("x")}).empty());
  }
}

TEST_CASE("the room is looked for where the relay can be", "[client][D-60]") {
  const auto [said, first] = GENERATE(table<std::string, std::string>({
      {"20.0.0.1:4433", "20.0.0.1:4433"},
      {"20.0.0.9:4500", "20.0.0.9:4500"},
      {"0.0.0.0:4500", "20.0.0.1:4500"},
      {"127.0.0.1:4500", "20.0.0.1:4500"},
      {"[::]:4500", "20.0.0.1:4500"},
      {"224.0.0.1:4500", "20.0.0.1:4500"},
      {"relay.example:4500", "20.0.0.1:4433"},
      {"20.0.0.1:0", "20.0.0.1:4433"},
      {"", "20.0.0.1:4433"},
  }));
  auto s = answered_by_us();
  auto setup = setup_without_addresses();
  setup.relay_addr = said;
  const auto dials = all<DialRelay>(s.signal(setup));
  REQUIRE(dials.size() == 1);
  CHECK(dials[0].address == addr(first));
  CHECK(dials[0].server_name == "call-" + call_id("1").text());
  if (first != "20.0.0.1:4433") {
    const auto next = all<DialRelay>(s.give(DialFailed{dials[0].dial, "no route"}));
    REQUIRE(next.size() == 1);
    CHECK(next[0].address == addr("20.0.0.1:4433"));
  }
}

TEST_CASE("a room at another relay than ours is left", "[client]") {
  auto s = answered_by_us();
  const auto dials = all<DialRelay>(s.signal(setup_without_addresses()));
  auto e = s.connected(dials[0].dial, Solo::kRoom);
  e.peer_certificate = RelayFingerprint{crypto::sha256(bytes_of("somebody else"))};
  const auto out = s.give(e);
  CHECK(all<Close>(out).size() == 1);
  CHECK(sent<proto::CallOffer>(out).empty());
  check_ended(s, out, EndReason::NoPath, HangupReason::Error);
}

TEST_CASE("a room whose relay cannot sign is left", "[client]") {
  auto s = answered_by_us();
  const auto dials = all<DialRelay>(s.signal(setup_without_addresses()));
  (void)s.give(s.connected(dials[0].dial, Solo::kRoom));
  const auto out = s.give(Signal{Solo::kRoom, proto::CallAnswer{}});
  CHECK(all<Close>(out).size() == 1);
  check_ended(s, out, EndReason::NoPath, HangupReason::Error);
}

TEST_CASE("the member of a room proves who it is on this very connection", "[client][V-15]") {
  auto s = answered_by_us();
  const auto dials = all<DialRelay>(s.signal(setup_without_addresses()));
  const auto offers = sent<proto::CallOffer>(s.give(s.connected(dials[0].dial, Solo::kRoom)));
  REQUIRE(offers.size() == 1);
  const auto& m = offers[0];
  CHECK(crypto::verify_call_offer(m.identity_pub, m.ephemeral_pub, m.signature));
  const crypto::RoomBinding terms{Solo::kCertificate, crypto::sha256(bytes_of("room exporter")), m.ephemeral_pub,
                                  identity("alice").public_key()};
  CHECK(crypto::verify_room_binding(terms, m.binding));
  CHECK(m.supported_profiles.size() == 6);
}
