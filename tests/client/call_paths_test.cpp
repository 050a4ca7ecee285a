#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "world.hpp"

using namespace wzp;
using namespace wzp::client;
using namespace wzp::test;

namespace {

bool active(const World::Node& n) { return n.core->call_state() == CallState::Active; }

std::optional<PathKind> path(const World& w, const World::Node& n) {
  const auto chosen = w.told<PathChosen>(n);
  return chosen.empty() ? std::nullopt : std::optional{chosen.back().kind};
}

struct Call {
  explicit Call(World::Options options = {}) : w{options}, alice{w.add("alice")}, bob{w.add("bob")} { w.run(1s); }
  void place(std::string_view word = "1") { w.place(alice, bob, word); }
  bool both_active(Duration limit = 11s) {
    return w.run_until([&] { return active(alice) && active(bob); }, limit);
  }
  World w;
  World::Node& alice;
  World::Node& bob;
};

std::string room_name(const CallId& id) { return "call-call-" + id.text(); }

}  // namespace

TEST_CASE("two clients that can reach one another end on the direct path", "[client][D-03]") {
  Call c{{.relay_latency = GENERATE(5ms, 10ms, 100ms), .direct_latency = GENERATE(1ms, 30ms, 150ms)}};
  c.place();
  REQUIRE(c.both_active());
  c.w.run(2s);
  CHECK(path(c.w, c.alice) == PathKind::Direct);
  CHECK(path(c.w, c.bob) == PathKind::Direct);
  CHECK(c.w.told<CheckCode>(c.alice).at(0).digits == c.w.told<CheckCode>(c.bob).at(0).digits);
  // The room stays as a way back; every other connection is closed.
  CHECK(c.w.open_connections(c.alice) == 3);
  CHECK(c.w.open_connections(c.bob) == 3);
  CHECK(c.alice.paths.send_on.size() == 1);
  // Nothing is lost on the way; a move to a slower path shows as its delay once.
  const auto longest = 40ms + c.w.options.direct_latency;
  CHECK(c.alice.longest_gap <= longest);
  CHECK(c.bob.longest_gap <= longest);
  CHECK(c.alice.media->counters().lost <= 10);  // those that are still on their way
}

TEST_CASE("media starts on the first path that is ready and moves without a gap", "[client]") {
  Call c{{.relay_latency = 5ms, .direct_latency = 60ms}};
  c.place();
  REQUIRE(c.both_active());
  CHECK(c.w.told<FirstMedia>(c.alice).at(0).kind == PathKind::Relay);
  REQUIRE(c.w.run_until([&] { return c.alice.core->on_direct_path() && c.bob.core->on_direct_path(); }, 3s));
  CHECK(c.alice.paths.send_on.size() == 2);  // for a while on both
  c.w.run(400ms);
  CHECK(c.alice.paths.send_on.size() == 1);
  CHECK(c.alice.media->counters().duplicate > 0);
  CHECK(c.alice.media->counters().duplicate <= 40);  // 300 ms of 20 ms frames, and what was on its way
  CHECK(c.alice.longest_gap <= 80ms);
  CHECK(c.bob.longest_gap <= 80ms);
}

TEST_CASE("whatever is delayed, both end on the same path and hear each other", "[client][D-03][V-17]") {
  // The reference's test: each side's direct handshake and relay delayed by every value; here by random ones.
  for (std::uint32_t seed = 0; seed < 60; ++seed) {
    INFO("seed " << seed);
    Call c{{.relay_latency = Duration{(seed * 37 % 200) * 1ms},
            .direct_latency = Duration{(seed * 91 % 500) * 1ms},
            .jitter = 50ms,
            .loss_percent = static_cast<int>(seed % 3) * 5,
            .seed = seed}};
    c.place();
    REQUIRE(c.both_active());
    c.w.run(8s);
    REQUIRE(active(c.alice));
    REQUIRE(active(c.bob));
    REQUIRE(path(c.w, c.alice) == path(c.w, c.bob));
    REQUIRE(c.alice.core->on_direct_path() == c.bob.core->on_direct_path());
  }
}

TEST_CASE("one way in is enough for the direct path", "[client][D-18][H-15]") {
  Call c;
  const bool alice_reachable = GENERATE(true, false);
  c.alice.accepts_direct = alice_reachable;
  c.bob.accepts_direct = !alice_reachable;
  c.place();
  REQUIRE(c.both_active());
  c.w.run(2s);
  CHECK(path(c.w, c.alice) == PathKind::Direct);
  CHECK(path(c.w, c.bob) == PathKind::Direct);
}

TEST_CASE("without a way in the relay carries the call at once", "[client][D-05][D-06][D-51]") {
  Call c{{.relay_latency = 200ms}};
  c.alice.accepts_direct = c.bob.accepts_direct = false;
  c.place();
  REQUIRE(c.w.run_until([&] { return c.w.when<SetUp>(c.alice).has_value(); }, 5s));
  const auto set_up = c.w.now;
  REQUIRE(c.both_active());
  CHECK(c.w.now - set_up <= 2s);  // dial, handshake, first frame: 2.5 round trips of 400 ms and the other side's
  c.w.run(6s);
  CHECK(path(c.w, c.alice) == PathKind::Relay);
  CHECK(path(c.w, c.bob) == PathKind::Relay);
  CHECK(c.alice.relay_dials == 2);  // the signal connection and the room, no other
  CHECK(c.w.open_connections(c.alice) == 2);
  c.w.give(c.alice, HangUp{});
  c.w.run(2s);
  CHECK(c.w.open_connections(c.alice) == 1);
  CHECK(c.w.open_connections(c.bob) == 1);
}

TEST_CASE("a call that neither path carries ends with a clear failure within ten seconds", "[client]") {
  Call c{{.carries = false}};
  c.alice.accepts_direct = c.bob.accepts_direct = false;
  c.place();
  REQUIRE(c.w.run_until([&] { return c.w.when<SetUp>(c.alice).has_value(); }, 5s));
  const auto set_up = c.w.now;
  CHECK_FALSE(c.w.told<SetUp>(c.alice)[0].relay_carries);
  REQUIRE(c.w.run_until([&] { return !c.w.told<Ended>(c.alice).empty() && !c.w.told<Ended>(c.bob).empty(); }, 10s));
  CHECK(c.w.now - set_up <= 6s);
  CHECK(c.w.told<Ended>(c.alice)[0].reason == EndReason::NoPath);
  CHECK(c.w.told<Ended>(c.bob)[0].reason == EndReason::NoPath);
  CHECK(exit_code(EndReason::NoPath) == 6);
  CHECK(c.alice.relay_dials == 1);  // a room that leads nowhere is not dialled
}

TEST_CASE("a private answer keeps both addresses secret and costs no time", "[client][D-19][D-52][H-06]") {
  Call c;
  c.place("first");  // a trusted call before: its addresses must not linger
  REQUIRE(c.both_active());
  c.w.give(c.alice, HangUp{});
  c.w.run(1s);
  c.alice.actions.clear();
  c.bob.actions.clear();
  c.alice.events.clear();
  c.bob.events.clear();
  c.bob.answer = proto::CallAcceptMode::AcceptGeneric;
  c.place("second");
  REQUIRE(c.w.run_until([&] { return c.w.when<SetUp>(c.bob).has_value(); }, 5s));
  const auto set_up = c.w.now;
  REQUIRE(c.both_active());
  CHECK(c.w.now - set_up <= 500ms);
  c.w.run(6s);
  CHECK(path(c.w, c.alice) == PathKind::Relay);
  for (const auto* n : {&c.alice, &c.bob}) {
    CHECK(c.w.count<Punch>(*n) == 0);
    CHECK(c.w.count<DialDirect>(*n) == 0);
  }
}

TEST_CASE("a reference relay that hands the caller's addresses to a private callee is not obeyed", "[client][D-19]") {
  Call c{{.relay = World::RelayKind::Newest}};
  c.bob.answer = proto::CallAcceptMode::AcceptGeneric;
  c.place();
  REQUIRE(c.both_active());
  c.w.run(6s);
  CHECK(c.w.count<Punch>(c.bob) == 0);
  CHECK(c.w.count<DialDirect>(c.bob) == 0);
}

TEST_CASE("nobody is dialled or punched before the answer", "[client][D-50]") {
  Call c;
  c.bob.answer.reset();
  c.place();
  c.w.run(20s);
  CHECK(c.w.count<DialDirect>(c.alice) + c.w.count<DialDirect>(c.bob) == 0);
  CHECK(c.w.count<Punch>(c.alice) + c.w.count<Punch>(c.bob) == 0);
}

TEST_CASE("a hostile set-up makes us send little and nowhere forbidden", "[client][D-50]") {
  Call c;
  // The relay adds 500 addresses to what it tells bob.
  c.alice.accepts_direct = c.bob.accepts_direct = false;
  std::vector<SocketAddress> many;
  for (int i = 0; i < 500; ++i)
    many.push_back(addr("10.9." + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1) + ":5000"));
  many.insert(many.begin(),
              {addr("127.0.0.1:5000"), addr("224.0.0.1:5000"), addr("10.9.0.1:22"), addr("20.0.0.1:4433")});
  c.w.give(c.alice, HostAddresses{many});
  c.place();
  REQUIRE(c.both_active());
  c.w.run(8s);
  std::map<SocketAddress, int> sent_to;
  for (const auto& [when, action] : c.bob.actions) {
    if (const auto* punch = std::get_if<Punch>(&action)) ++sent_to[punch->address];
  }
  CHECK(sent_to.size() <= 16);
  for (const auto& [to, count] : sent_to) {
    CHECK(count <= 5);
    CHECK_FALSE(to.ip.is_loopback());
    CHECK_FALSE(to.ip.is_multicast_or_broadcast());
    CHECK(to.port >= 1024);
    CHECK(to != addr("20.0.0.1:4433"));
  }
}

TEST_CASE("strangers on the direct path get nothing and harm nothing", "[client][D-49][V-16]") {
  Call c;
  c.place();
  REQUIRE(c.w.run_until([&] { return c.bob.core->call_state() == CallState::AwaitingSetup; }, 5s));
  const auto name = room_name(c.bob.core->call_id());
  std::vector<ConnectionId> intruders;
  // Bob's own side must not matter either: World fails when anything is sent to or heard from an intruder.
  for (int i = 0; i < 12; ++i) intruders.push_back(c.w.intrude(c.bob, name, addr("10.0.0.1:4000")));
  proto::DirectHello hello;
  hello.call_id = c.bob.core->call_id().text();
  hello.role = proto::CallRole::Caller;
  c.w.intruder_says(intruders[0], hello);  // a wrong proof
  hello.role = proto::CallRole::Callee;
  c.w.intruder_says(intruders[1], hello);                                 // bob's own role
  c.w.intruder_says(intruders[2], proto::DirectNominate{hello.call_id});  // without a hello
  c.w.intruder_says(intruders[3], proto::Hangup{proto::HangupReason::Normal, hello.call_id});
  for (const auto i : intruders) c.w.intruder_sends(i, Bytes(60, 0));
  REQUIRE(c.both_active());
  for (const auto i : intruders) c.w.intruder_sends(i, Bytes(60, 0));
  c.w.run(2s);
  CHECK(path(c.w, c.alice) == PathKind::Direct);
  CHECK(active(c.bob));
  for (const auto i : intruders) CHECK(c.w.closed(i));
}

TEST_CASE("an intruder during the call is turned away", "[client][D-49][V-16]") {
  Call c;
  c.place();
  REQUIRE(c.both_active());
  c.w.run(1s);
  REQUIRE(c.alice.core->on_direct_path());
  for (auto* n : {&c.alice, &c.bob}) {
    const auto intruder = c.w.intrude(*n, room_name(n->core->call_id()), addr("10.0.0.1:4000"));
    c.w.intruder_sends(intruder, Bytes(60, 0));
    c.w.run(2s);
    CHECK(c.w.closed(intruder));
  }
  CHECK(active(c.alice));
}

TEST_CASE("a direct connection that nobody awaits is closed", "[client][D-11][H-17]") {
  Call c;
  const auto idle = c.w.intrude(c.bob, "call-call-0123", addr("10.0.0.1:4000"));
  CHECK(c.w.closed(idle));  // no call
  c.bob.answer.reset();
  c.place();
  c.w.run(1s);
  REQUIRE(c.bob.core->call_state() == CallState::Incoming);
  CHECK(c.w.closed(c.w.intrude(c.bob, room_name(c.bob.core->call_id()), addr("10.0.0.1:4000"))));  // not answered
  CHECK(c.w.closed(c.w.intrude(c.alice, "call-call-0123", addr("10.0.0.1:4000"))));  // another call's name
}

TEST_CASE("twenty calls in a row leave nothing behind", "[client][D-11][H-17]") {
  Call c{{.jitter = 20ms}};
  for (int i = 0; i < 20; ++i) {
    INFO("call " << i);
    c.alice.events.clear();
    c.bob.events.clear();
    c.place("number " + std::to_string(i));
    REQUIRE(c.both_active());
    c.w.run(500ms);
    REQUIRE(path(c.w, c.alice) == PathKind::Direct);
    REQUIRE(path(c.w, c.bob) == PathKind::Direct);
    REQUIRE(c.alice.heard.size() > 10);
    REQUIRE(c.bob.heard.size() > 10);
    c.w.give(i % 2 == 0 ? c.alice : c.bob, HangUp{});
    c.w.run(1s);
    REQUIRE(c.w.open_connections(c.alice) == 1);
    REQUIRE(c.w.open_connections(c.bob) == 1);
  }
}

TEST_CASE("a direct path that ends gives way to the room", "[client][D-56]") {
  Call c;
  c.place();
  REQUIRE(c.both_active());
  REQUIRE(c.w.run_until([&] { return c.alice.core->on_direct_path() && c.bob.core->on_direct_path(); }, 3s));
  c.w.run(1s);
  c.w.options.direct_latency = 5ms;
  const auto lost_on = c.alice.paths.send_on.at(0);
  c.w.give(c.alice, Lost{lost_on, std::nullopt, "reset"});
  c.w.give(c.bob, Lost{c.bob.paths.send_on.at(0), std::nullopt, "reset"});
  c.w.run(1s);
  CHECK(active(c.alice));
  CHECK_FALSE(c.alice.core->on_direct_path());
  CHECK(path(c.w, c.alice) == PathKind::Relay);
  CHECK(path(c.w, c.bob) == PathKind::Relay);
  CHECK(c.w.now - *c.alice.last_heard <= 60ms);
}

TEST_CASE("with no room to go back to, the end of the direct path ends the call", "[client][D-56]") {
  Call c{{.carries = false}};
  c.place();
  REQUIRE(c.both_active());
  c.w.run(1s);
  REQUIRE(c.alice.core->on_direct_path());
  c.w.give(c.alice, Lost{c.alice.paths.send_on.at(0), std::nullopt, "reset"});
  REQUIRE(c.w.told<Ended>(c.alice).size() == 1);
  CHECK(c.w.told<Ended>(c.alice)[0].reason == EndReason::MediaLost);
  c.w.run(2s);  // bob was hearing her a moment ago, so the relay's word is not enough for him
  REQUIRE(c.w.told<Ended>(c.bob).size() == 1);
  CHECK(c.w.told<Ended>(c.bob)[0].reason == EndReason::MediaLost);
}

TEST_CASE("direct-only never enters a room, relay-only never leaves it", "[client]") {
  const bool direct = GENERATE(true, false);
  const bool caller = GENERATE(true, false);
  World w{{}};
  auto special = config(caller ? "alice" : "bob");
  special.direct_only = direct;
  special.relay_only = !direct;
  auto& alice = caller ? w.add("alice", special) : w.add("alice");
  auto& bob = caller ? w.add("bob") : w.add("bob", special);
  auto& one = caller ? alice : bob;
  w.run(1s);
  w.place(alice, bob);
  REQUIRE(w.run_until([&] { return active(alice) && active(bob); }, 11s));
  w.run(3s);
  if (direct) {
    CHECK(one.relay_dials == 1);
    CHECK(path(w, one) == PathKind::Direct);
  } else {
    CHECK(w.count<DialDirect>(one) + w.count<Punch>(one) == 0);
    CHECK(path(w, one) == PathKind::Relay);
  }
  CHECK(path(w, alice) == path(w, bob));
}

TEST_CASE("direct-only without a direct path says so", "[client]") {
  World w{{}};
  auto special = config("alice");
  special.direct_only = true;
  auto& alice = w.add("alice", special);
  auto& bob = w.add("bob");
  const bool private_answer = GENERATE(true, false);
  if (private_answer) bob.answer = proto::CallAcceptMode::AcceptGeneric;
  alice.accepts_direct = bob.accepts_direct = false;
  w.run(1s);
  w.place(alice, bob);
  w.run(8s);
  REQUIRE(w.told<Ended>(alice).size() == 1);
  CHECK(w.told<Ended>(alice)[0].reason == EndReason::NoPath);
  CHECK(w.told<Ended>(alice)[0].why == "no direct connection came up, and the relay was not to be used");
  REQUIRE(w.told<Ended>(bob).size() == 1);
  CHECK(exit_code(w.told<Ended>(bob)[0].reason) == 6);
}

TEST_CASE("a relay that is replaced in the middle of a relayed call ends it clearly", "[client]") {
  Call c;
  c.alice.accepts_direct = c.bob.accepts_direct = false;
  c.place();
  REQUIRE(c.both_active());
  c.w.run(6s);
  c.w.set_relay_up(false);
  c.w.run(100ms);
  CHECK(c.w.told<Ended>(c.alice).at(0).reason == EndReason::MediaLost);
  CHECK(c.w.told<Ended>(c.bob).at(0).reason == EndReason::MediaLost);
  c.w.set_relay_up(true);
  REQUIRE(c.w.run_until([&] { return c.alice.core->registered() && c.bob.core->registered(); }, 5s));
}

TEST_CASE("a set-up that reaches one side late does not hurt", "[client]") {
  const auto late = GENERATE(0ms, 300ms, 900ms, 2500ms);
  const std::string slow = GENERATE("alice", "bob");
  Call c;
  c.w.on_signal = [&](const proto::SignalMessage& m, const std::string& to) -> std::optional<Duration> {
    return to == slow && std::holds_alternative<proto::CallSetup>(m) ? late : Duration{};
  };
  c.place();
  REQUIRE(c.both_active());
  c.w.run(6s);
  CHECK(path(c.w, c.alice) == path(c.w, c.bob));
  CHECK(path(c.w, c.alice) == PathKind::Direct);
}

TEST_CASE("an answer and a set-up that trail behind the peer's direct dial are waited for", "[client]") {
  Call c;
  c.w.on_signal = [&](const proto::SignalMessage& m, const std::string& to) -> std::optional<Duration> {
    const bool held = std::holds_alternative<proto::DirectCallAnswer>(m) || std::holds_alternative<proto::CallSetup>(m);
    return to == "alice" && held ? 400ms : 0ms;
  };
  c.alice.accepts_direct = true;
  c.bob.accepts_direct = false;  // only bob's dial can succeed, and it comes before alice knows the answer
  c.place();
  REQUIRE(c.both_active());
  c.w.run(3s);
  CHECK(path(c.w, c.alice) == PathKind::Direct);
  CHECK(path(c.w, c.bob) == PathKind::Direct);
}
