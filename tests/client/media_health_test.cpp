#include "wzp/client/media_health.hpp"

#include <catch2/catch_test_macros.hpp>

#include "people.hpp"

using namespace wzp;
using namespace wzp::client;
using namespace std::chrono_literals;
using test::at;
using Change = MediaHealth::Change;

TEST_CASE("silence is noticed in three steps, each told once", "[client][timeout][H-13]") {
  MediaHealth health{{}};
  CHECK(health.deadline() == std::nullopt);
  CHECK(health.tick(at(1h)) == Change::None);  // nothing was heard yet
  CHECK(health.packet(at(0s)) == Change::None);
  CHECK(health.deadline() == at(600ms));
  CHECK(health.flowing(at(599ms)));
  CHECK(health.tick(at(599ms)) == Change::None);
  CHECK(health.tick(at(600ms)) == Change::Quiet);
  CHECK_FALSE(health.flowing(at(600ms)));
  CHECK(health.tick(at(601ms)) == Change::None);
  CHECK(health.deadline() == at(6s));
  CHECK(health.tick(at(6s)) == Change::Degraded);
  CHECK(health.deadline() == at(30s));
  CHECK(health.tick(at(30s)) == Change::Dead);
  CHECK(health.deadline() == std::nullopt);
}

TEST_CASE("recovery is told only after degradation was", "[client][H-13]") {
  MediaHealth health{{}};
  CHECK(health.packet(at(0s)) == Change::None);
  CHECK(health.tick(at(1s)) == Change::Quiet);
  CHECK(health.packet(at(2s)) == Change::None);
  CHECK(health.tick(at(9s)) == Change::Degraded);  // two stages at once: the last counts
  CHECK(health.packet(at(10s)) == Change::Recovered);
  CHECK(health.packet(at(11s)) == Change::None);
  CHECK(health.last_packet() == at(11s));
}
