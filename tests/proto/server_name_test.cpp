#include <string>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "wzp/proto/server_name.hpp"

using namespace wzp;
using namespace wzp::proto;

TEST_CASE("a name is usable by its grammar and by nothing else", "[proto]") {
  const std::string label(63, 'a');
  const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'a');  // 253 bytes
  const auto [name, expected] = GENERATE_COPY(table<std::string, NameClass>({
      {longest, NameClass::Dns},
      {longest + "a", NameClass::Invalid},
      {longest + ".", NameClass::Invalid},
      {"A_b-9.Z", NameClass::Dns},
      {".", NameClass::Invalid},
      {"a..", NameClass::Invalid},
      {"1.", NameClass::Invalid},
      {"a.1.", NameClass::Invalid},
      {"1.a", NameClass::Dns},
      {"1-1", NameClass::Dns},
      {"a.-b", NameClass::Invalid},
      {"a b", NameClass::Invalid},
      {std::string("a\0", 2), NameClass::Invalid},
      {"a/b", NameClass::Invalid},
      {"[::1]", NameClass::Invalid},
      {"1.2.3.4:5", NameClass::Invalid},
      {"01.2.3.4", NameClass::Invalid},
      {"::ffff:1.2.3.4", NameClass::Ip},
  }));
  INFO(name);
  CHECK(classify(name) == expected);
}

TEST_CASE("a relay lower-cases, drops one trailing dot, and calls the nameless default", "[proto][V-56]") {
  CHECK(canonical_server_name("Room.A.").value() == "room.a");
  CHECK(canonical_server_name("").value() == "default");
  CHECK(canonical_server_name("10.0.0.1").value() == "default");
  const auto refused = canonical_server_name(
      "a\x01"
      "b..c");
  REQUIRE_FALSE(refused);
  CHECK(refused.error() == Error{Errc::BadName, "a?b..c"});
}

TEST_CASE("control names say what a connection is for, all others are rooms", "[proto]") {
  const auto [name, expected] = GENERATE(table<std::string, ConnectionClass>({
      {"ping", ConnectionClass::Ping},
      {"version", ConnectionClass::Version},
      {"_probe", ConnectionClass::Probe},
      {"_federation", ConnectionClass::Federation},
      {"_signal", ConnectionClass::Signal},
      {"_relay", ConnectionClass::Room},
      {"_anything", ConnectionClass::Room},
      {"localhost", ConnectionClass::Room},
      {"call-1", ConnectionClass::Room},
      {"default", ConnectionClass::Room},
  }));
  CHECK(connection_class(name) == expected);
}

TEST_CASE("a call room names its call", "[proto]") {
  CHECK(call_of_room("call-182ab3f04c1d2e00").value().text() == "182ab3f04c1d2e00");
  CHECK(call_of_room(CallId::from_random({}).room()) == CallId::from_random({}));
  CHECK_FALSE(call_of_room("call-"));
  CHECK_FALSE(call_of_room("call-a.b"));
  CHECK_FALSE(call_of_room("general"));
  CHECK_FALSE(call_of_room("xcall-1"));
}
