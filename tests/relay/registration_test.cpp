#include <catch2/catch_test_macros.hpp>

#include "relay_bench.hpp"
#include "wzp/crypto/registration.hpp"

using namespace std::chrono_literals;

namespace wzp::test {
namespace {

using proto::RegisterPresence;
using proto::RegisterPresenceAck;

Bytes signature_for(const crypto::Identity& who, const RelayFingerprint& relay, ConnectionId conn) {
  const auto s = crypto::sign_registration(who, relay, exporter(conn, 'r'));
  return {s.begin(), s.end()};
}

std::optional<RegisterPresenceAck> ack(FarEnd& end) {
  if (end.inbox.empty() || !std::holds_alternative<RegisterPresenceAck>(end.inbox.front())) return std::nullopt;
  auto message = std::get<RegisterPresenceAck>(end.inbox.front());
  end.inbox.pop_front();
  return message;
}

}  // namespace

TEST_CASE("a signed registration is acknowledged with build and capabilities", "[relay]") {
  RelayBench bench;
  const auto relay = bench.add_relay(1);
  const crypto::Identity bob{RelayBench::seed(20)};
  auto& end = bench.open(relay, "_signal");
  bench.send(end, RegisterPresence{bob.public_key(), signature_for(bob, bench.fp(relay), end.conn), "Bob", {"x"}});
  const auto answer = ack(end);
  REQUIRE(answer);
  CHECK(*answer == RegisterPresenceAck{true, {}, "bench", {"relay-media", "ring-proof"}});
  const auto clients = bench.core(relay).clients();
  REQUIRE(clients.size() == 1);
  CHECK(clients[0] == relay::ClientInfo{bob.fingerprint(), end.conn, true});
}

TEST_CASE("a registration that proves nothing is refused and disturbs nobody", "[relay][V-02]") {
  RelayBench bench;
  const auto relay = bench.add_relay(1);
  Phone bob{bench, relay, 20};
  auto& end = bench.open(relay, "_signal");
  RegisterPresence request{.identity_pub = bob.identity().public_key()};
  SECTION("empty signature") {}
  SECTION("signed by another key") {
    request.signature = signature_for(crypto::Identity{RelayBench::seed(21)}, bench.fp(relay), end.conn);
  }
  SECTION("replayed from another connection") {
    request.signature = signature_for(bob.identity(), bench.fp(relay), bob.end().conn);
  }
  SECTION("replayed from another relay") {
    request.signature = signature_for(bob.identity(), RelayBench::fingerprint(2), end.conn);
  }
  bench.send(end, request);
  const auto answer = ack(end);
  REQUIRE(answer);
  CHECK_FALSE(answer->success);
  CHECK(answer->error == "bad signature");
  REQUIRE(end.closed);
  CHECK(end.closed->code == 0x12);
  const auto clients = bench.core(relay).clients();
  REQUIRE(clients.size() == 1);
  CHECK(clients[0].conn == bob.end().conn);
  CHECK(bench.core(relay).counters().drops("register-refused") == 1);
}

TEST_CASE("unsigned registration is an option, and never takes a signed name", "[relay][V-02]") {
  RelayBench bench;
  const auto relay = bench.add_relay(1, [](auto& c) { c.allow_unsigned_registration = true; });
  bench.log.clear();
  Phone stock{bench, relay, 20, {.is_signed = false, .caps = {}}};
  REQUIRE(bench.log.size() == 1);
  CHECK(bench.log[0].find("unsigned") != std::string::npos);
  Phone real{bench, relay, 20};
  REQUIRE(stock.end().closed);
  CHECK(stock.end().closed->code == 0x10);
  CHECK_THROWS(stock.reconnect());
  CHECK(stock.end().closed->code == 0x12);
  CHECK(bench.core(relay).clients()[0].conn == real.end().conn);
  SECTION("a wrong signature is no empty one") {
    auto& end = bench.open(relay, "_signal");
    bench.send(end, RegisterPresence{crypto::Identity{RelayBench::seed(21)}.public_key(), Bytes(64, 1), {}, {}});
    CHECK_FALSE(ack(end)->success);
  }
}

TEST_CASE("a newer registration replaces the older one of a client that knows what that means", "[relay][V-12]") {
  RelayBench bench;
  const auto relay = bench.add_relay(1);
  Phone alice{bench, relay, 10};
  Phone bob{bench, relay, 20};
  auto& old = bob.end();
  bob.reconnect();
  REQUIRE(old.closed);
  CHECK(*old.closed == relay::Close{old.conn, 0x10, "replaced"});
  alice.send(alice.offer(bob.fp(), "c1"));
  CHECK(bob.take<proto::DirectCallOffer>());
}

TEST_CASE("the late death of an old connection touches nothing of the new one", "[relay][V-12]") {
  RelayBench bench;
  const auto relay = bench.add_relay(1, [](auto& c) { c.allow_unsigned_registration = true; });
  Phone alice{bench, relay, 10};
  // A stock client: its old registration is demoted silently and dies much later.
  Phone bob{bench, relay, 20, {.is_signed = false, .caps = {}}};
  auto& old = bob.end();
  bob.reconnect();
  CHECK_FALSE(old.closed);
  alice.send(alice.offer(bob.fp(), "c1"));
  REQUIRE(bob.take<proto::DirectCallOffer>());
  bob.send(bob.accept("c1"));
  REQUIRE(bob.take<proto::CallSetup>());
  alice.forget();
  bench.run_for(35s);
  bench.lose(old);
  bench.run_for(60s);
  CHECK(bench.core(relay).call(*CallId::parse("c1"))->state == registry::CallState::Active);
  CHECK(alice.heard_nothing());
  CHECK(bob.heard_nothing());
  alice.send(alice.offer(bob.fp(), "c2"));
  CHECK(bob.take<proto::DirectCallOffer>());
}

TEST_CASE("the registration that remains becomes current again", "[relay]") {
  RelayBench bench;
  const auto relay = bench.add_relay(1, [](auto& c) { c.allow_unsigned_registration = true; });
  Phone alice{bench, relay, 10};
  Phone bob{bench, relay, 20, {.is_signed = false, .caps = {}}};
  auto& old = bob.end();
  bob.reconnect();
  bob.lose();
  alice.send(alice.offer(bob.fp(), "c1"));
  REQUIRE(old.inbox.size() == 1);
  CHECK(std::holds_alternative<proto::DirectCallOffer>(old.inbox[0]));
}

TEST_CASE("a demoted registration cannot place calls", "[relay]") {
  RelayBench bench;
  const auto relay = bench.add_relay(1, [](auto& c) { c.allow_unsigned_registration = true; });
  Phone alice{bench, relay, 10};
  Phone bob{bench, relay, 20, {.is_signed = false, .caps = {}}};
  auto& old = bob.end();
  bob.reconnect();
  bench.send(old, bob.offer(alice.fp(), "c1"));
  CHECK(alice.heard_nothing());
  CHECK(old.inbox.size() == 1);
  CHECK(bench.core(relay).counters().drops("offer-demoted") == 1);
}

TEST_CASE("an anonymous probe may ask for its address and nothing else", "[relay][V-52]") {
  RelayBench bench;
  const auto relay = bench.add_relay(1);
  Phone bob{bench, relay, 20};
  auto& probe = bench.open(relay, "_signal");
  bench.send(probe, RegisterPresence{});
  REQUIRE(ack(probe)->success);
  CHECK(bench.core(relay).clients().size() == 1);
  bench.send(probe, proto::Reflect{});
  REQUIRE(probe.inbox.size() == 1);
  CHECK(std::get<proto::ReflectResponse>(probe.inbox[0]).observed_addr == "198.51.100.1:40000");
  bench.send(probe, proto::Ping{5});
  CHECK(std::get<proto::Pong>(probe.inbox[1]).timestamp_ms == 5);
  auto offer = bob.offer(bob.fp(), "c1");
  offer.caller_fingerprint = std::string(32, '0');
  bench.send(probe, offer);
  CHECK(bob.heard_nothing());
  CHECK(bench.core(relay).counters().drops("anonymous-signal") == 1);
  bench.run_for(60s);
  REQUIRE(probe.closed);
  CHECK(probe.closed->code == 0x15);
}

TEST_CASE("reflection tells the current address, ten times a second at most", "[relay][V-52]") {
  RelayBench bench;
  const auto relay = bench.add_relay(1);
  Phone bob{bench, relay, 20};
  bob.send(proto::Reflect{});
  CHECK(bob.take<proto::ReflectResponse>()->observed_addr == bob.reflexive());
  bench.move(bob.end(), {*IpAddress::parse("2001:db8::7"), 9});
  bob.send(proto::Reflect{});
  CHECK(bob.take<proto::ReflectResponse>()->observed_addr == "[2001:db8::7]:9");
  for (int i = 0; i < 20; ++i) bob.send(proto::Reflect{});
  CHECK(bob.end().inbox.size() == 8);
  CHECK(bench.core(relay).counters().drops("reflect-rate") == 12);
}

TEST_CASE("who does not register in time is let go", "[relay][timeout][V-18]") {
  RelayBench bench;
  const auto relay = bench.add_relay(1);
  auto& end = bench.open(relay, "_signal");
  bench.send(end, proto::AuthToken{"nobody asked"});
  bench.send_bad(end, Errc::UnknownSignal);
  bench.run_for(10s - 1ns);
  CHECK_FALSE(end.closed);
  bench.run_for(1ns);
  REQUIRE(end.closed);
  CHECK(end.closed->code == 0x15);
}

TEST_CASE("something else than a registration first is a protocol error", "[relay]") {
  RelayBench bench;
  const auto relay = bench.add_relay(1);
  auto& end = bench.open(relay, "_signal");
  bench.send(end, proto::Hangup{});
  REQUIRE(end.closed);
  CHECK(end.closed->code == 0x17);
}

TEST_CASE("registrations are bounded, and a long alias is refused", "[relay][V-27]") {
  RelayBench bench;
  const auto relay = bench.add_relay(1, [](auto& c) { c.max_clients = 1; });
  const crypto::Identity bob{RelayBench::seed(20)};
  auto& named = bench.open(relay, "_signal");
  bench.send(named, RegisterPresence{
                        bob.public_key(), signature_for(bob, bench.fp(relay), named.conn), std::string(65, 'x'), {}});
  CHECK_FALSE(ack(named)->success);
  CHECK(named.closed->code == 0x16);
  Phone first{bench, relay, 20};
  CHECK_THROWS(Phone{bench, relay, 21});
  first.lose();
  CHECK_NOTHROW(Phone{bench, relay, 21});
}

}  // namespace wzp::test
