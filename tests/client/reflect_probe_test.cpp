#include "wzp/client/reflect_probe.hpp"

#include <catch2/catch_test_macros.hpp>

#include "people.hpp"
#include "wzp/crypto/registration.hpp"

using namespace wzp;
using namespace wzp::client;
using namespace wzp::test;

namespace {
const auto kRelay = addr("20.0.0.1:4433");

ReflectProbe probe() { return ReflectProbe{{.throw_away = identity("nobody"), .dial = DialId{7}, .relay = kRelay}}; }

Connected connected() {
  Connected e;
  e.dial = DialId{7};
  e.conn = conn(1);
  e.remote = kRelay;
  e.peer_certificate = RelayFingerprint{crypto::sha256(bytes_of("relay"))};
  e.register_exporter = crypto::sha256(bytes_of("exporter"));
  return e;
}

proto::RegisterPresenceAck ack(bool success) {
  proto::RegisterPresenceAck m;
  m.success = success;
  if (!success) m.error = "bad signature";
  return m;
}
}  // namespace

TEST_CASE("a probe registers under a signed throw-away key, asks and leaves", "[client][D-16]") {
  auto p = probe();
  CHECK(p.start(at(0ms)) == Actions{DialRelay{DialId{7}, "_signal", kRelay}});
  const auto registers = sent<proto::RegisterPresence>(p.handle(connected(), at(20ms)));
  REQUIRE(registers.size() == 1);
  CHECK(registers[0].alias == std::nullopt);
  const crypto::Registration terms{connected().peer_certificate, connected().register_exporter,
                                   registers[0].identity_pub};
  CHECK(crypto::judge_registration(terms, registers[0].signature) == crypto::RegistrationProof::Signed);
  CHECK(p.handle(Signal{conn(1), ack(true)}, at(30ms)) == Actions{SendSignal{conn(1), proto::Reflect{}}});
  CHECK(p.handle(Signal{conn(1), proto::ReflectResponse{"8.8.8.8:4000"}}, at(45ms)) ==
        Actions{Close{conn(1), CloseCode::Normal, "done"}});
  CHECK(p.outcome() == ReflectProbe::Outcome{addr("8.8.8.8:4000"), 45ms, ""});
  CHECK(p.deadline() == std::nullopt);
}

TEST_CASE("a probe that fails names the step", "[client][timeout]") {
  auto p = probe();
  REQUIRE(p.start(at(0ms)).size() == 1);
  SECTION("no connection") {
    CHECK(p.handle(DialFailed{DialId{7}, "refused"}, at(1ms)).empty());
    CHECK(p.outcome()->error == "connect: refused");
  }
  SECTION("no connection in time, and one that comes too late is closed") {
    CHECK(p.deadline() == at(1500ms));
    CHECK(p.tick(at(1500ms - 1ns)).empty());
    CHECK(p.tick(at(1500ms)) == Actions{CancelDial{DialId{7}}});
    CHECK(p.outcome()->error == "connect: timeout");
    CHECK(p.handle(connected(), at(1600ms)) == Actions{Close{conn(1), CloseCode::Normal, "done"}});
  }
  SECTION("refused") {
    REQUIRE(p.handle(connected(), at(1ms)).size() == 1);
    CHECK(p.handle(Signal{conn(1), ack(false)}, at(2ms)) == Actions{Close{conn(1), CloseCode::Normal, "done"}});
    CHECK(p.outcome()->error == "register: bad signature");
  }
  SECTION("closed while registering") {
    REQUIRE(p.handle(connected(), at(1ms)).size() == 1);
    CHECK(p.handle(Lost{conn(1), 0, "bye"}, at(2ms)).empty());
    CHECK(p.outcome()->error == "register: bye");
  }
  SECTION("no answer") {
    REQUIRE(p.handle(connected(), at(1ms)).size() == 1);
    REQUIRE(p.handle(Signal{conn(1), ack(true)}, at(2ms)).size() == 1);
    CHECK(p.tick(at(1500ms)) == Actions{Close{conn(1), CloseCode::Normal, "done"}});
    CHECK(p.outcome()->error == "receive: timeout");
  }
  SECTION("an answer that is no address") {
    REQUIRE(p.handle(connected(), at(1ms)).size() == 1);
    REQUIRE(p.handle(Signal{conn(1), ack(true)}, at(2ms)).size() == 1);
    REQUIRE(p.handle(Signal{conn(1), proto::ReflectResponse{"relay.example:1"}}, at(3ms)).size() == 1);
    CHECK(p.outcome()->error == "parse: relay.example:1");
  }
  CHECK_FALSE(p.outcome()->observed);
}

TEST_CASE("a probe answers nothing but its own connection", "[client]") {
  auto p = probe();
  REQUIRE(p.start(at(0ms)).size() == 1);
  REQUIRE(p.handle(connected(), at(1ms)).size() == 1);
  CHECK(p.handle(Signal{conn(2), ack(true)}, at(2ms)).empty());
  CHECK(p.handle(Signal{conn(1), proto::ReflectResponse{"8.8.8.8:4000"}}, at(2ms)).empty());  // not asked yet
  CHECK(p.handle(Lost{conn(2), 0, ""}, at(2ms)).empty());
  CHECK_FALSE(p.outcome());
}
