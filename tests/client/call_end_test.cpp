#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "solo.hpp"
#include "world.hpp"

using namespace wzp;
using namespace wzp::client;
using namespace wzp::test;
using proto::HangupReason;

namespace {

std::optional<EndReason> end_of(const World& w, const World::Node& n) {
  const auto ended = w.told<Ended>(n);
  REQUIRE(ended.size() <= 1);
  return ended.empty() ? std::nullopt : std::optional{ended[0].reason};
}

bool active(const World::Node& n) { return n.core->call_state() == CallState::Active; }

}  // namespace

TEST_CASE("a hang-up before the answer is told by its reason", "[client]") {
  const auto [reason, rang, expected] = GENERATE(table<HangupReason, bool, EndReason>({
      {HangupReason::Declined, true, EndReason::Declined},
      {HangupReason::Declined, false, EndReason::Declined},
      {HangupReason::Busy, true, EndReason::Busy},
      {HangupReason::Timeout, true, EndReason::NoAnswer},
      {HangupReason::Error, false, EndReason::Unreachable},
      {HangupReason::Normal, false, EndReason::Unreachable},
      {HangupReason::Normal, true, EndReason::Declined},
  }));
  Solo s;
  s.make_registered();
  (void)s.place();
  if (rang) (void)s.signal(proto::CallRinging{call_id("1").text()});
  // Reference relays leave the id out.
  const bool with_id = GENERATE(true, false);
  const auto out = s.signal(proto::Hangup{reason, with_id ? std::optional{call_id("1").text()} : std::nullopt});
  REQUIRE(told<Ended>(out).size() == 1);
  CHECK(told<Ended>(out)[0].reason == expected);
  CHECK(all<SendSignal>(out).empty());
}

TEST_CASE("a hang-up without id while we prepare a call is about an earlier one", "[client][D-13][H-21]") {
  Solo s;
  s.make_registered();
  (void)s.give(PlaceCall{identity("bob").fingerprint(), call_id("1"), secret("e")});
  CHECK(s.signal(proto::Hangup{HangupReason::Normal, std::nullopt}).empty());
  CHECK(s.core.call_state() == CallState::Preparing);
}

TEST_CASE("each side can hang up in each state, and the other one hears of it at once", "[client][D-08][H-04]") {
  const bool caller_ends = GENERATE(true, false);
  const auto state = GENERATE(CallState::Ringing, CallState::AwaitingSetup, CallState::Connecting, CallState::Active);
  World w{{}};
  auto& alice = w.add("alice");
  auto& bob = w.add("bob");
  if (state == CallState::Ringing) bob.answer.reset();
  w.run(1s);
  w.place(alice, bob);
  const auto reached = [&] {
    if (state == CallState::Ringing) {
      return alice.core->call_state() == CallState::Ringing && bob.core->call_state() == CallState::Incoming;
    }
    return (caller_ends ? alice : bob).core->call_state() == state;
  };
  REQUIRE(w.run_until(reached, 10s));
  const auto began = w.now;
  w.give(caller_ends ? alice : bob, HangUp{});
  REQUIRE(w.run_until([&] { return end_of(w, alice) && end_of(w, bob); }, 500ms));
  CHECK(w.now - began <= 100ms);
  w.run(1s);
  CHECK(w.open_connections(alice) == 1);
  CHECK(w.open_connections(bob) == 1);
  CHECK(w.count<MediaStart>(alice) == w.count<MediaStop>(alice));
  CHECK(w.count<MediaStart>(bob) == w.count<MediaStop>(bob));
  CHECK(alice.core->deadline() == std::nullopt);
  CHECK(bob.core->deadline() == std::nullopt);
}

TEST_CASE("a refused call ends on both sides", "[client]") {
  World w{{}};
  auto& alice = w.add("alice");
  auto& bob = w.add("bob");
  bob.answer = proto::CallAcceptMode::Reject;
  w.run(1s);
  w.place(alice, bob);
  w.run(1s);
  CHECK(end_of(w, alice) == EndReason::Declined);
  CHECK(end_of(w, bob) == EndReason::RefusedByUs);
}

TEST_CASE("somebody who is not there is not reachable", "[client]") {
  World w{{.relay = GENERATE(World::RelayKind::Ours, World::RelayKind::Newest, World::RelayKind::Base)}};
  auto& alice = w.add("alice");
  w.run(1s);
  w.give(alice, PlaceCall{identity("nobody").fingerprint(), call_id("1"), secret("e")});
  w.run(1s);
  CHECK(end_of(w, alice) == EndReason::Unreachable);
}

TEST_CASE("two people who call each other end in one call", "[client][D-41]") {
  const auto offset = GENERATE(0ms, 5ms, 9ms, 15ms, 25ms, 40ms);
  const bool alice_first = GENERATE(true, false);
  World w{{}};
  auto& alice = w.add("alice");
  auto& bob = w.add("bob");
  alice.answer.reset();  // only a mutual call is answered
  bob.answer.reset();
  w.run(1s);
  w.place(alice_first ? alice : bob, alice_first ? bob : alice, "first");
  w.run(offset);
  w.place(alice_first ? bob : alice, alice_first ? alice : bob, "second");
  w.run(1s);
  if (alice.core->call_state() == CallState::Ringing || bob.core->call_state() == CallState::Ringing) {
    // The second wish came when it rang there already: that phone was busy ringing.
    CHECK(offset >= 25ms);
    return;
  }
  CHECK(active(alice));
  CHECK(active(bob));
  CHECK(alice.core->call_id() == bob.core->call_id());
}

TEST_CASE("a call goes on without its relay while media flows directly, and ends when one hangs up", "[client][D-12]") {
  World w{{}};
  auto& alice = w.add("alice");
  auto& bob = w.add("bob");
  w.run(1s);
  w.place(alice, bob);
  REQUIRE(w.run_until(
      [&] { return alice.core->on_direct_path() && bob.core->on_direct_path() && active(alice) && active(bob); }, 5s));
  w.run(1s);
  w.set_relay_up(false);
  w.run(10s);
  CHECK(active(alice));
  CHECK(active(bob));
  CHECK(alice.longest_gap <= 60ms);
  CHECK(bob.longest_gap <= 60ms);
  SECTION("hung up while the relay is away") {
    w.give(alice, HangUp{});
    REQUIRE(w.run_until([&] { return end_of(w, bob).has_value(); }, 500ms));
    CHECK(end_of(w, bob) == EndReason::PeerHungUp);
  }
  SECTION("hung up after it came back") {
    w.set_relay_up(true);
    REQUIRE(w.run_until([&] { return alice.core->registered() && bob.core->registered(); }, 40s));
    CHECK(active(alice));
    w.give(bob, HangUp{});
    REQUIRE(w.run_until([&] { return end_of(w, alice).has_value(); }, 500ms));
  }
}

TEST_CASE("a relay that ends a call whose media flows directly only advises", "[client][D-12]") {
  World w{{}};
  auto& alice = w.add("alice");
  auto& bob = w.add("bob");
  w.run(1s);
  w.place(alice, bob);
  REQUIRE(w.run_until(
      [&] { return alice.core->on_direct_path() && bob.core->on_direct_path() && active(alice) && active(bob); }, 5s));
  // Bob's registration goes and does not come back within the relay's patience; alice is told.
  w.on_signal = [](const proto::SignalMessage& m, const std::string& to) -> std::optional<Duration> {
    if (to == "bob" && std::holds_alternative<proto::RegisterPresenceAck>(m)) return std::nullopt;
    return 0ms;
  };
  w.cut_signal(bob);
  w.run(40s);
  CHECK(active(alice));
  CHECK(active(bob));
  SECTION("until the media stops") {
    w.crash(bob);
    REQUIRE(w.run_until([&] { return end_of(w, alice).has_value(); }, 2s));
    CHECK(end_of(w, alice) == EndReason::PeerHungUp);
  }
  SECTION("until somebody hangs up") {
    w.give(alice, HangUp{});
    REQUIRE(w.run_until([&] { return end_of(w, bob).has_value(); }, 500ms));
  }
}

TEST_CASE("a peer that vanishes from a direct call is missed by way of the relay", "[client]") {
  World w{{}};
  auto& alice = w.add("alice");
  auto& bob = w.add("bob");
  w.run(1s);
  w.place(alice, bob);
  REQUIRE(w.run_until([&] { return active(alice) && active(bob) && alice.core->on_direct_path(); }, 5s));
  w.crash(bob);
  w.run(7s);
  CHECK(w.told<MediaDegraded>(alice).size() == 1);
  REQUIRE(w.run_until([&] { return end_of(w, alice).has_value(); }, 50s));
  CHECK(w.told<MediaRecovered>(alice).empty());
  w.run(1s);
  CHECK(w.open_connections(alice) == 1);
}

TEST_CASE("media that stops and comes back is told", "[client][H-13]") {
  World w{{}};
  auto& alice = w.add("alice");
  auto& bob = w.add("bob");
  w.run(1s);
  w.place(alice, bob);
  REQUIRE(w.run_until([&] { return active(alice) && active(bob); }, 5s));
  w.options.loss_percent = 100;
  w.run(8s);
  CHECK(w.told<MediaDegraded>(alice).size() == 1);
  w.options.loss_percent = 0;
  w.run(1s);
  CHECK(w.told<MediaRecovered>(alice).size() == 1);
  CHECK(active(alice));
}

TEST_CASE("a lost registration ends a call that is not set up, and no other", "[client]") {
  const auto state = GENERATE(CallState::Preparing, CallState::Offered, CallState::Ringing, CallState::Active);
  World w{{}};
  auto& alice = w.add("alice");
  auto& bob = w.add("bob");
  if (state != CallState::Active) bob.answer.reset();
  w.run(1s);
  w.place(alice, bob);
  REQUIRE(w.run_until([&] { return alice.core->call_state() == state; }, 5s));
  w.cut_signal(alice);
  w.run(1s);
  if (state == CallState::Active) {
    CHECK(active(alice));
    CHECK(alice.core->registered());
    CHECK(active(bob));
  } else {
    CHECK(end_of(w, alice) == EndReason::NotConnected);
    CHECK(bob.core->call_state() == CallState::None);
  }
}

TEST_CASE("a call that a lost registration ended while the answer was under way is ended for the other side, too",
          "[client]") {
  const bool at_caller = GENERATE(true, false);
  World w{{}};
  auto& alice = w.add("alice");
  auto& bob = w.add("bob");
  w.run(1s);
  w.on_signal = [&](const proto::SignalMessage& m, const std::string& to) -> std::optional<Duration> {
    const bool lost = std::holds_alternative<proto::DirectCallAnswer>(m) || std::holds_alternative<proto::CallSetup>(m);
    if (lost && to == (at_caller ? "alice" : "bob")) return std::nullopt;
    return 0ms;
  };
  w.place(alice, bob);
  auto& cut = at_caller ? alice : bob;
  auto& other = at_caller ? bob : alice;
  const auto last = at_caller ? CallState::Ringing : CallState::AwaitingSetup;
  const auto apart = [&] {
    return cut.core->call_state() == last && other.core->call_state() == CallState::Connecting;
  };
  REQUIRE(w.run_until(apart, 5s));
  w.cut_signal(cut);
  REQUIRE(w.run_until([&] { return cut.core->registered(); }, 5s));
  CHECK(end_of(w, cut) == EndReason::NotConnected);
  w.run(1s);
  CHECK(end_of(w, other) == EndReason::NoPath);
}

TEST_CASE("a hang-up without a registration is told when it is back", "[client]") {
  World w{{}};
  auto& alice = w.add("alice");
  auto& bob = w.add("bob");
  alice.accepts_direct = bob.accepts_direct = false;
  w.run(1s);
  w.place(alice, bob);
  REQUIRE(w.run_until([&] { return active(alice) && active(bob); }, 8s));
  bool open = false;
  w.on_signal = [&](const proto::SignalMessage& m, const std::string& to) -> std::optional<Duration> {
    if (!open && to == "alice" && std::holds_alternative<proto::RegisterPresenceAck>(m)) return std::nullopt;
    return 0ms;
  };
  w.cut_signal(alice);
  w.run(100ms);
  REQUIRE_FALSE(alice.core->registered());
  w.give(alice, HangUp{});
  w.run(1s);
  CHECK(active(bob));
  open = true;
  REQUIRE(w.run_until([&] { return end_of(w, bob).has_value(); }, 10s));
  CHECK(end_of(w, bob) == EndReason::PeerHungUp);
}

TEST_CASE("a call placed right after another survives the echoes of that one", "[client][D-13][H-21]") {
  World w{{}};
  auto& alice = w.add("alice");
  auto& bob = w.add("bob");
  w.run(1s);
  w.place(alice, bob, "one");
  REQUIRE(w.run_until([&] { return active(alice) && active(bob); }, 5s));
  w.on_signal = [](const proto::SignalMessage& m, const std::string&) -> std::optional<Duration> {
    return std::holds_alternative<proto::Hangup>(m) ? 200ms : 0ms;
  };
  w.give(alice, HangUp{});
  w.run(50ms);
  w.place(alice, bob, "two");
  w.run(3s);
  CHECK(active(alice));
  CHECK(active(bob));
  CHECK(alice.core->call_id() == call_id("two"));
}
