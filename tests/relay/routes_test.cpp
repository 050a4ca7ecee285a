#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "envelopes.hpp"
#include "mesh.hpp"
#include "wzp/base/hex.hpp"
#include "wzp/crypto/routed.hpp"

using namespace std::chrono_literals;

namespace wzp::test {

using proto::HangupReason;
using registry::CallState;

namespace {

/// Alice on the first relay, Bob on the last.
struct Ends {
  Ends(int relays, const Mesh::Links& links, const Tweak& tweak = {}) : mesh{relays, links, tweak}, last{relays - 1} {}

  [[nodiscard]] bool connect(const std::string& id = "c1") {
    alice.send(alice.offer(bob.fp(), id));
    mesh.bench.run_for(100ms);
    const auto offer = bob.take<proto::DirectCallOffer>();
    if (!offer || !alice.take<proto::CallRinging>()) return false;
    bob.send(bob.rings(*offer));
    bob.send(bob.accept(id));
    mesh.bench.run_for(1100ms);
    const auto answer = alice.take<proto::DirectCallAnswer>();
    const auto setup_a = alice.take<proto::CallSetup>();
    const auto setup_b = bob.take<proto::CallSetup>();
    return answer && setup_a && setup_b && proto::has_cap(setup_a->caps, "relay-media") &&
           proto::has_cap(setup_b->caps, "relay-media");
  }

  Mesh mesh;
  int last;
  Phone alice{mesh.bench, 0, 100};
  Phone bob{mesh.bench, std::size_t(last), 120};
};

}  // namespace

TEST_CASE("a call crosses up to eight links, and its media with it", "[relay][route][H-11]") {
  const int relays = GENERATE(2, 3, 4, 9);
  Ends net{relays, Mesh::line(relays)};
  REQUIRE(net.connect());
  auto& a = net.alice.join("c1");
  auto& b = net.bob.join("c1");
  for (std::uint16_t i = 0; i < 20; ++i) {
    net.mesh.bench.send_media(a, speech(1, i));
    net.mesh.bench.send_media(b, speech(2, i));
    net.mesh.bench.run_for(20ms);
  }
  const auto at_a = heard(a);
  const auto at_b = heard(b);
  CHECK(at_a.size() == 20);
  CHECK(at_b.size() == 20);
  for (int i = 0; i < 20; ++i) {
    CHECK(at_a.at({2, i}) == 1);
    CHECK(at_b.at({1, i}) == 1);
  }
  net.alice.send(hangup("c1"));
  net.mesh.bench.run_for(100ms);
  CHECK(net.bob.take<proto::Hangup>() == proto::Hangup{HangupReason::Normal, "c1"});
  for (int r = 0; r < relays; ++r) CHECK_FALSE(net.mesh.is_live(r, "c1"));
}

TEST_CASE("the relay of a party that has had no seat for a minute carries its call no more, until it has one",
          "[relay][route]") {
  Ends net{3, Mesh::line(3)};
  REQUIRE(net.connect());
  auto& bench = net.mesh.bench;
  auto& a = net.alice.join("c1");
  const bool had_one = GENERATE(false, true);
  if (had_one) {
    auto& b = net.bob.join("c1");
    bench.send_media(a, speech(1, 0));
    bench.run_for(100ms);
    CHECK(heard(b).size() == 1);
    bench.lose(b);
  }
  const auto links_at = [&](int relay) { return bench.core(std::size_t(relay)).room_links("call-c1").size(); };
  bench.run_for(58s);
  CHECK(links_at(2) == 1);
  bench.run_for(3s);
  CHECK(links_at(2) == 0);
  CHECK(links_at(0) == 1);
  CHECK(links_at(1) == 2);
  bench.send_media(a, speech(1, 1));
  bench.run_for(100ms);
  auto& again = net.bob.join("c1");
  bench.run_for(100ms);
  CHECK(heard(again).empty());  // nothing was kept
  bench.send_media(a, speech(1, 2));
  bench.send_media(again, speech(2, 0));
  bench.run_for(100ms);
  CHECK(heard(again).size() == 1);
  CHECK(heard(a).size() == 1);
  bench.run_for(120s);  // a seat that is silent is a seat
  CHECK(links_at(2) == 1);
  CHECK(net.mesh.is_live(2, "c1"));
}

TEST_CASE("a call does not cross nine links", "[relay][route]") {
  Ends net{10, Mesh::line(10)};
  net.alice.send(net.alice.offer(net.bob.fp(), "c1"));
  net.mesh.bench.run_for(10s);
  CHECK(net.bob.heard_nothing());
  CHECK(hears_hangup(net.alice, "c1", HangupReason::Error));
  net.mesh.bench.run_for(60s);
  for (int r = 0; r < 10; ++r) CHECK_FALSE(net.mesh.call(r, "c1"));
}

TEST_CASE("only the relays of a call's route ever see a packet of it", "[relay][route][V-33][V-34]") {
  Ends net{3, Mesh::star(3)};  // 1 and 2 around 0; Alice is on 0, Bob on 2
  REQUIRE(net.connect());
  auto& a = net.alice.join("c1");
  net.bob.join("c1");
  for (std::uint16_t i = 0; i < 50; ++i) {
    net.mesh.bench.send_media(a, speech(1, i));
    net.mesh.bench.run_for(20ms);
  }
  CHECK(net.mesh.media_on(0, 2) == 50);
  CHECK(net.mesh.media_on(0, 1) == 0);
  for (const auto& [relay, message] : net.mesh.bench.between_relays) {
    CHECK_FALSE(std::holds_alternative<proto::GlobalRoomActive>(message));
    CHECK_FALSE(std::holds_alternative<proto::RoomState>(message));
  }
}

TEST_CASE("a call between two people of one relay never leaves it", "[relay][route][V-33]") {
  Mesh mesh{4, Mesh::star(4)};
  Phone alice{mesh.bench, 0, 100};
  Phone bob{mesh.bench, 0, 120};
  mesh.bench.run_for(2s);  // what is said about the two people themselves is over
  mesh.bench.between_relays.clear();
  REQUIRE(ring_and_answer(alice, bob, "c1"));
  auto& a = alice.join("c1");
  auto& b = bob.join("c1");
  for (std::uint16_t i = 0; i < 50; ++i) mesh.bench.send_media(a, speech(1, i));
  mesh.bench.run_for(100ms);
  CHECK(heard(b).size() == 50);
  CHECK(mesh.bench.media_between.empty());
  CHECK(mesh.bench.between_relays.empty());
}

TEST_CASE("every ending reaches the other side of a long route", "[relay][route][V-07]") {
  Ends net{4, Mesh::line(4)};
  const bool answered = GENERATE(false, true);
  const bool by_caller = GENERATE(false, true);
  net.alice.send(net.alice.offer(net.bob.fp(), "c1"));
  net.mesh.bench.run_for(100ms);
  if (answered) net.bob.send(net.bob.accept("c1"));
  net.mesh.bench.run_for(1100ms);
  net.alice.forget();
  net.bob.forget();
  (by_caller ? net.alice : net.bob).send(hangup("c1", HangupReason::Busy));
  net.mesh.bench.run_for(100ms);
  CHECK(hears_hangup(by_caller ? net.bob : net.alice, "c1", HangupReason::Busy));
  for (int r = 0; r < 4; ++r) CHECK_FALSE(net.mesh.is_live(r, "c1"));
}

TEST_CASE("a reject comes back over a long route as declined", "[relay][route][V-07]") {
  Ends net{4, Mesh::line(4)};
  net.alice.send(net.alice.offer(net.bob.fp(), "c1"));
  net.mesh.bench.run_for(100ms);
  net.alice.forget();
  net.bob.send(reject("c1"));
  net.mesh.bench.run_for(100ms);
  CHECK(hears_hangup(net.alice, "c1", HangupReason::Declined));
  for (int r = 0; r < 4; ++r) CHECK_FALSE(net.mesh.is_live(r, "c1"));
}

TEST_CASE("somebody who is nowhere is reported absent by every shape of relays", "[relay][route][V-10]") {
  const auto links = GENERATE(Mesh::line(5), Mesh::ring(5), Mesh::star(5), Mesh::full(5));
  Mesh mesh{5, links};
  Phone alice{mesh.bench, 0, 100};
  alice.send(alice.offer(crypto::Identity{RelayBench::seed(99)}.fingerprint(), "c1"));
  mesh.bench.run_for(8s);
  CHECK(hears_hangup(alice, "c1", HangupReason::Error));
  for (int r = 0; r < 5; ++r) CHECK_FALSE(mesh.is_live(r, "c1"));
}

TEST_CASE("relays that may not speak for others pass nothing on", "[relay][route]") {
  Ends net{3, Mesh::line(3), [](relay::Config& c) {
             for (auto& p : c.peers) p.delegate = false;
             for (auto& t : c.trusted) t.delegate = false;
           }};
  net.alice.send(net.alice.offer(net.bob.fp(), "c1"));
  net.mesh.bench.run_for(8s);
  CHECK(net.bob.heard_nothing());
  CHECK(hears_hangup(net.alice, "c1", HangupReason::Error));
}

TEST_CASE("a relay in the middle keeps neither addresses nor keys back, and shows addresses only after the claim",
          "[relay][route][V-09]") {
  Ends net{3, Mesh::line(3)};
  const auto offer = net.alice.offer(net.bob.fp(), "c1");
  net.alice.send(offer);
  net.mesh.bench.run_for(100ms);
  const auto seen = net.bob.take<proto::DirectCallOffer>();
  REQUIRE(seen);
  CHECK(seen->signature == offer.signature);
  CHECK_FALSE(seen->caller_reflexive_addr);
  net.alice.forget();
  const auto answer = net.bob.accept("c1");
  net.bob.send(answer);
  net.mesh.bench.run_for(100ms);
  CHECK(net.alice.take<proto::DirectCallAnswer>() == answer);
  CHECK(net.bob.take<proto::CallSetup>()->peer_direct_addr == net.alice.reflexive());
  CHECK(net.alice.take<proto::CallSetup>()->peer_direct_addr == net.bob.reflexive());
  bool claimed = false;
  for (const auto& [relay, message] : net.mesh.bench.between_relays) {
    const auto unwrapped = unwrap(message);
    if (!unwrapped) continue;
    claimed |= std::holds_alternative<proto::CallRinging>(unwrapped->inner);
    const auto* o = std::get_if<proto::DirectCallOffer>(&unwrapped->inner);
    if (o != nullptr && !claimed) CHECK_FALSE(o->caller_reflexive_addr);
  }
}

TEST_CASE("a call goes on over another way when a relay on its route dies", "[relay][route]") {
  Ends net{4, Mesh::ring(4)};  // Alice on 0, Bob on 3: neighbours, and 0 - 1 - 2 - 3
  REQUIRE(net.connect());
  auto& a = net.alice.join("c1");
  auto& b = net.bob.join("c1");
  net.mesh.bench.run_for(50ms);
  CHECK(net.mesh.call(0, "c1")->relay_toward(registry::Role::Callee) == net.mesh.bench.fp(3));
  net.mesh.bench.cut(0, 3);
  net.mesh.bench.run_for(1s);
  CHECK(net.mesh.call(0, "c1")->relay_toward(registry::Role::Callee) == net.mesh.bench.fp(1));
  heard(a);
  heard(b);
  net.mesh.bench.send_media(a, speech(1, 100));
  net.mesh.bench.send_media(b, speech(2, 100));
  net.mesh.bench.run_for(50ms);
  CHECK(heard(b)[{1, 100}] == 1);
  CHECK(heard(a)[{2, 100}] == 1);
  net.bob.send(hangup("c1"));
  net.mesh.bench.run_for(50ms);
  CHECK(hears_hangup(net.alice, "c1", HangupReason::Normal));
  for (int r = 0; r < 4; ++r) CHECK_FALSE(net.mesh.is_live(r, "c1"));
}

TEST_CASE("an ending during a break is told as soon as there is a way again", "[relay][route]") {
  Ends net{3, Mesh::line(3)};
  const bool by_caller = GENERATE(true, false);
  const bool far_break = GENERATE(true, false);
  REQUIRE(net.connect());
  net.mesh.bench.cut(far_break ? 1 : 0, far_break ? 2 : 1);
  net.mesh.bench.run_for(5s);
  (by_caller ? net.alice : net.bob).send(hangup("c1"));
  net.mesh.bench.run_for(1s);
  auto& other = by_caller ? net.bob : net.alice;
  CHECK(other.heard_nothing());
  net.mesh.bench.heal(far_break ? 1 : 0, far_break ? 2 : 1);
  net.mesh.bench.run_for(20s);
  CHECK(hears_hangup(other, "c1", HangupReason::Normal));
  for (int r = 0; r < 3; ++r) CHECK_FALSE(net.mesh.is_live(r, "c1"));
}

TEST_CASE("a caller who shows no addresses keeps nobody waiting for them", "[relay][route]") {
  const int relays = GENERATE(2, 3);
  Ends net{relays, Mesh::line(relays)};
  auto offer = net.alice.offer(net.bob.fp(), "c1");
  offer.caller_reflexive_addr.reset();
  offer.caller_local_addrs.clear();
  net.alice.send(offer);
  net.mesh.bench.run_for(100ms);
  REQUIRE(net.bob.take<proto::DirectCallOffer>());
  net.bob.send(net.bob.accept("c1"));
  net.mesh.bench.run_for(100ms);
  CHECK(net.bob.take<proto::CallSetup>());
}

TEST_CASE("addresses follow to whoever has the call, also when another relay was asked first", "[relay][route]") {
  // Alice is linked to both; the one that says it has Bob does not have him after all.
  Mesh mesh{3, {{0, 1}, {0, 2}}, [](relay::Config& c) {
              for (auto& p : c.peers) p.delegate = false;
            }};
  Phone alice{mesh.bench, 0, 100};
  Phone gone{mesh.bench, 1, 120};
  mesh.bench.run_for(1s);
  Phone bob{mesh.bench, 2, 120, {.caps = {"relay-media", "no-announce"}}};
  mesh.bench.run_for(1s);
  mesh.bench.link_delay = 20ms;
  gone.lose();  // the news of it and the offer cross
  alice.send(alice.offer(bob.fp(), "c1"));
  mesh.bench.run_for(3s);
  REQUIRE(bob.take<proto::DirectCallOffer>());
  bob.send(bob.accept("c1"));
  mesh.bench.run_for(200ms);
  const auto setup = bob.take<proto::CallSetup>();
  REQUIRE(setup);
  CHECK(setup->peer_direct_addr == alice.reflexive());
}

TEST_CASE("a reroute that names no relay is a misdeed, and nothing worse", "[relay][route]") {
  RelayBench bench;
  const auto relay = bench.add_relay(1, [](relay::Config& c) { c.trusted = {RelayBench::trusted(9)}; });
  Phone alice{bench, relay, 100};
  const auto own = RelayBench::fingerprint(9);
  auto& peer = bench.open(relay, "_federation", {.certificate = own});
  bench.send(
      peer,
      proto::FederationHello{
          .tls_fingerprint = to_string(own), .version = 1, .relay_build = "test", .caps = {"call-nack", "routes"}});
  const crypto::RelaySigner signer{RelayBench::seed(9)};
  const ByteArray<16> number{1};
  proto::RoutedSignal signal;
  signal.origin_relay_fp = to_string(own);
  signal.route_id = to_hex(number);
  signal.attempt = 1;
  signal.hops_left = 7;
  signal.path = {to_string(own)};
  signal.proof = {signer.proof().begin(), signer.proof().end()};
  signal.body = proto::encode(Phone{bench, relay, 110}.offer(alice.fp(), "c1"));
  const auto signature = signer.sign({own, std::nullopt, number, 1}, bytes_of(signal.body));
  signal.signature = {signature.begin(), signature.end()};
  bench.send(peer, signal);
  CHECK(bench.core(relay).counters().drops("reroute-bad-offer") == 1);
  CHECK(alice.heard_nothing());
}

}  // namespace wzp::test
