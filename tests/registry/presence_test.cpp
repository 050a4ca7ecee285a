#include "wzp/registry/presence.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <map>
#include <random>

#include "people.hpp"

namespace wzp::registry {
namespace {

Registration registration(std::uint64_t conn, std::uint8_t who, bool is_signed = true) {
  Registration r;
  r.conn = ConnectionId{conn};
  r.who = person(who);
  r.is_signed = is_signed;
  return r;
}

}  // namespace

TEST_CASE("the newest registration is current, and the one before it after its end", "[registry][V-12]") {
  Presence presence{100};
  REQUIRE(presence.add(registration(1, 7)));
  const auto second = presence.add(registration(2, 7));
  REQUIRE(second);
  CHECK(second->demoted->conn == ConnectionId{1});
  CHECK(second->put_out.empty());
  CHECK(presence.current(person(7))->conn == ConnectionId{2});
  SECTION("the end of the old one touches nothing") {
    const auto removed = presence.remove(ConnectionId{1});
    REQUIRE(removed);
    CHECK_FALSE(removed->was_current);
    CHECK_FALSE(removed->promoted);
    CHECK(presence.current(person(7))->conn == ConnectionId{2});
  }
  SECTION("the end of the new one makes the old one current again") {
    const auto removed = presence.remove(ConnectionId{2});
    REQUIRE(removed);
    CHECK(removed->was_current);
    CHECK(removed->promoted->conn == ConnectionId{1});
    CHECK(presence.current(person(7))->conn == ConnectionId{1});
    CHECK(presence.remove(ConnectionId{1})->was_current);
    CHECK_FALSE(presence.is_online(person(7)));
    CHECK(presence.people() == 0);
  }
  CHECK_FALSE(presence.remove(ConnectionId{3}));
}

TEST_CASE("an unsigned registration never takes the place of a signed one", "[registry][V-02]") {
  Presence presence{100};
  REQUIRE(presence.add(registration(1, 7)));
  const auto refused = presence.add(registration(2, 7, false));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::NotAllowed);
  CHECK(presence.current(person(7))->conn == ConnectionId{1});
  CHECK(presence.find(ConnectionId{2}) == nullptr);
  CHECK(presence.registrations() == 1);
}

TEST_CASE("a signed registration puts the unsigned ones of its person out", "[registry][V-02]") {
  Presence presence{100};
  REQUIRE(presence.add(registration(1, 7, false)));
  REQUIRE(presence.add(registration(2, 7, false)));
  REQUIRE(presence.add(registration(3, 8, false)));
  const auto added = presence.add(registration(4, 7));
  REQUIRE(added);
  CHECK(added->put_out.size() == 2);
  CHECK(presence.registrations() == 2);
  CHECK(presence.find(ConnectionId{1}) == nullptr);
  CHECK(presence.current(person(8))->conn == ConnectionId{3});
}

TEST_CASE("registrations are bounded per person and in all", "[registry][V-27]") {
  Presence presence{6};
  for (std::uint64_t conn = 1; conn <= Presence::kMaxPerPerson; ++conn) REQUIRE(presence.add(registration(conn, 7)));
  const auto fifth = presence.add(registration(5, 7));
  REQUIRE(fifth);
  REQUIRE(fifth->put_out.size() == 1);
  CHECK(fifth->put_out.front().conn == ConnectionId{1});
  REQUIRE(presence.add(registration(6, 8)));
  REQUIRE(presence.add(registration(7, 9)));
  const auto full = presence.add(registration(8, 10));
  REQUIRE_FALSE(full);
  CHECK(full.error().code == Errc::LimitReached);
  CHECK_FALSE(presence.is_online(person(10)));
  CHECK(presence.add(registration(7, 9)).error().code == Errc::Exists);
  CHECK(presence.all_current().size() == 3);
}

TEST_CASE("presence agrees with a naive model", "[registry][model]") {
  const auto seed = GENERATE(0U, 1U, 2U, 3U, 4U, 5U, 6U, 7U);
  INFO("seed " << seed);
  std::mt19937 random{seed};
  Presence presence{20};
  std::vector<Registration> model;  // oldest first
  for (std::uint64_t step = 1; step < 3000; ++step) {
    if (random() % 2 == 0) {
      auto r = registration(step, static_cast<std::uint8_t>(random() % 8), random() % 3 != 0);
      std::vector<Registration> mine;
      for (const auto& m : model) {
        if (m.who == r.who) mine.push_back(m);
      }
      const bool refused = (!r.is_signed && !mine.empty() && mine.back().is_signed);
      std::vector<Registration> out;
      if (!refused && !mine.empty()) {
        if (r.is_signed && !mine.back().is_signed)
          out = mine;
        else if (mine.size() == Presence::kMaxPerPerson)
          out = {mine.front()};
      }
      const bool full = !refused && model.size() - out.size() >= 20;
      const auto added = presence.add(r);
      REQUIRE(added.has_value() == (!refused && !full));
      if (added) {
        CHECK(added->put_out == out);
        CHECK(added->demoted.has_value() == !mine.empty());
        for (const auto& o : out) std::erase(model, o);
        model.push_back(r);
      }
    } else if (!model.empty()) {
      const auto victim = model[random() % model.size()];
      std::erase(model, victim);
      const auto removed = presence.remove(victim.conn);
      REQUIRE(removed);
      CHECK(removed->registration == victim);
    }
    std::map<Fingerprint, Registration> current;
    for (const auto& m : model) current[m.who] = m;
    REQUIRE(presence.registrations() == model.size());
    REQUIRE(presence.people() == current.size());
    for (const auto& [who, r] : current) REQUIRE(*presence.current(who) == r);
  }
}

}  // namespace wzp::registry
