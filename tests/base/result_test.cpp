#include "wzp/base/result.hpp"

#include <catch2/catch_test_macros.hpp>
#include <string>

#include "wzp/base/time.hpp"

using namespace wzp;

namespace {
Result<int> half(int n) {
  if (n % 2 != 0) return Unexpected{Errc::BadValue, "n"};
  return n / 2;
}
Result<void> must_be_even(int n) {
  if (const auto r = half(n); !r) return r.failure();
  return {};
}
}  // namespace

TEST_CASE("a result holds a value or an error", "[base]") {
  CHECK(half(4) == Result<int>{2});
  CHECK(half(3).error() == Error{Errc::BadValue, "n"});
  CHECK(must_be_even(2));
  CHECK_FALSE(must_be_even(1));
  CHECK(to_string(must_be_even(1).error()) == "BadValue: n");
}

TEST_CASE("no deadline is later than every deadline", "[base]") {
  const Instant early{Duration{1}};
  const Instant late{Duration{2}};
  CHECK(earliest(early, late) == early);
  CHECK(earliest(std::nullopt, late) == late);
  CHECK(earliest(early, std::nullopt) == early);
  CHECK_FALSE(earliest(std::nullopt, std::nullopt));
}
