#include "wzp/base/ids.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace wzp;

TEST_CASE("a call id is a part of one server name label", "[base]") {
  CHECK(CallId::parse("a"));
  CHECK(CallId::parse("0123-abc"));
  CHECK(CallId::parse(std::string(58, 'a')));
  CHECK_FALSE(CallId::parse(std::string(59, 'a')));
  CHECK_FALSE(CallId::parse(""));
  CHECK_FALSE(CallId::parse("a-"));
  CHECK_FALSE(CallId::parse("A"));
  CHECK_FALSE(CallId::parse("a_b"));
  CHECK_FALSE(CallId::parse("a.b"));
}

TEST_CASE("our call ids are 32 hex digits", "[base]") {
  const auto id = CallId::from_random({0xab, 1});
  CHECK(id.text() == "ab010000000000000000000000000000");
  CHECK(id.room() == "call-ab010000000000000000000000000000");
  CHECK(CallId::parse(id.text()) == id);
}

TEST_CASE("a connection id names its worker", "[base]") {
  const ConnectionId id{(std::uint64_t{3} << 48) | 17};
  CHECK(id.worker() == 3);
  CHECK(to_string(id) == "c3.17");
  CHECK_FALSE(id.is_websocket());
  const ConnectionId web{id.value | ConnectionId::kWebSocket};
  CHECK(web.worker() == 3);
  CHECK(web.is_websocket());
  CHECK(to_string(web) == "w3.17");
}
