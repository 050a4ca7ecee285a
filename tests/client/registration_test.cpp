#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "solo.hpp"
#include "wzp/crypto/registration.hpp"

using namespace wzp;
using namespace wzp::client;
using namespace wzp::test;

TEST_CASE("a client dials, registers with a signature for this connection, and is callable", "[client]") {
  Solo s;
  const auto dials = all<DialRelay>(s.start());
  REQUIRE(dials.size() == 1);
  CHECK(dials[0].server_name == "_signal");
  CHECK_FALSE(dials[0].address);
  const auto registers = sent<proto::RegisterPresence>(s.give(s.connected(dials[0].dial, Solo::kSignal)));
  REQUIRE(registers.size() == 1);
  CHECK(registers[0].alias == "alice");
  CHECK_FALSE(registers[0].caps.empty());
  const crypto::Registration terms{Solo::kCertificate, crypto::sha256(bytes_of("register exporter")),
                                   identity("alice").public_key()};
  CHECK(crypto::judge_registration(terms, registers[0].signature) == crypto::RegistrationProof::Signed);
  CHECK_FALSE(s.core.registered());
  CHECK(told<Registered>(s.signal(s.ack())) == std::vector{Registered{Solo::kRelay, "wzp relay"}});
  CHECK(s.core.registered());
  CHECK(s.core.deadline() == std::nullopt);
}

TEST_CASE("who wants not to be announced says so at every registration", "[client]") {
  const bool unannounced = GENERATE(false, true);
  auto with = config("alice");
  with.unannounced = unannounced;
  Solo s{std::move(with)};
  const auto says_so = [&](const Actions& out) {
    const auto registers = sent<proto::RegisterPresence>(out);
    REQUIRE(registers.size() == 1);
    return proto::has_cap(registers[0].caps, proto::kCapNoAnnounce);
  };
  CHECK(says_so(s.give(s.connected(all<DialRelay>(s.start())[0].dial, Solo::kSignal))) == unannounced);
  (void)s.signal(s.ack());
  (void)s.give(Lost{Solo::kSignal, std::nullopt, "idle timeout"});
  const auto again = all<DialRelay>(s.tick());
  REQUIRE(again.size() == 1);
  CHECK(says_so(s.give(s.connected(again[0].dial, Solo::kSignal))) == unannounced);
}

TEST_CASE("a lost registration is retried after 0, 1, 2, 4, 8, 15 and then 30 seconds", "[client][timeout][H-03]") {
  Solo s;
  s.make_registered();
  s.now += 1min;
  auto out = s.give(Lost{Solo::kSignal, std::nullopt, "idle timeout"});
  for (const auto wait : {0s, 1s, 2s, 4s, 8s, 15s, 30s, 30s}) {
    const auto again = told<Reconnecting>(out);
    REQUIRE(again.size() == 1);
    CHECK(again[0].retry_in == wait);
    CHECK_FALSE(s.core.registered());
    if (wait > 0s) CHECK(s.wait(wait - 1ns).empty());
    const auto dials = all<DialRelay>(s.wait(wait > 0s ? Duration{1ns} : Duration{0}));
    REQUIRE(dials.size() == 1);
    out = s.give(DialFailed{dials[0].dial, "nobody there"});
  }
}

TEST_CASE("a registration that held starts the schedule anew, one that did not goes on", "[client]") {
  Solo s;
  s.make_registered();
  const bool held = GENERATE(true, false);
  s.now += held ? Duration{5s} : Duration{4s};
  CHECK(told<Reconnecting>(s.give(Lost{Solo::kSignal, {}, "x"}))[0].retry_in == 0s);
  const auto dial = all<DialRelay>(s.tick())[0].dial;
  (void)s.give(s.connected(dial, conn(11)));
  (void)s.give(Signal{conn(11), s.ack()});
  s.now += held ? Duration{5s} : Duration{1s};
  CHECK(told<Reconnecting>(s.give(Lost{conn(11), {}, "x"}))[0].retry_in == (held ? 0s : 1s));
}

TEST_CASE("a dial without a reply is given up after three seconds", "[client][timeout][H-14]") {
  Solo s;
  const auto dial = all<DialRelay>(s.start())[0].dial;
  CHECK(s.wait(3s - 1ns).empty());
  const auto out = s.wait(1ns);
  CHECK(all<CancelDial>(out) == std::vector{CancelDial{dial}});
  CHECK(told<Reconnecting>(out).size() == 1);
  SECTION("and closed if it completes all the same") {
    CHECK(all<Close>(s.give(s.connected(dial, Solo::kSignal))).size() == 1);
  }
}

TEST_CASE("a relay that does not acknowledge is left after five seconds", "[client][timeout]") {
  Solo s;
  const auto dial = all<DialRelay>(s.start())[0].dial;
  (void)s.give(s.connected(dial, Solo::kSignal));
  CHECK(s.wait(5s - 1ns).empty());
  const auto out = s.wait(1ns);
  CHECK(all<Close>(out) == std::vector{Close{Solo::kSignal, CloseCode::Timeout, "the relay did not acknowledge"}});
  CHECK(told<Reconnecting>(out)[0].retry_in == 1s);
}

TEST_CASE("some endings of a registration are final", "[client]") {
  Solo s;
  SECTION("replaced by a newer one") {
    s.make_registered();
    CHECK(told<Replaced>(s.give(Lost{Solo::kSignal, 0x10, "replaced"})).size() == 1);
  }
  SECTION("refused by the ack") {
    const auto dial = all<DialRelay>(s.start())[0].dial;
    (void)s.give(s.connected(dial, Solo::kSignal));
    auto no = s.ack();
    no.success = false;
    no.error = "bad signature";
    const auto out = s.signal(no);
    CHECK(told<RegistrationRefused>(out) == std::vector{RegistrationRefused{"bad signature"}});
    CHECK(all<Close>(out).size() == 1);
  }
  SECTION("refused by the close code") {
    s.make_registered();
    CHECK(told<RegistrationRefused>(s.give(Lost{Solo::kSignal, 0x12, ""})).size() == 1);
  }
  CHECK(s.core.deadline() == std::nullopt);
  CHECK(s.wait(1h).empty());
}

TEST_CASE("a relay that is full or shutting down is not asked at once", "[client]") {
  Solo s;
  s.make_registered();
  s.now += 1min;
  const std::uint64_t code = GENERATE(0x16U, 0x18U);
  CHECK(told<Reconnecting>(s.give(Lost{Solo::kSignal, code, ""}))[0].retry_in == 1s);
}

TEST_CASE("an offer that overtakes the ack still rings", "[client]") {
  Solo s;
  const auto dial = all<DialRelay>(s.start())[0].dial;
  (void)s.give(s.connected(dial, Solo::kSignal));
  CHECK(s.signal(offer_from("bob", "alice", call_id("1"))).empty());
  CHECK(told<Incoming>(s.signal(s.ack())).size() == 1);
}

TEST_CASE("a hundred malformed messages in a row end the connection, unknown ones never", "[client][H-01]") {
  Solo s;
  s.make_registered();
  for (int i = 0; i < 500; ++i) CHECK(s.give(BadMessage{Solo::kSignal, {Errc::UnknownSignal, "FutureThing"}}).empty());
  for (int i = 0; i < 99; ++i) CHECK(s.give(BadMessage{Solo::kSignal, {Errc::BadJson, ""}}).empty());
  SECTION("one good message in between") {
    (void)s.signal(proto::Pong{1});
    CHECK(s.give(BadMessage{Solo::kSignal, {Errc::BadJson, ""}}).empty());
  }
  SECTION("none") {
    const auto out = s.give(BadMessage{Solo::kSignal, {Errc::BadJson, ""}});
    REQUIRE(all<Close>(out).size() == 1);
    CHECK(all<Close>(out)[0].code == CloseCode::Protocol);
    CHECK(told<Reconnecting>(out)[0].retry_in == 1s);
  }
}

TEST_CASE("shutting down closes what is open and ends everything", "[client]") {
  Solo s;
  SECTION("registered") {
    s.make_registered();
    const auto out = s.give(Shutdown{});
    CHECK(all<Close>(out).size() == 1);
    CHECK(told<Stopped>(out).size() == 1);
  }
  SECTION("dialling") {
    (void)s.start();
    CHECK(all<CancelDial>(s.give(Shutdown{})).size() == 1);
  }
  SECTION("in a call") {
    s.make_registered();
    (void)s.place();
    const auto out = s.give(Shutdown{});
    CHECK(sent<proto::Hangup>(out).size() == 1);
    CHECK(told<Ended>(out)[0].reason == EndReason::Cancelled);
  }
  CHECK(s.core.deadline() == std::nullopt);
  CHECK(s.give(PlaceCall{identity("bob").fingerprint(), call_id("9"), secret("x")}).empty());
}
