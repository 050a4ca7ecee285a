#include "wzp/base/deadlines.hpp"

#include <catch2/catch_test_macros.hpp>

#include "sim_clock.hpp"

using namespace std::chrono_literals;

namespace wzp {

TEST_CASE("deadlines come in the order of time, one per key", "[base]") {
  sim::SimClock clock;
  Deadlines<int> due;
  CHECK_FALSE(due.next());
  due.set(1, clock.now() + 3s);
  due.set(2, clock.now() + 1s);
  due.set(3, clock.now() + 1s);
  due.set(1, clock.now() + 2s);  // replaces
  CHECK(due.size() == 3);
  CHECK(due.next() == clock.now() + 1s);
  CHECK_FALSE(due.take_due(clock.now()));
  clock.advance(2s);
  CHECK(due.take_due(clock.now()) == 2);
  CHECK(due.take_due(clock.now()) == 3);
  CHECK(due.take_due(clock.now()) == 1);
  CHECK_FALSE(due.take_due(clock.now()));
  CHECK(due.size() == 0);
}

TEST_CASE("a cancelled deadline never comes", "[base]") {
  sim::SimClock clock;
  Deadlines<int> due;
  due.set(1, clock.now());
  due.cancel(1);
  due.cancel(2);
  CHECK_FALSE(due.contains(1));
  CHECK_FALSE(due.take_due(clock.now()));
}

}  // namespace wzp
