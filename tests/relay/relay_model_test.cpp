#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <map>
#include <random>
#include <set>

#include "calls_bench.hpp"
#include "wzp/base/overloaded.hpp"

// Random people on two linked relays against a model that knows nothing of relays: to people, a call across two relays
// is the same as one on a single relay.

using namespace std::chrono_literals;

namespace wzp::test {
namespace {

using registry::CallState;

constexpr std::size_t kPeople = 6;

struct Person {
  Phone phone;
  std::size_t relay;
  std::optional<Instant> away_since{};
  std::set<std::string> sees{};  ///< the calls that this person believes to be in, by what it said and heard
};

struct ModelCall {
  std::size_t caller;
  std::size_t callee;
  CallState state;
  Instant created;

  [[nodiscard]] bool has(std::size_t who) const { return who == caller || who == callee; }
};

class World {
 public:
  explicit World(unsigned seed) : random_{seed} {
    bench.run_for(2s);
    for (std::size_t i = 0; i < kPeople; ++i) {
      const auto relay = i % 2 == 0 ? a : b;
      people.push_back({Phone{bench, relay, static_cast<std::uint8_t>(50 + i)}, relay});
    }
  }

  std::size_t pick(std::size_t n) { return random_() % n; }

  void end(const std::string& id) { calls.at(id).state = CallState::Ended; }

  /// Reads what came. Nobody hears of a call of others, and no offer tells an address.
  void listen(std::size_t who) {
    auto& person = people[who];
    auto& inbox = person.phone.end().inbox;
    for (; !inbox.empty(); inbox.pop_front()) {
      std::visit(overloaded{[&](const proto::DirectCallOffer& m) {
                              REQUIRE_FALSE(m.caller_reflexive_addr);
                              REQUIRE(m.caller_local_addrs.empty());
                              REQUIRE(m.target_fingerprint == person.phone.text());
                              REQUIRE(person.sees.insert(m.call_id).second);
                            },
                            [&](const proto::Hangup& m) {
                              REQUIRE(m.call_id);
                              REQUIRE((!calls.contains(*m.call_id) || calls.at(*m.call_id).has(who)));
                              // Somebody who registers anew may be told an ending twice.
                              const bool knew = person.sees.erase(*m.call_id) == 0;
                              if (knew && calls.contains(*m.call_id))
                                REQUIRE(calls.at(*m.call_id).state == CallState::Ended);
                            },
                            [&](const proto::CallRinging& m) { REQUIRE(calls.at(m.call_id).caller == who); },
                            [&](const proto::DirectCallAnswer& m) { REQUIRE(calls.at(m.call_id).caller == who); },
                            [&](const proto::CallSetup& m) { REQUIRE(calls.at(m.call_id).has(who)); },
                            [&](const auto&) { FAIL("an unexpected signal"); }},
                 inbox.front().as_variant());
    }
  }

  void offer(std::size_t from, std::size_t to) {
    const auto id = "c" + std::to_string(++last_id_);
    if (people[from].away_since) return;
    people[from].sees.insert(id);
    people[from].phone.send(people[from].phone.offer(people[to].phone.fp(), id));
    if (from != to && !people[to].away_since) calls[id] = {from, to, CallState::Ringing, bench.now()};
  }

  void answer(std::size_t who, const std::string& id, bool accept) {
    auto& call = calls.at(id);
    if (people[who].away_since) return;
    const bool counts = call.state == CallState::Ringing && who == call.callee;
    if (counts) call.state = accept ? CallState::Active : CallState::Ended;
    if (counts && !accept) people[who].sees.erase(id);
    people[who].phone.send(accept ? proto::SignalMessage{people[who].phone.accept(id)} : reject(id));
  }

  void hang_up(std::size_t who, const std::string& id) {
    auto& call = calls.at(id);
    if (people[who].away_since) return;
    if (call.has(who) && call.state != CallState::Ended) {
      end(id);
      people[who].sees.erase(id);
    }
    people[who].phone.send(hangup(id));
  }

  void lose(std::size_t who) {
    if (people[who].away_since) return;
    listen(who);
    people[who].away_since = bench.now();
    for (auto& [id, call] : calls) {
      if (call.has(who) && call.state == CallState::Ringing) end(id);
    }
    people[who].phone.lose();
  }

  void come_back(std::size_t who) {
    auto& person = people[who];
    if (person.away_since && bench.now() - *person.away_since >= 30s) {
      // Longer than ended calls are remembered: what it missed, nobody tells any more.
      std::erase_if(person.sees, [&](const auto& id) { return calls.at(id).state == CallState::Ended; });
    }
    person.away_since.reset();
    person.phone.reconnect();
  }

  void wait(Duration time) {
    bench.run_for(time);
    for (auto& [id, call] : calls) {
      if (call.state == CallState::Ringing && bench.now() >= call.created + 60s) end(id);
      for (const auto who : {call.caller, call.callee}) {
        const auto& away = people[who].away_since;
        if (call.state == CallState::Active && away && bench.now() >= *away + 15s) end(id);
      }
    }
  }

  void compare() {
    for (std::size_t who = 0; who < kPeople; ++who) {
      if (people[who].away_since) continue;
      listen(who);
      std::set<std::string> live;
      for (const auto& [id, call] : calls) {
        if (call.has(who) && call.state != CallState::Ended) live.insert(id);
      }
      REQUIRE(people[who].sees == live);
    }
    std::map<std::size_t, std::size_t> live_at{{a, 0}, {b, 0}};
    for (const auto& [id, call] : calls) {
      for (const auto relay : std::set{people[call.caller].relay, people[call.callee].relay}) {
        const auto record = bench.core(relay).call(call_id(id));
        const auto state = record ? record->state : CallState::Ended;
        INFO("call " << id << " at relay " << relay);
        REQUIRE(state == call.state);
        if (call.state != CallState::Ended) ++live_at[relay];
      }
    }
    for (const auto& [relay, count] : live_at) REQUIRE(bench.core(relay).calls().size() == count);
  }

  static void open_limits(relay::Config& c) { c.max_calls_per_client = 10'000; }

  RelayBench bench;
  std::size_t a = bench.add_relay(1, [](auto& c) {
    open_limits(c);
    c.peers = {RelayBench::peer(2)};
  });
  std::size_t b = bench.add_relay(2, [](auto& c) {
    open_limits(c);
    c.trusted = {RelayBench::trusted(1)};
  });
  std::vector<Person> people;
  std::map<std::string, ModelCall> calls;

 private:
  std::mt19937 random_;
  int last_id_ = 0;
};

}  // namespace

TEST_CASE("two relays agree with a model of people and calls", "[relay][model]") {
  const auto seed = GENERATE(range(0U, 25U));
  INFO("seed " << seed);
  World world{seed};
  for (int step = 0; step < 400; ++step) {
    INFO("step " << step);
    const auto who = world.pick(kPeople);
    std::optional<std::string> id;
    if (!world.calls.empty()) {
      // Mostly recent ones: old ones are only there to be ignored.
      const auto back = std::min(world.calls.size(), world.pick(8) + 1);
      id = std::next(world.calls.rbegin(), static_cast<std::ptrdiff_t>(back - 1))->first;
    }
    const auto party = id ? (world.pick(2) == 0 ? world.calls.at(*id).caller : world.calls.at(*id).callee) : who;
    switch (world.pick(10)) {
      case 0:
      case 1:
      case 2: world.offer(who, world.pick(kPeople)); break;
      case 3:
        if (id) world.answer(world.calls.at(*id).callee, *id, world.pick(4) != 0);
        break;
      case 4:
        if (id) world.answer(who, *id, world.pick(2) == 0);
        break;
      case 5:
        if (id) world.hang_up(party, *id);
        break;
      case 6:
        if (id) world.hang_up(who, *id);
        break;
      case 7:
        if (world.pick(3) == 0) world.lose(who);
        break;
      case 8: world.come_back(who); break;
      default: world.wait(std::chrono::milliseconds{world.pick(9'000)}); break;
    }
    world.compare();
  }
}

TEST_CASE("whatever is lost between two relays, nothing stays behind", "[relay][model]") {
  const auto seed = GENERATE(range(0U, 40U));
  INFO("seed " << seed);
  std::mt19937 random{seed};
  const auto pick = [&](unsigned n) { return random() % n; };
  TwoRelays net;
  net.bench.link_delay = std::chrono::milliseconds{pick(3) * 60};
  std::vector<Phone> phones;
  for (std::uint8_t i = 0; i < 4; ++i) {
    phones.emplace_back(net.bench, i % 2 == 0 ? net.a : net.b, static_cast<std::uint8_t>(60 + i));
  }
  std::map<std::string, std::set<std::string>> parties;  // call id -> fingerprints
  const auto read_all = [&] {
    for (auto& phone : phones) {
      for (const auto& message : phone.end().inbox) {
        std::visit(overloaded{[&](const proto::DirectCallOffer& m) {
                                CHECK(parties[m.call_id].contains(phone.text()));
                                CHECK_FALSE(m.caller_reflexive_addr);
                              },
                              [&](const proto::Hangup& m) { CHECK(parties[m.call_id.value()].contains(phone.text())); },
                              [&](const proto::CallSetup& m) { CHECK(parties[m.call_id].contains(phone.text())); },
                              [](const auto&) {}},
                   message.as_variant());
      }
      phone.forget();
    }
  };
  int last = 0;
  for (int step = 0; step < 300; ++step) {
    auto& phone = phones[pick(4)];
    const auto id = "c" + std::to_string(last > 0 ? last - static_cast<int>(pick(4)) % last : 0);
    switch (pick(9)) {
      case 0:
      case 1: {
        auto& other = phones[pick(4)];
        const auto fresh = "c" + std::to_string(++last);
        parties[fresh] = {phone.text(), other.text()};
        phone.send(phone.offer(other.fp(), fresh));
        break;
      }
      case 2:
      case 3: phone.send(phone.accept(id)); break;
      case 4: phone.send(hangup(id)); break;
      case 5: pick(2) == 0 ? phone.lose() : phone.reconnect(); break;
      case 6: pick(2) == 0 ? net.bench.cut(net.a, net.b) : net.bench.heal(net.a, net.b); break;
      case 7:
        if (pick(6) == 0) net.bench.restart(pick(2) == 0 ? net.a : net.b);
        break;
      default: net.bench.run_for(std::chrono::milliseconds{pick(4000)});
    }
    read_all();
  }
  // Everybody goes: within the grace and the ring timeout no call is left, and then no tombstone either.
  for (auto& phone : phones) phone.lose();
  net.alice.lose();
  net.bob.lose();
  net.bench.run_for(91s);
  for (const auto relay : {net.a, net.b}) {
    CHECK(net.bench.core(relay).calls().empty());
    CHECK(net.bench.core(relay).clients().empty());
    for (int i = 1; i <= last; ++i) CHECK_FALSE(net.call(relay, "c" + std::to_string(i)));
  }
}

}  // namespace wzp::test
