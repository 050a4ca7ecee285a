#include <string>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include "samples.hpp"
#include "wzp/proto/direct_message.hpp"
#include "wzp/proto/signal_json.hpp"

using namespace wzp;
using namespace wzp::proto;

TEMPLATE_LIST_TEST_CASE("a direct message survives the round trip", "[proto]", DirectMessage) {
  TestType filled;
  if constexpr (std::is_same_v<TestType, DirectHello>) {
    filled = {"call", CallRole::Callee, {}};
    filled.proof.fill(255);
  } else {
    filled = test::filled<TestType>();
  }
  const DirectMessage message = filled;
  const auto back = decode_direct(encode_direct(message));
  REQUIRE(back);
  CHECK(*back == message);
}

TEST_CASE("the hello is written as the specification shows it", "[proto]") {
  const auto json = encode_direct(DirectHello{"c1", CallRole::Caller, {1, 2, 3}});
  CHECK(json.starts_with(R"({"DirectHello":{"call_id":"c1","role":"Caller","proof":[1,2,3,0,)"));
  CHECK(json.ends_with(",0]}}"));
}

TEST_CASE("direct messages and signals are two sets", "[proto]") {
  const auto nominate = encode_direct(DirectNominate{"c"});
  CHECK(decode(nominate).error().code == Errc::UnknownSignal);
  CHECK(decode_direct(encode(CallRinging{"c"})).error().code == Errc::UnknownSignal);
  CHECK(decode_direct(encode(Hold{})).value() == DirectMessage{Hold{}});
}

TEST_CASE("a malformed direct message is refused", "[proto]") {
  CHECK(decode_direct("{").error().code == Errc::BadJson);
  CHECK(decode_direct(R"({"DirectNominate":{}})").error().code == Errc::BadField);
  CHECK(decode_direct(R"({"DirectHello":{"call_id":"c","role":"caller","proof":[]}})").error().code == Errc::BadValue);
  CHECK(decode_direct(R"({"DirectHello":{"call_id":"c","role":"Caller","proof":[1]}})").error().code == Errc::BadValue);
}

TEST_CASE("a direct message has at most 4096 bytes", "[proto]") {
  const std::string pad(kMaxDirectMessageBytes - 6, ' ');
  CHECK(decode_direct("\"Mute\"" + pad));
  CHECK(decode_direct("\"Mute\" " + pad).error().code == Errc::TooLong);
}
