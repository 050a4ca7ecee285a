#include "wzp/registry/call_registry.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "people.hpp"
#include "sim_clock.hpp"

using namespace std::chrono_literals;

namespace wzp::registry {
namespace {

using proto::CallAcceptMode;
using proto::HangupReason;

const auto kAlice = person(1);
const auto kBob = person(2);
const auto kNearRelay = some_relay(10);
const auto kFarRelay = some_relay(11);

NewCall local_call(int n, std::uint8_t caller = 1, std::uint8_t callee = 2) {
  return {call_id(n), person(caller), person(callee), Local{}};
}
NewCall outgoing_call(int n) { return {call_id(n), kAlice, kBob, Outgoing{{kNearRelay, kFarRelay}, {}}}; }

}  // namespace

TEST_CASE("a call goes from offered over ringing and active to its end", "[registry]") {
  sim::SimClock clock;
  CallRegistry calls{{}};
  REQUIRE(calls.create(local_call(1), clock.now()));
  CHECK(calls.find(call_id(1))->state == CallState::Offered);
  REQUIRE(calls.set_ringing(call_id(1)));
  CHECK(calls.find(call_id(1))->state == CallState::Ringing);
  REQUIRE(calls.set_active(call_id(1), CallAcceptMode::AcceptTrusted, clock.advance(2s)));
  CHECK(calls.find(call_id(1))->answered_at == clock.now());
  REQUIRE(calls.end(call_id(1), HangupReason::Normal, clock.advance(2s)));
  const auto* ended = calls.find(call_id(1));
  REQUIRE(ended != nullptr);
  CHECK(ended->state == CallState::Ended);
  CHECK(ended->end_reason == HangupReason::Normal);
  CHECK(calls.find_live(call_id(1)) == nullptr);
  CHECK(calls.calls_of(kAlice).empty());
}

TEST_CASE("ringing may be left out, and no step goes back", "[registry]") {
  sim::SimClock clock;
  CallRegistry calls{{}};
  REQUIRE(calls.create(local_call(1), clock.now()));
  REQUIRE(calls.set_active(call_id(1), CallAcceptMode::AcceptGeneric, clock.now()));
  CHECK(calls.set_ringing(call_id(1)).error().code == Errc::WrongState);
  CHECK(calls.set_active(call_id(1), CallAcceptMode::AcceptTrusted, clock.now()).error().code == Errc::WrongState);
  CHECK(calls.find(call_id(1))->accept_mode == CallAcceptMode::AcceptGeneric);
  REQUIRE(calls.end(call_id(1), HangupReason::Normal, clock.now()));
  CHECK(calls.end(call_id(1), HangupReason::Error, clock.now()).error().code == Errc::WrongState);
  CHECK(calls.set_ringing(call_id(1)).error().code == Errc::WrongState);
  CHECK(calls.set_ringing(call_id(2)).error().code == Errc::NotFound);
}

TEST_CASE("an id is never used twice while it is remembered", "[registry][V-04]") {
  sim::SimClock clock;
  CallRegistry calls{{}};
  REQUIRE(calls.create(local_call(1), clock.now()));
  const auto before = *calls.find(call_id(1));
  CHECK(calls.create(local_call(1, 3, 4), clock.now()).error().code == Errc::Exists);
  CHECK(*calls.find(call_id(1)) == before);
  CHECK(calls.calls_of(person(3)).empty());
  REQUIRE(calls.end(call_id(1), HangupReason::Normal, clock.now()));
  CHECK(calls.create(local_call(1, 3, 4), clock.now()).error().code == Errc::Exists);
  CHECK(calls.deadline() == clock.now() + 30s);
  CHECK(calls.expire(clock.advance(30s)).empty());
  CHECK(calls.find(call_id(1)) == nullptr);
  CHECK(calls.create(local_call(1, 3, 4), clock.now()));
}

TEST_CASE("a call without id, to oneself, or that asks nobody is refused", "[registry]") {
  sim::SimClock clock;
  CallRegistry calls{{}};
  CHECK(calls.create({CallId{}, kAlice, kBob, Local{}}, clock.now()).error().code == Errc::BadValue);
  CHECK(calls.create(local_call(1, 1, 1), clock.now()).error().code == Errc::BadValue);
  CHECK(calls.create({call_id(1), kAlice, kBob, Outgoing{}}, clock.now()).error().code == Errc::BadValue);
  CHECK(calls.live_count() == 0);
  CHECK_FALSE(calls.deadline());
}

TEST_CASE("an unanswered call ends after the ring timeout and leaves nothing", "[registry][timeout][V-10]") {
  sim::SimClock clock;
  CallRegistry calls{{}};
  REQUIRE(calls.create(local_call(1), clock.now()));
  REQUIRE(calls.create(local_call(2, 3, 4), clock.now()));
  REQUIRE(calls.set_ringing(call_id(1)));
  REQUIRE(calls.set_active(call_id(2), CallAcceptMode::AcceptTrusted, clock.now()));
  CHECK(calls.expire(clock.advance(60s - 1ns)).empty());
  CHECK(calls.expire(clock.advance(1ns)) == std::vector{call_id(1)});
  CHECK(calls.find(call_id(1))->end_reason == HangupReason::Timeout);
  CHECK(calls.live_count() == 1);
  SECTION("an answered call has no time limit") {
    CHECK(calls.expire(clock.advance(24h)).empty());
    CHECK(calls.live_count() == 1);
    CHECK(calls.tombstone_count() == 0);
    CHECK_FALSE(calls.deadline());
  }
}

TEST_CASE("only the two parties have a role", "[registry][V-03]") {
  sim::SimClock clock;
  CallRegistry calls{{}};
  REQUIRE(calls.create(local_call(1), clock.now()));
  CHECK(calls.find(call_id(1))->role_of(kAlice) == Role::Caller);
  CHECK(calls.find(call_id(1))->role_of(kBob) == Role::Callee);
  CHECK_FALSE(calls.find(call_id(1))->role_of(person(3)));
}

TEST_CASE("the first relay that claims an outgoing call has it", "[registry][V-13]") {
  sim::SimClock clock;
  CallRegistry calls{{}};
  REQUIRE(calls.create(outgoing_call(1), clock.now()));
  CHECK_FALSE(calls.find(call_id(1))->peer_relay_fp());
  CHECK(calls.set_peer_relay_fp(call_id(1), some_relay(99)).error().code == Errc::NotAllowed);
  REQUIRE(calls.set_peer_relay_fp(call_id(1), kFarRelay));
  CHECK(calls.find(call_id(1))->peer_relay_fp() == kFarRelay);
  CHECK(calls.set_peer_relay_fp(call_id(1), kFarRelay));
  CHECK(calls.set_peer_relay_fp(call_id(1), kNearRelay).error().code == Errc::Exists);
  CHECK(calls.find(call_id(1))->peer_relay_fp() == kFarRelay);
  CHECK(calls.set_peer_relay_fp(call_id(2), kFarRelay).error().code == Errc::NotFound);
  REQUIRE(calls.create(local_call(3), clock.now()));
  CHECK(calls.set_peer_relay_fp(call_id(3), kFarRelay).error().code == Errc::NotAllowed);
  CHECK_FALSE(calls.find(call_id(3))->may_come_from(kFarRelay));
}

TEST_CASE("a relay that was asked can say no, once", "[registry]") {
  sim::SimClock clock;
  CallRegistry calls{{}};
  REQUIRE(calls.create(outgoing_call(1), clock.now()));
  CHECK(calls.calls_via(kNearRelay) == std::vector{call_id(1)});
  CHECK(*calls.withdraw(call_id(1), kNearRelay) == 1);
  CHECK(calls.calls_via(kNearRelay).empty());
  CHECK(calls.withdraw(call_id(1), kNearRelay).error().code == Errc::NotAllowed);
  CHECK_FALSE(calls.find(call_id(1))->may_come_from(kNearRelay));
  CHECK(*calls.withdraw(call_id(1), kFarRelay) == 0);
}

TEST_CASE("the incoming call of a relay is known by that relay", "[registry]") {
  sim::SimClock clock;
  CallRegistry calls{{}};
  REQUIRE(calls.create({call_id(1), kAlice, kBob, Incoming{kFarRelay}}, clock.now()));
  const auto& call = *calls.find(call_id(1));
  CHECK(call.peer_relay_fp() == kFarRelay);
  CHECK(call.may_come_from(kFarRelay));
  CHECK_FALSE(call.may_come_from(kNearRelay));
  CHECK_FALSE(call.is_here(Role::Caller));
  CHECK(call.is_here(Role::Callee));
  CHECK(calls.calls_via(kFarRelay) == std::vector{call_id(1)});
  REQUIRE(calls.end(call_id(1), HangupReason::Normal, clock.now()));
  CHECK(calls.calls_via(kFarRelay).empty());
}

TEST_CASE("calls are bounded per person and role, and in all", "[registry][V-27][V-61]") {
  sim::SimClock clock;
  CallRegistry calls{{.max_per_identity = 2, .max_live = 5}};
  REQUIRE(calls.create(local_call(1, 1, 2), clock.now()));
  REQUIRE(calls.create(local_call(2, 1, 3), clock.now()));
  CHECK(calls.create(local_call(3, 1, 4), clock.now()).error().code == Errc::LimitReached);
  REQUIRE(calls.create(local_call(4, 5, 2), clock.now()));
  CHECK(calls.create(local_call(5, 6, 2), clock.now()).error().code == Errc::LimitReached);
  // Being rung keeps nobody from calling.
  REQUIRE(calls.create(local_call(6, 2, 7), clock.now()));
  REQUIRE(calls.create(local_call(7, 8, 9), clock.now()));
  CHECK(calls.create(local_call(8, 10, 11), clock.now()).error().code == Errc::LimitReached);
  REQUIRE(calls.end(call_id(1), HangupReason::Normal, clock.now()));
  CHECK(calls.create(local_call(3, 1, 4), clock.now()));
}

TEST_CASE("tombstones are bounded, the oldest goes first", "[registry][V-27]") {
  sim::SimClock clock;
  CallRegistry calls{{.max_tombstones = 2}};
  for (int n = 1; n <= 3; ++n) {
    REQUIRE(calls.create(local_call(n), clock.now()));
    REQUIRE(calls.end(call_id(n), HangupReason::Normal, clock.now()));
  }
  CHECK(calls.tombstone_count() == 2);
  CHECK(calls.find(call_id(1)) == nullptr);
  CHECK(calls.find(call_id(3)) != nullptr);
}

TEST_CASE("addresses of live calls are kept, shown and replaced", "[registry]") {
  sim::SimClock clock;
  CallRegistry calls{{}};
  REQUIRE(calls.create(local_call(1), clock.now()));
  const Addresses some{SocketAddress{IpAddress::v4(192, 0, 2, 1), 5}, {}};
  REQUIRE(calls.set_addresses(call_id(1), Role::Callee, some));
  CHECK(calls.find(call_id(1))->addresses(Role::Callee) == some);
  CHECK(calls.find(call_id(1))->addresses(Role::Caller).empty());
  REQUIRE(calls.set_addresses(call_id(1), Role::Callee, {}));
  CHECK(calls.find(call_id(1))->addresses(Role::Callee).empty());
  CHECK(calls.set_addresses(call_id(2), Role::Callee, some).error().code == Errc::NotFound);
}

TEST_CASE("who missed an ending hears of it once, while it is remembered", "[registry]") {
  sim::SimClock clock;
  CallRegistry calls{{}};
  REQUIRE(calls.create({call_id(1), kAlice, kBob, Incoming{kFarRelay}}, clock.now()));
  calls.mark_untold(call_id(1), Role::Callee);  // not ended: nothing to tell
  CHECK(calls.take_untold(kBob).empty());
  REQUIRE(calls.end(call_id(1), HangupReason::Error, clock.now()));
  calls.mark_untold(call_id(1), Role::Callee);
  calls.mark_untold(call_id(1), kFarRelay);
  CHECK(calls.untold_relays() == std::vector{kFarRelay});
  CHECK(calls.take_untold(kNearRelay).empty());
  SECTION("in time") {
    REQUIRE(calls.take_untold(kBob).size() == 1);
    CHECK(calls.take_untold(kBob).empty());
    REQUIRE(calls.take_untold(kFarRelay).size() == 1);
    CHECK(calls.take_untold(kFarRelay).empty());
  }
  SECTION("too late") {
    CHECK(calls.expire(clock.advance(30s)).empty());
    CHECK(calls.take_untold(kBob).empty());
    CHECK(calls.take_untold(kFarRelay).empty());
  }
}

TEST_CASE("a relay whose link is lost may have missed the last endings", "[registry]") {
  sim::SimClock clock;
  CallRegistry calls{{}};
  for (int n = 1; n <= 2; ++n) REQUIRE(calls.create({call_id(n), kAlice, kBob, Incoming{kFarRelay}}, clock.now()));
  REQUIRE(calls.create(local_call(3), clock.now()));
  REQUIRE(calls.end(call_id(1), HangupReason::Normal, clock.now()));
  REQUIRE(calls.end(call_id(3), HangupReason::Normal, clock.now()));
  calls.mark_untold(kNearRelay, clock.advance(20s));
  calls.mark_untold(kFarRelay, clock.now());
  CHECK(calls.expire(clock.advance(29s)).empty());
  CHECK(calls.find(call_id(3)) == nullptr);
  CHECK(calls.take_untold(kNearRelay).empty());
  const auto untold = calls.take_untold(kFarRelay);
  REQUIRE(untold.size() == 1);
  CHECK(untold[0].id == call_id(1));
  // An ending of long ago is not kept for ever by a link that comes and goes.
  calls.mark_untold(kFarRelay, clock.now());
  CHECK(calls.take_untold(kFarRelay).empty());
  CHECK(calls.expire(clock.advance(1s)).empty());
  CHECK(calls.find(call_id(1)) == nullptr);
}

TEST_CASE("the time of a person's last ending is remembered as long as the call", "[registry][H-21]") {
  sim::SimClock clock;
  CallRegistry calls{{}};
  CHECK_FALSE(calls.last_end(kAlice));
  REQUIRE(calls.create(local_call(1), clock.now()));
  REQUIRE(calls.end(call_id(1), HangupReason::Normal, clock.now()));
  CHECK(calls.last_end(kAlice) == clock.now());
  CHECK(calls.last_end(kBob) == clock.now());
  CHECK(calls.expire(clock.advance(30s)).empty());
  CHECK_FALSE(calls.last_end(kAlice));
}

namespace {

const auto kNextRelay = some_relay(12);

NewCall passing_call(int n) { return {call_id(n), kAlice, kBob, Transit{kFarRelay, {{kNearRelay, kNextRelay}, {}}}}; }

}  // namespace

TEST_CASE("a call in transit belongs to the relays on both sides of it and to nobody here", "[registry][route]") {
  sim::SimClock clock;
  CallRegistry calls{{}};
  REQUIRE(calls.create(passing_call(1), clock.now()));
  const auto& call = *calls.find(call_id(1));
  CHECK_FALSE(call.is_here(Role::Caller));
  CHECK_FALSE(call.is_here(Role::Callee));
  CHECK(call.relay_toward(Role::Caller) == kFarRelay);
  CHECK_FALSE(call.relay_toward(Role::Callee));
  CHECK(call.may_come_from(kFarRelay));
  CHECK(call.may_come_from(kNearRelay));
  CHECK_FALSE(call.may_come_from(some_relay(99)));
  CHECK(calls.calls_of(kAlice).empty());
  REQUIRE(calls.set_peer_relay_fp(call_id(1), kNearRelay));
  CHECK(call.relay_toward(Role::Callee) == kNearRelay);
  CHECK(*calls.withdraw(call_id(1), kNextRelay) == 1);
  REQUIRE(calls.end(call_id(1), HangupReason::Normal, clock.now()));
  for (const auto& relay : {kFarRelay, kNearRelay, kNextRelay}) CHECK(calls.calls_via(relay).empty());
  CHECK_FALSE(calls.last_end(kAlice));
  CHECK(calls.expire(clock.advance(30s)).empty());
  CHECK(calls.find(call_id(1)) == nullptr);
}

TEST_CASE("calls in transit do not use up what their parties may have here", "[registry][route]") {
  sim::SimClock clock;
  CallRegistry calls{{.max_per_identity = 1}};
  for (int n = 1; n <= 5; ++n) REQUIRE(calls.create(passing_call(n), clock.now()));
  CHECK(calls.create(local_call(6), clock.now()));
}

TEST_CASE("an ended call can be forgotten early, a live one cannot", "[registry][route]") {
  sim::SimClock clock;
  CallRegistry calls{{}};
  REQUIRE(calls.create(passing_call(1), clock.now()));
  calls.discard(call_id(1));
  REQUIRE(calls.find_live(call_id(1)) != nullptr);
  REQUIRE(calls.end(call_id(1), HangupReason::Normal, clock.now()));
  calls.mark_untold(call_id(1), kNearRelay);
  calls.discard(call_id(1));
  CHECK(calls.find(call_id(1)) == nullptr);
  CHECK(calls.untold_relays().empty());
  CHECK(calls.create(passing_call(1), clock.now()));
}

TEST_CASE("more relays can be asked, and a call can take another way", "[registry][route]") {
  sim::SimClock clock;
  CallRegistry calls{{}};
  REQUIRE(calls.create({call_id(1), kAlice, kBob, Outgoing{{kNearRelay}, {}}}, clock.now()));
  REQUIRE(calls.ask(call_id(1), {kFarRelay}));
  CHECK(calls.calls_via(kFarRelay) == std::vector{call_id(1)});
  REQUIRE(calls.reroute(call_id(1), Outgoing{{kNextRelay}, kNextRelay}));
  CHECK(calls.calls_via(kFarRelay).empty());
  CHECK(calls.calls_via(kNextRelay) == std::vector{call_id(1)});
  CHECK(calls.find(call_id(1))->peer_relay_fp() == kNextRelay);
  CHECK(calls.reroute(call_id(1), Incoming{kNextRelay}).error().code == Errc::WrongState);
  CHECK(calls.reroute(call_id(2), Local{}).error().code == Errc::NotFound);
}

TEST_CASE("a callee who is here can be asked for elsewhere, until one of the two has the call", "[registry][route]") {
  sim::SimClock clock;
  CallRegistry calls{{}};
  const bool is_incoming = GENERATE(false, true);
  const Route here = is_incoming ? Route{Incoming{kNearRelay}} : Route{Local{}};
  REQUIRE(calls.create({call_id(1), kAlice, kBob, here}, clock.now()));
  CHECK(calls.callee_left(call_id(1)).error().code == Errc::WrongState);
  REQUIRE(calls.ask(call_id(1), {kFarRelay, kNextRelay}));
  const auto& call = *calls.find(call_id(1));
  CHECK(call.is_here(Role::Callee));
  CHECK(call.may_come_from(kFarRelay));
  CHECK_FALSE(call.relay_toward(Role::Callee));
  CHECK(calls.calls_of(kBob) == std::vector{call_id(1)});
  SECTION("the callee answers here") {
    REQUIRE(calls.withdraw(call_id(1), kFarRelay));
    REQUIRE(calls.withdraw(call_id(1), kNextRelay));
    CHECK(call.route == here);
    CHECK(calls.calls_via(kFarRelay).empty());
    REQUIRE(calls.set_active(call_id(1), CallAcceptMode::AcceptTrusted, clock.now()));
    CHECK(calls.ask(call_id(1), {kFarRelay}).error().code == Errc::WrongState);
  }
  SECTION("another relay has the callee") {
    REQUIRE(calls.set_peer_relay_fp(call_id(1), kFarRelay));
    const Outgoing way{{kFarRelay, kNextRelay}, kFarRelay};
    CHECK(call.route == (is_incoming ? Route{Transit{kNearRelay, way}} : Route{way}));
  }
  SECTION("the callee goes") {
    REQUIRE(calls.callee_left(call_id(1)));
    CHECK_FALSE(call.is_here(Role::Callee));
    CHECK(calls.callee_left(call_id(1)).error().code == Errc::WrongState);
    CHECK(calls.callee_came(call_id(1)).has_value() == !is_incoming);
    CHECK(call.is_here(Role::Callee) == !is_incoming);
    CHECK(calls.callee_came(call_id(1)).error().code == Errc::WrongState);
    REQUIRE(calls.set_peer_relay_fp(call_id(1), kNextRelay));
    CHECK(calls.callee_came(call_id(1)).error().code == Errc::WrongState);
  }
  // What is only passed on is nobody's call here.
  CHECK(calls.calls_of(kBob).empty() == std::holds_alternative<Transit>(call.route));
  const std::size_t unanswered = call.is_unanswered() ? 1 : 0;
  CHECK(calls.expire(clock.advance(60s)).size() == unanswered);
  if (call.is_live()) REQUIRE(calls.end(call_id(1), HangupReason::Normal, clock.now()));
  (void)calls.expire(clock.advance(30s));
  CHECK(calls.find(call_id(1)) == nullptr);
  CHECK(calls.calls_via(kNearRelay).empty());
}

}  // namespace wzp::registry
