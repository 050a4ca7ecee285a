#include <catch2/catch_test_macros.hpp>

#include "relay_bench.hpp"
#include "wzp/crypto/registration.hpp"
#include "wzp/crypto/room.hpp"

using namespace std::chrono_literals;

namespace wzp::test {
namespace {

template <class T>
std::optional<T> last(const FarEnd& end) {
  if (end.inbox.empty() || !std::holds_alternative<T>(end.inbox.back())) return std::nullopt;
  return std::get<T>(end.inbox.back());
}

/// Alice and Bob on one relay, in an answered call "c1".
struct Answered {
  explicit Answered(const Tweak& tweak = {}, Phone::Options options = {})
      : relay{bench.add_relay(1, tweak)}, alice{bench, relay, 10, options}, bob{bench, relay, 20, options} {
    alice.send(alice.offer(bob.fp(), "c1"));
    bob.send(bob.accept("c1"));
  }

  RelayBench bench;
  std::size_t relay;
  Phone alice;
  Phone bob;
};

}  // namespace

TEST_CASE("the two parties get a seat each, and a list of both", "[relay][room]") {
  Answered call;
  auto& a = call.alice.join("c1");
  CHECK(a.seat == "call-c1");
  REQUIRE(a.inbox.size() == 2);
  const auto& answer = std::get<proto::CallAnswer>(a.inbox[0]);
  CHECK(answer.identity_pub == call.bench.config(call.relay).identity.public_key());
  CHECK(crypto::verify_call_answer(answer.identity_pub, answer.ephemeral_pub, answer.signature));
  CHECK(std::get<proto::RoomUpdate>(a.inbox[1]).count == 1);
  auto& b = call.bob.join("c1");
  CHECK(b.seat == "call-c1");
  const auto update = last<proto::RoomUpdate>(a);
  REQUIRE(update);
  CHECK(update->count == 2);
  CHECK(update->participants[0].fingerprint == call.alice.text());
  CHECK(update->participants[1].fingerprint == call.bob.text());
  CHECK(last<proto::RoomUpdate>(b) == update);
  CHECK(call.bench.core(call.relay).seats("call-c1") == std::vector{a.conn, b.conn});
}

TEST_CASE("nobody but the parties of an active call is admitted", "[relay][room][V-03]") {
  Answered call;
  Phone eve{call.bench, call.relay, 30};
  SECTION("a stranger") { CHECK(eve.join("c1").closed->code == 0x19); }
  SECTION("an unknown call") { CHECK(call.alice.join("c2").closed->code == 0x19); }
  SECTION("a call that is not answered") {
    call.alice.send(call.alice.offer(eve.fp(), "c3"));
    CHECK(call.alice.join("c3").closed->code == 0x19);
  }
  SECTION("an ended call") {
    call.alice.send(proto::Hangup{proto::HangupReason::Normal, "c1"});
    CHECK(call.alice.join("c1").closed->code == 0x19);
  }
  CHECK(call.bench.core(call.relay).counters().drops("room-not-admitted") == 1);
  CHECK(call.bench.core(call.relay).seats("call-c1").empty());
}

TEST_CASE("a seat is bound to its connection and relay", "[relay][room][V-15]") {
  Answered call;
  auto& end = call.bench.open(call.relay, "call-c1");
  const auto& alice = call.alice.identity();
  proto::CallOffer offer{.identity_pub = alice.public_key(), .ephemeral_pub = {}};
  offer.ephemeral_pub.fill(9);
  auto signature = crypto::sign_call_offer(alice, offer.ephemeral_pub);
  crypto::Signature binding{};
  SECTION("no binding") {}
  SECTION("replayed from another connection") {
    binding = crypto::sign_room_binding(alice, call.bench.fp(call.relay), exporter(ConnectionId{999}, 'm'),
                                        offer.ephemeral_pub);
  }
  SECTION("replayed from another relay") {
    binding =
        crypto::sign_room_binding(alice, RelayBench::fingerprint(7), exporter(end.conn, 'm'), offer.ephemeral_pub);
  }
  SECTION("hop signature of another key") {
    binding = crypto::sign_room_binding(alice, call.bench.fp(call.relay), exporter(end.conn, 'm'), offer.ephemeral_pub);
    signature = crypto::sign_call_offer(call.bob.identity(), offer.ephemeral_pub);
  }
  offer.signature = {signature.begin(), signature.end()};
  if (binding != crypto::Signature{}) offer.binding = {binding.begin(), binding.end()};
  call.bench.send(end, offer);
  REQUIRE(end.closed);
  CHECK(end.closed->code == 0x19);
  CHECK(end.inbox.empty());
  CHECK_FALSE(end.seat);
}

TEST_CASE("a party that registered unsigned needs no binding, but a wrong one is refused", "[relay][room]") {
  Answered call{[](auto& c) { c.allow_unsigned_registration = true; }, {.is_signed = false, .caps = {}}};
  CHECK(call.alice.join("c1", false).seat == "call-c1");
  auto& end = call.bench.open(call.relay, "call-c1");
  proto::CallOffer offer{.identity_pub = call.bob.identity().public_key(), .ephemeral_pub = {}};
  offer.ephemeral_pub.fill(9);
  const auto signature = crypto::sign_call_offer(call.bob.identity(), offer.ephemeral_pub);
  offer.signature = {signature.begin(), signature.end()};
  offer.binding = Bytes(64, 1);
  call.bench.send(end, offer);
  CHECK(end.closed->code == 0x19);
}

TEST_CASE("one person has one seat: the second join takes the place of the first", "[relay][room][V-32]") {
  Answered call;
  auto& first = call.alice.join("c1");
  auto& second = call.alice.join("c1");
  REQUIRE(first.closed);
  CHECK(first.closed->code == 0x10);
  CHECK_FALSE(first.seat);
  CHECK(second.seat == "call-c1");
  auto& b = call.bob.join("c1");
  CHECK(b.seat == "call-c1");
  CHECK(call.bench.core(call.relay).seats("call-c1").size() == 2);
  for (int i = 0; i < 10; ++i) call.alice.join("c1");
  CHECK(call.bench.core(call.relay).seats("call-c1").size() == 2);
  CHECK_FALSE(b.closed);
}

TEST_CASE("who leaves is taken off the list", "[relay][room]") {
  Answered call;
  auto& a = call.alice.join("c1");
  auto& b = call.bob.join("c1");
  SECTION("by losing the connection") { call.bench.lose(b); }
  SECTION("by a hang-up on the media connection") {
    call.bench.send(b, proto::Hangup{});
    CHECK(b.closed->code == 0);
  }
  CHECK(last<proto::RoomUpdate>(a)->count == 1);
  CHECK(call.bench.core(call.relay).seats("call-c1") == std::vector{a.conn});
  call.bench.lose(a);
  CHECK(call.bench.core(call.relay).seats("call-c1").empty());
  CHECK(call.bob.join("c1").seat == "call-c1");
}

TEST_CASE("the seats of an ended call go after two seconds", "[relay][room][H-04]") {
  Answered call;
  auto& a = call.alice.join("c1");
  auto& b = call.bob.join("c1");
  call.alice.send(proto::Hangup{proto::HangupReason::Normal, "c1"});
  call.bench.run_for(2s - 1ns);
  CHECK(a.seat);
  CHECK_FALSE(a.closed);
  call.bench.run_for(1ns);
  CHECK_FALSE(a.seat);
  CHECK_FALSE(b.seat);
  CHECK(a.closed->code == 0);
  CHECK(b.closed->code == 0);
  CHECK(call.bench.core(call.relay).seats("call-c1").empty());
}

TEST_CASE("signals in a room are read and none blocks it", "[relay][room][V-23]") {
  Answered call;
  auto& a = call.alice.join("c1");
  for (int i = 0; i < 500; ++i) call.bench.send(a, proto::LossRecoveryUpdate{});
  call.bench.send(a, proto::Ping{3});
  CHECK(last<proto::Pong>(a)->timestamp_ms == 3);
  CHECK(a.seat == "call-c1");
  CHECK(call.bench.core(call.relay).counters().drops("room-unexpected") == 500);
}

TEST_CASE("who says nothing in a room is let go after ten seconds", "[relay][room][timeout][V-18]") {
  Answered call;
  auto& end = call.bench.open(call.relay, "call-c1");
  call.bench.send(end, proto::AuthToken{"unwanted"});
  call.bench.run_for(10s - 1ns);
  CHECK_FALSE(end.closed);
  call.bench.run_for(1ns);
  CHECK(end.closed->code == 0x15);
  auto& other = call.bench.open(call.relay, "call-c1");
  call.bench.send(other, proto::Hangup{});
  CHECK(other.closed->code == 0x17);
}

}  // namespace wzp::test
