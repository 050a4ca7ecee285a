#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "world.hpp"

using namespace wzp;
using namespace wzp::client;
using namespace wzp::test;

// A relay that strips the signatures makes two of our clients behave toward each other as toward reference peers.

namespace {

bool active(const World::Node& n) { return n.core->call_state() == CallState::Active; }

std::optional<PathKind> path(const World& w, const World::Node& n) {
  const auto chosen = w.told<PathChosen>(n);
  return chosen.empty() ? std::nullopt : std::optional{chosen.back().kind};
}

struct Call {
  explicit Call(World::Options options) : w{stripping(options)}, alice{add("alice")}, bob{add("bob")} {
    w.run(1s);
    w.place(alice, bob);
  }
  static World::Options stripping(World::Options o) {
    o.strip_signatures = true;
    return o;
  }
  World::Node& add(const std::string& name) {
    auto c = config(name);
    c.allow_unsealed = true;
    return w.add(name, c);
  }
  bool both_active(Duration limit = 11s) {
    return w.run_until([&] { return active(alice) && active(bob); }, limit);
  }
  World w;
  World::Node& alice;
  World::Node& bob;
};

}  // namespace

TEST_CASE("stripped signatures end the call unless that was allowed", "[client]") {
  World w{{.strip_signatures = true}};
  auto& alice = w.add("alice");
  auto& bob = w.add("bob");
  w.run(1s);
  w.place(alice, bob);
  w.run(2s);
  CHECK(w.told<Incoming>(bob).empty());
  CHECK(w.told<MissedCall>(bob).size() == 1);
  CHECK(w.told<Ended>(alice).size() == 1);
}

TEST_CASE("an unsealed call goes direct by the rules of the reference", "[client][D-04][D-05][H-09][H-16]") {
  Call c{{.relay = GENERATE(World::RelayKind::Ours, World::RelayKind::Newest)}};
  REQUIRE(c.both_active());
  c.w.run(5s);  // the room is closed when the other side must have decided, too
  CHECK_FALSE(c.w.told<Answered>(c.alice).at(0).sealed);
  CHECK(c.w.told<CheckCode>(c.alice).empty());
  CHECK(path(c.w, c.alice) == PathKind::Direct);
  CHECK(path(c.w, c.bob) == PathKind::Direct);
  // One side dialled, the other one punched; nothing was said on the direct connection; the room is closed.
  CHECK((c.w.count<DialDirect>(c.alice) == 0) != (c.w.count<DialDirect>(c.bob) == 0));
  CHECK((c.w.count<Punch>(c.alice) == 0) != (c.w.count<Punch>(c.bob) == 0));
  CHECK(c.w.count<SendDirect>(c.alice) + c.w.count<SendDirect>(c.bob) == 0);
  CHECK(c.w.count<SendProbe>(c.alice) + c.w.count<SendProbe>(c.bob) == 0);
  CHECK(c.w.open_connections(c.alice) == 2);
  CHECK(c.w.open_connections(c.bob) == 2);
  CHECK_FALSE(c.alice.media->sealed());
}

TEST_CASE("if the reports say no, both stay on the relay", "[client][D-06][H-10][H-15][H-18]") {
  Call c{{.relay = World::RelayKind::Newest}};
  SECTION("the dialler cannot get in") { c.alice.accepts_direct = c.bob.accepts_direct = false; }
  SECTION("one report is lost") {
    const std::string deaf = GENERATE("alice", "bob");
    c.w.on_signal = [deaf](const proto::SignalMessage& m, const std::string& to) -> std::optional<Duration> {
      if (to == deaf && std::holds_alternative<proto::MediaPathReport>(m)) return std::nullopt;
      return 0ms;
    };
    // The side that got its report goes direct, until the other one closes that connection.
  }
  REQUIRE(c.both_active());
  c.w.run(8s);
  CHECK(path(c.w, c.alice) == PathKind::Relay);
  CHECK(path(c.w, c.bob) == PathKind::Relay);
  CHECK(c.w.now - *c.alice.last_heard <= 60ms);
}

TEST_CASE("reports that come late, early or for another call do not split the sides", "[client][D-04][D-52]") {
  const auto late = GENERATE(0ms, 500ms, 1500ms, 2500ms);
  Call c{{.relay = World::RelayKind::Newest}};
  c.w.on_signal = [late](const proto::SignalMessage& m, const std::string&) -> std::optional<Duration> {
    return std::holds_alternative<proto::MediaPathReport>(m) ? Duration{late} : Duration{};
  };
  REQUIRE(c.w.run_until([&] { return c.w.when<SetUp>(c.alice) && c.w.when<SetUp>(c.bob); }, 3s));
  REQUIRE(c.both_active());
  c.w.run(6s);
  CHECK(path(c.w, c.alice) == path(c.w, c.bob));
  CHECK(path(c.w, c.alice) == PathKind::Direct);
}

TEST_CASE("a peer that hides its address is reported to at once and costs no time", "[client][D-52]") {
  World w{{.relay = World::RelayKind::Newest, .strip_signatures = true}};
  auto allow = [](const std::string& name) {
    auto c = config(name);
    c.allow_unsealed = true;
    return c;
  };
  auto& alice = w.add("alice", allow("alice"));
  auto& bob = w.add("bob", allow("bob"));
  bob.answer = proto::CallAcceptMode::AcceptGeneric;
  w.run(1s);
  w.place(alice, bob);
  REQUIRE(w.run_until([&] { return w.when<SetUp>(alice).has_value(); }, 3s));
  const auto set_up = w.now;
  REQUIRE(w.run_until([&] { return active(alice) && active(bob); }, 5s));
  CHECK(w.now - set_up <= 500ms);
  w.run(1s);
  for (auto* n : {&alice, &bob}) {
    CHECK(w.count<DialDirect>(*n) + w.count<Punch>(*n) == 0);
    CHECK(path(w, *n) == PathKind::Relay);
  }
}

TEST_CASE("a base relay never sees a report", "[client][D-53]") {
  Call c{{.relay = World::RelayKind::Base}};  // World fails if it does
  REQUIRE(c.both_active());
  c.w.run(6s);
  CHECK(path(c.w, c.alice) == PathKind::Relay);
  CHECK(path(c.w, c.bob) == PathKind::Relay);
}

TEST_CASE("a connection from nowhere near the peer is not taken for it", "[client][D-49]") {
  Call c{{.relay = World::RelayKind::Newest}};
  c.alice.accepts_direct = c.bob.accepts_direct = false;
  REQUIRE(c.w.run_until([&] { return c.w.when<SetUp>(c.alice) && c.w.when<SetUp>(c.bob); }, 3s));
  for (auto* n : {&c.alice, &c.bob}) {
    const auto intruder = c.w.intrude(*n, "call-call-" + n->core->call_id().text(), addr("66.6.6.6:4000"));
    CHECK(c.w.closed(intruder));
  }
  REQUIRE(c.both_active());
}

TEST_CASE("a direct path that ends ends an unsealed call, which has no way back", "[client][D-56]") {
  Call c{{.relay = World::RelayKind::Newest}};
  REQUIRE(c.both_active());
  REQUIRE(c.w.run_until([&] { return c.alice.core->on_direct_path() && c.bob.core->on_direct_path(); }, 6s));
  c.w.give(c.alice, Lost{c.alice.paths.send_on.at(0), std::nullopt, "reset"});
  REQUIRE(c.w.told<Ended>(c.alice).size() == 1);
  CHECK(c.w.told<Ended>(c.alice)[0].reason == EndReason::MediaLost);
}

TEST_CASE("a hang-up from the relay ends an unsealed call, which has no other voice", "[client]") {
  Call c{{.relay = World::RelayKind::Newest}};
  REQUIRE(c.both_active());
  c.w.run(5s);
  c.w.give(c.bob, HangUp{});
  REQUIRE(c.w.run_until([&] { return !c.w.told<Ended>(c.alice).empty(); }, 500ms));
  CHECK(c.w.told<Ended>(c.alice)[0].reason == EndReason::PeerHungUp);
}
