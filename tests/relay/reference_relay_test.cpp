#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "mesh.hpp"

// Deployed relays on the other side of a link: no hello back, no capabilities, endings that are not told, rejects that
// come as a bare Hangup.

using namespace std::chrono_literals;

namespace wzp::test {

using enum proto::HangupReason;
using proto::CallRinging;
using proto::CallSetup;
using proto::DirectCallAnswer;
using proto::DirectCallOffer;
using registry::CallState;

namespace {

/// Relay A, which has dialled a reference relay that the test plays.
struct Reference {
  explicit Reference(bool share_addrs = false)
      : a{bench.add_relay(1,
                          [&](auto& c) {
                            c.peers = {RelayBench::peer(2)};
                            c.peers[0].share_addrs_in_offer = share_addrs;
                          })},
        end{&bench.open(a, "_federation", {.certificate = fp, .dialled_peer = 0})} {
    bench.run_for(2s);
    end->inbox.clear();
  }

  void says(proto::SignalMessage inner) {
    bench.send(*end, proto::FederatedSignalForward{Box<proto::SignalMessage>{std::move(inner)}, to_string(fp)});
  }
  template <class T>
  std::optional<T> hears() {
    while (!end->inbox.empty() && std::holds_alternative<proto::Ping>(end->inbox.front())) end->inbox.pop_front();
    if (end->inbox.empty()) return std::nullopt;
    const auto* forwarded = std::get_if<proto::FederatedSignalForward>(&end->inbox.front());
    if (forwarded == nullptr || !std::holds_alternative<T>(*forwarded->inner)) return std::nullopt;
    T message = std::get<T>(*forwarded->inner);
    end->inbox.pop_front();
    return message;
  }
  [[nodiscard]] std::optional<registry::DirectCall> call(const std::string& id) {
    return bench.core(a).call(call_id(id));
  }
  [[nodiscard]] bool is_live(const std::string& id) { return call(id) && call(id)->is_live(); }

  RelayBench bench;
  RelayFingerprint fp = RelayBench::fingerprint(2);
  std::size_t a;
  FarEnd* end;
  Phone alice{bench, a, 10};
  Fingerprint remote = crypto::Identity{RelayBench::seed(20)}.fingerprint();
};

DirectCallAnswer their_accept(const std::string& id) {
  DirectCallAnswer answer;
  answer.call_id = id;
  answer.accept_mode = proto::CallAcceptMode::AcceptTrusted;
  answer.callee_reflexive_addr = "192.0.2.7:7000";
  return answer;
}

}  // namespace

TEST_CASE("a silent pinned acceptor is linked as a reference relay after 2 s", "[relay]") {
  Reference net;
  REQUIRE(net.bench.core(net.a).links().size() == 1);
  CHECK_FALSE(net.bench.core(net.a).links()[0].capable);
  net.bench.run_for(10s);
  REQUIRE_FALSE(net.end->inbox.empty());
  CHECK(std::holds_alternative<proto::Ping>(net.end->inbox.front()));
}

TEST_CASE("a reference relay is rung at once, and gets addresses only where the operator says so", "[relay][V-09]") {
  const bool share = GENERATE(false, true);
  Reference net{share};
  net.alice.send(net.alice.offer(net.remote, "c1"));
  const auto offer = net.hears<DirectCallOffer>();
  REQUIRE(offer);
  CHECK(offer->caller_reflexive_addr.has_value() == share);
  CHECK(offer->caller_local_addrs.empty() == !share);
  CHECK(net.alice.take<CallRinging>());
  SECTION("it answers without ever claiming") {
    net.says(their_accept("c1"));
    CHECK(net.alice.take<DirectCallAnswer>());
    CHECK(net.alice.take<CallSetup>()->peer_direct_addr == "192.0.2.7:7000");
    CHECK(net.call("c1")->peer_relay_fp() == net.fp);
    net.alice.send(hangup("c1"));
    CHECK(net.hears<proto::Hangup>() == proto::Hangup{Normal, "c1"});
  }
  SECTION("it is silent: the claim timeout does not apply, the ring timeout does") {
    net.bench.run_for(59s);
    CHECK(net.is_live("c1"));
    net.bench.run_for(1s);
    CHECK(hears_hangup(net.alice, "c1", Timeout));
  }
}

TEST_CASE("media of a reference relay counts on both of two links, and goes out on the newest", "[relay][room][V-11]") {
  RelayBench bench;
  const auto a = bench.add_relay(1, [](relay::Config& c) {
    c.peers = {RelayBench::peer(2), RelayBench::peer(2)};
    c.peers[1].url = "192.0.2.2:4433";
    c.global_rooms = {"general"};
  });
  std::vector<FarEnd*> links;
  for (std::size_t entry = 0; entry < 2; ++entry) {
    links.push_back(&bench.open(a, "_federation", {.certificate = RelayBench::fingerprint(2), .dialled_peer = entry}));
    bench.run_for(10ms);
  }
  bench.run_for(3s);
  REQUIRE(bench.core(a).links().size() == 2);
  Member ada{bench, a, 100, "general", {}};
  bench.run_for(1s);
  for (auto* link : links) link->media.clear();
  ada.say(1);
  const auto tag = crypto::room_tag("general");
  for (std::uint8_t i = 0; i < 2; ++i) {
    Bytes datagram{tag.begin(), tag.end()};
    append(datagram, speech(50, std::uint16_t(10 + i)));
    bench.send_media(*links[i], datagram);
  }
  bench.run_for(20ms);
  CHECK(heard(ada.end()) == std::map<std::pair<int, int>, int>{{{50, 10}, 1}, {{50, 11}, 1}});
  CHECK(links[0]->media.empty());
  CHECK(links[1]->media.size() == 1);

  bench.lose(*links[1]);
  ada.say(2);
  Bytes datagram{tag.begin(), tag.end()};
  append(datagram, speech(50, 12));
  bench.send_media(*links[0], datagram);
  bench.run_for(20ms);
  CHECK(heard(ada.end()) == std::map<std::pair<int, int>, int>{{{50, 12}, 1}});
  CHECK(links[0]->media.size() == 1);
}

TEST_CASE("a linked relay that keeps speaking out of turn is let go", "[relay][V-13]") {
  const auto what = GENERATE(0, 1, 2);
  Reference net;
  std::size_t said = 0;
  for (; said < 200 && !net.end->closed; ++said) {
    if (what == 0) net.bench.send(*net.end, proto::CallOffer{});
    if (what == 1) {
      net.bench.send(*net.end, proto::FederatedSignalForward{Box<proto::SignalMessage>{CallRinging{"c1"}},
                                                             to_string(RelayBench::fingerprint(3))});
    }
    if (what == 2) {
      net.says(proto::FederatedSignalForward{Box<proto::SignalMessage>{CallRinging{"c1"}}, to_string(net.fp)});
    }
    net.bench.settle();
  }
  // A few may be an error of somebody else's.
  CHECK(said == 101);
  REQUIRE(net.end->closed);
  CHECK(net.end->closed->code == 0x17);
  CHECK(net.bench.core(net.a).links().empty());
  constexpr std::string_view kReasons[] = {"link-unexpected", "forward-wrong-origin", "forward-nested"};
  CHECK(net.bench.core(net.a).counters().drops(kReasons[what]) == 101);
}

TEST_CASE("the reject of a reference relay is its hang-up", "[relay][V-07]") {
  Reference net;
  net.alice.send(net.alice.offer(net.remote, "c1"));
  net.alice.forget();
  SECTION("with call id") { net.says(hangup("c1")); }
  SECTION("without, when it can only mean this one") { net.says(proto::Hangup{}); }
  SECTION("as an answer") { net.says(reject("c1")); }
  CHECK(hears_hangup(net.alice, "c1", Declined));
  CHECK_FALSE(net.is_live("c1"));
}

TEST_CASE("a hang-up without call id ends nothing when it could mean several, or an answered call", "[relay][H-21]") {
  Reference net;
  net.alice.send(net.alice.offer(net.remote, "c1"));
  SECTION("two unanswered ones") { net.alice.send(net.alice.offer(net.remote, "c2")); }
  SECTION("an answered one") { net.says(their_accept("c1")); }
  net.alice.forget();
  net.says(proto::Hangup{});
  CHECK(net.is_live("c1"));
  CHECK(net.alice.heard_nothing());
  CHECK(net.bench.core(net.a).counters().drops("hangup-without-id") == 1);
}

TEST_CASE("an offer from a reference relay: ringing goes back, a missing target is met with silence", "[relay]") {
  Reference net;
  Phone pen{net.bench, net.a, 30};
  auto offer = pen.offer(net.alice.fp(), "c1");
  SECTION("here") {
    net.says(offer);
    CHECK_FALSE(net.alice.take<DirectCallOffer>()->caller_reflexive_addr);
    CHECK(net.hears<CallRinging>());
    net.alice.send(net.alice.accept("c1"));
    CHECK(net.hears<DirectCallAnswer>()->callee_reflexive_addr == net.alice.reflexive());
    // No second offer is to be expected from a reference relay: the setup does not wait.
    CHECK(net.alice.take<CallSetup>()->peer_direct_addr == pen.reflexive());
  }
  SECTION("elsewhere") {
    offer.target_fingerprint = to_string(net.remote);
    net.says(offer);
    CHECK_FALSE(net.hears<proto::Hangup>());
    CHECK(net.end->inbox.empty());
  }
}

TEST_CASE("endings before the answer reach a reference relay as a reject, which it reads", "[relay][V-07]") {
  Reference net;
  Phone pen{net.bench, net.a, 30};
  net.says(pen.offer(net.alice.fp(), "c1"));
  REQUIRE(net.hears<CallRinging>());
  SECTION("reject") { net.alice.send(reject("c1")); }
  SECTION("busy") { net.alice.send(hangup("c1", Busy)); }
  SECTION("callee lost") { net.alice.lose(); }
  SECTION("ring timeout") { net.bench.run_for(60s); }
  CHECK(net.hears<DirectCallAnswer>() == reject("c1"));
  CHECK_FALSE(net.is_live("c1"));
}

TEST_CASE("a callee with too many calls is busy for a reference relay too", "[relay][V-61]") {
  Reference net;
  Phone pen{net.bench, net.a, 30};
  for (int i = 0; i < 8; ++i) net.says(pen.offer(net.alice.fp(), "c" + std::to_string(i)));
  net.end->inbox.clear();
  net.says(pen.offer(net.alice.fp(), "c8"));
  CHECK(net.hears<DirectCallAnswer>() == reject("c8"));
}

TEST_CASE("path reports go to a reference relay only when the far program shows that it knows them", "[relay][H-19]") {
  Reference net;
  const bool knows = GENERATE(false, true);
  net.alice.send(net.alice.offer(net.remote, "c1"));
  (void)net.hears<DirectCallOffer>();
  auto answer = their_accept("c1");
  if (knows) answer.callee_build_version = "9377a90";
  net.says(answer);
  net.alice.forget();
  net.alice.send(proto::MediaPathReport{"c1", true, "Direct"});
  CHECK(net.hears<proto::MediaPathReport>().has_value() == knows);
  net.says(proto::MediaPathReport{"c1", true, "Direct"});
  CHECK(net.alice.take<proto::MediaPathReport>());
}

TEST_CASE("the one reference relay among the asked keeps the call open past the claim timeout", "[relay][timeout]") {
  Reference net;
  // A second, capable relay: it is trusted through the same configuration entry as a peer would be.
  RelayBench bench;
  const auto a = bench.add_relay(1, [](auto& c) {
    c.peers = {RelayBench::peer(2)};
    c.trusted = {RelayBench::trusted(3)};
  });
  auto& reference = bench.open(a, "_federation", {.certificate = RelayBench::fingerprint(2), .dialled_peer = 0});
  auto& ours = bench.open(a, "_federation", {.certificate = RelayBench::fingerprint(3)});
  bench.send(ours, proto::FederationHello{to_string(RelayBench::fingerprint(3)), 1, {}, {"call-nack"}});
  bench.run_for(2s);
  reference.inbox.clear();
  ours.inbox.clear();
  Phone alice{bench, a, 10};
  alice.send(alice.offer(net.remote, "c1"));
  CHECK(reference.inbox.size() == 1);
  CHECK(ours.inbox.size() == 1);
  CHECK(alice.take<CallRinging>());
  bench.run_for(30s);
  CHECK(bench.core(a).call(call_id("c1"))->is_live());
}

TEST_CASE("an unverified relay hears and says nothing of calls", "[relay][V-01]") {
  RelayBench bench;
  const auto a = bench.add_relay(1, [](auto& c) { c.allow_unauthenticated_federation = true; });
  auto& stranger = bench.open(a, "_federation");
  bench.send(stranger, proto::FederationHello{to_string(RelayBench::fingerprint(2)), {}, {}, {}});
  stranger.inbox.clear();
  Phone alice{bench, a, 10};
  Phone bob{bench, a, 20};
  alice.send(alice.offer(crypto::Identity{RelayBench::seed(50)}.fingerprint(), "c1"));
  CHECK(hears_hangup(alice, "c1", Error));
  CHECK(stranger.inbox.empty());
  bench.send(stranger,
             proto::FederatedSignalForward{Box<proto::SignalMessage>{proto::SignalMessage{alice.offer(bob.fp(), "c2")}},
                                           to_string(RelayBench::fingerprint(2))});
  CHECK(bob.heard_nothing());
  CHECK(bench.core(a).counters().drops("forward-unverified") == 1);
}

TEST_CASE("a relay that claims a trusted name without its certificate gets nothing", "[relay][V-01]") {
  RelayBench bench;
  const auto a = bench.add_relay(1, [](auto& c) { c.trusted = {RelayBench::trusted(2)}; });
  auto& liar = bench.open(a, "_federation");
  CHECK(liar.closed->code == 0x13);
  auto& other = bench.open(a, "_federation", {.certificate = RelayBench::fingerprint(3)});
  CHECK(other.closed->code == 0x13);
  CHECK(bench.core(a).links().empty());
}

}  // namespace wzp::test
