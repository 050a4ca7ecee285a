#include <bit>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "samples.hpp"
#include "wzp/base/overloaded.hpp"
#include "wzp/proto/signal_json.hpp"

using namespace wzp;
using namespace wzp::proto;
using namespace std::string_literals;
using namespace std::string_view_literals;

namespace {

Errc code_of(std::string_view json) {
  const auto message = decode(json);
  REQUIRE_FALSE(message);
  return message.error().code;
}

/// A profile list with this ratio, as text.
std::string profile_with(std::string_view ratio) {
  return R"({"QualityDirective":{"recommended_profile":{"codec":"Opus24k","fec_ratio":)" + std::string{ratio} +
         R"(,"frame_duration_ms":20,"frames_per_block":5}}})";
}

std::string ratio_text(float ratio) {
  const auto json = encode(QualityDirective{{CodecId::Opus24k, ratio, 20, 5}, {}});
  const auto from = json.find("fec_ratio\":") + 11;
  return json.substr(from, json.find(',', from) - from);
}

std::string bytes_text(std::size_t count) {
  std::string list = "[";
  for (std::size_t i = 0; i < count; ++i) list += i == 0 ? "0" : ",0";
  return list + "]";
}

}  // namespace

// The bodies are no templates: 36 copies of each would only cost time to compile.
namespace {

void check_round_trip(const SignalMessage& message) {
  const auto json = encode(message);
  const auto back = decode(json);
  REQUIRE(back);
  CHECK(*back == message);
  CHECK(encode(*back) == json);
}

void check_unknown_field_is_ignored(const SignalMessage& message) {
  auto json = encode(message);
  if (json.front() == '"') {  // no fields, hence no place for a new one
    CHECK(code_of("{" + json + ":{\"new\":1}}") == Errc::BadField);
    return;
  }
  json.insert(json.size() - 2, R"(,"not_known_yet":[{"deep":[null,1.5e3,"x"]},false])");
  const auto back = decode(json);
  REQUIRE(back);
  CHECK(*back == message);
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("every message survives the round trip, full, empty and forwarded", "[proto]", SignalVariant) {
  const SignalMessage full = test::filled<TestType>();
  CHECK(tag(full) == TestType::kTag);
  check_round_trip(full);
  check_round_trip(TestType{});
  check_round_trip(FederatedSignalForward{full, "0a:1b"});
  check_unknown_field_is_ignored(full);
}

TEST_CASE("the fields that we added stand last and vanish when empty", "[proto]") {
  const auto [json, filled] = GENERATE(table<std::string, SignalMessage>({
      {R"(,"chosen_profile":{"codec":"Opus24k","fec_ratio":0.2,"frame_duration_ms":20,"frames_per_block":5},"caps":["a"]}})",
       CallAnswer{.caps = {"a"}}},
      {R"(,"alias":null,"binding":[1,2],"caps":["a","b-1"]}})", CallOffer{.binding = {1, 2}, .caps = {"a", "b-1"}}},
      {R"(,"signature":[],"alias":null,"caps":["call-nack"]}})", RegisterPresence{.caps = {"call-nack"}}},
      {R"(,"supported_profiles":[],"caller_build_version":"1","caps":["a"]}})",
       DirectCallOffer{.caller_build_version = "1", .caps = {"a"}}},
      {R"(,"accept_mode":"Reject","signature":[],"caps":["a"]}})",
       DirectCallAnswer{.signature = Bytes{}, .caps = {"a"}}},
      {R"(,"relay_addr":"","caps":["relay-media"]}})", CallSetup{.caps = {"relay-media"}}},
      {R"({"tls_fingerprint":"","version":1,"relay_build":"b","caps":["a"]}})",
       FederationHello{.version = std::uint8_t{1}, .relay_build = "b", .caps = {"a"}}},
      {R"({"success":false,"caps":["relay-media"]}})", RegisterPresenceAck{.caps = {"relay-media"}}},
  }));
  CHECK(encode(filled).ends_with(json));
  CHECK(decode(encode(filled)).value() == filled);
}

TEST_CASE("a list of capabilities of another shape counts as absent and harms nothing", "[proto]") {
  const std::string caps = GENERATE(as<std::string>{}, "null", "1", "\"call-nack\"", "{}", "[1]", "[\"Upper\"]",
                                    "[\"\"]", "[\"call-nack\",null]", "[\"a_b\"]", "[\"aaaaaaaaaaaaaaaaaaaaaaaaa\"]",
                                    R"(["a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a"])");
  const auto message = decode(R"({"RegisterPresenceAck":{"success":true,"caps":)" + caps + "}}");
  REQUIRE(message);
  CHECK(*message == SignalMessage{RegisterPresenceAck{.success = true}});
}

TEST_CASE("a list of capabilities at its bounds is taken", "[proto]") {
  const std::string word(24, 'a');
  std::string list = "\"" + word + "\"";
  for (int i = 1; i < 16; ++i) list += ",\"b\"";
  const auto message = decode(R"({"RegisterPresenceAck":{"success":true,"caps":[)" + list + "]}}");
  REQUIRE(message);
  const auto& caps = std::get<RegisterPresenceAck>(*message).caps;
  CHECK(caps.size() == 16);
  CHECK(has_cap(caps, word));
  CHECK(has_cap(caps, "b"));
  CHECK_FALSE(has_cap(caps, "call-nack"));
}

TEST_CASE("null is empty for optional fields and an error for the others", "[proto]") {
  const auto [json, good] = GENERATE(table<std::string, bool>({
      {R"({"Hangup":{"reason":"Normal","call_id":null}})", true},
      {R"({"Hangup":{"reason":null}})", false},
      {R"({"Transfer":{"target_fingerprint":"f","relay_addr":null}})", true},
      {R"({"DirectCallAnswer":{"call_id":"c","accept_mode":"Reject","identity_pub":null,"ephemeral_pub":null,)"
       R"("signature":null,"chosen_profile":null,"callee_reflexive_addr":null,"callee_build_version":null}})",
       true},
      {R"({"DirectCallAnswer":{"call_id":"c","accept_mode":"Reject","callee_local_addrs":null}})", false},
      {R"({"CallSetup":{"call_id":"c","room":"r","relay_addr":"a","peer_direct_addr":null}})", true},
      {R"({"CallSetup":{"call_id":"c","room":"r","relay_addr":"a","peer_local_addrs":null}})", false},
      {R"({"LossRecoveryUpdate":{"frames_decoded":null}})", false},
      {R"({"MediaPathReport":{"call_id":"c","direct_ok":true,"race_winner":null}})", false},
      {R"({"FederationHello":{"tls_fingerprint":"f","version":null,"relay_build":null,"caps":null}})", true},
      {R"({"RegisterPresence":{"identity_pub":)" + bytes_text(32) + R"(,"signature":null}})", false},
  }));
  INFO(json);
  const auto message = decode(json);
  CHECK(message.has_value() == good);
  if (!message) CHECK(message.error().code == Errc::BadField);
}

TEST_CASE("an error says what is wrong and where", "[proto]") {
  const auto [json, code, where] = GENERATE(table<std::string, Errc, std::string>({
      {R"({"RouteQuery":{"ttl":1}})", Errc::BadField, "RouteQuery.fingerprint (missing)"},
      {R"({"RouteQuery":{"fingerprint":"f","ttl":300}})", Errc::BadValue, "RouteQuery.ttl"},
      {R"({"RouteQuery":{"fingerprint":"f","ttl":"1"}})", Errc::BadField, "RouteQuery.ttl"},
      {R"({"RouteQuery":{"fingerprint":"f","ttl":1,"ttl":1}})", Errc::BadField, "RouteQuery.ttl (twice)"},
      {R"({"Hangup":{"reason":"Sudden"}})", Errc::BadValue, "Hangup.reason"},
      {R"({"PresenceUpdate":{"fingerprints":["a",2],"relay_addr":""}})", Errc::BadField,
       "PresenceUpdate.fingerprints[1]"},
      {R"({"RoomUpdate":{"count":1,"participants":[{"fingerprint":"f","alias":1}]}})", Errc::BadField,
       "RoomUpdate.participants[0].alias"},
      {R"({"Rekey":{"new_ephemeral_pub":[1],"signature":[]}})", Errc::BadValue, "Rekey.new_ephemeral_pub"},
      {R"({"Rekey":{"new_ephemeral_pub":)" + bytes_text(32) + R"(,"signature":[0,256]}})", Errc::BadValue,
       "Rekey.signature[1]"},
      {R"({"Ping":5})", Errc::BadField, "Ping"},
      {R"("Ping")", Errc::BadField, "Ping"},
      {R"({"Hold":{}})", Errc::BadField, "Hold"},
      {R"("Newer")", Errc::UnknownSignal, "Newer"},
      {R"({"New\u0007er":[1]})", Errc::UnknownSignal, "New?er"},
      {R"({"FederatedSignalForward":{"inner":{"Newer":{}},"origin_relay_fp":"r"}})", Errc::UnknownSignal,
       "FederatedSignalForward.inner.Newer"},
      {R"({"FederatedSignalForward":{"inner":{"Hangup":{"reason":1}},"origin_relay_fp":"r"}})", Errc::BadField,
       "FederatedSignalForward.inner.Hangup.reason"},
      {R"({"FederatedSignalForward":{"inner":[],"origin_relay_fp":"r"}})", Errc::BadField,
       "FederatedSignalForward.inner.not one tagged message"},
  }));
  INFO(json);
  const auto message = decode(json);
  REQUIRE_FALSE(message);
  CHECK(message.error().code == code);
  CHECK(message.error().where == where);
}

TEST_CASE("what is not one JSON message is malformed", "[proto][H-01]") {
  const std::string json = GENERATE(
      as<std::string>{}, "", " ", "{}", "[]", "5", "null", "true", R"({"Ping":{"timestamp_ms":1},"Pong":null})",
      R"({"Hold":null,"Hold":null})", R"("Hold" "Hold")", R"("Hold)", R"({"Ping":{"timestamp_ms":1})",
      "\xef\xbb\xbf\"Hold\"", "\"Hold\"\0"s, "\"Ho\0ld\""s, "\"Hold\"\xff", "'Hold'", R"("H\xold")",
      R"({"Ping":{"timestamp_ms":0x1}})", R"({"Ping":{"timestamp_ms":+1}})", R"({"Ping":{"timestamp_ms":1.}})",
      R"({"Ping":{"timestamp_ms":Infinity}})", "\"\xed\xa0\x80\"", "]", "}", "\"Hold\"]");
  INFO(json);
  CHECK(code_of(json) == Errc::BadJson);
}

TEST_CASE("surrogates come in pairs or not at all", "[proto]") {
  const auto [token, good] = GENERATE(table<std::string, bool>({
      {R"(\ud83d\udc80)", true},
      {R"(\uD83D\uDC80)", true},
      {R"(\\ud83d)", true},
      {R"(\ud83d)", false},
      {R"(\udc80)", false},
      {R"(\udc80\ud83d)", false},
      {R"(\ud83dx\udc80)", false},
      {R"(\ud83d\ud83d)", false},
      {R"(\ud83d\\udc80)", false},
      {R"(\u12)", false},
      {R"(\u12g4)", false},
      {R"(\u0000)", true},
  }));
  INFO(token);
  CHECK(decode(R"({"AuthToken":{"token":")" + token + "\"}}").has_value() == good);
  CHECK(decode(R"({"Ping":{"timestamp_ms":1,")" + token + "\":1}}").has_value() == good);
}

TEST_CASE("integers are plain decimals in range", "[proto]") {
  const auto [number, good] = GENERATE(table<std::string, bool>({
      {"0", true},
      {"18446744073709551615", true},
      {"18446744073709551616", false},
      {"1.0", false},
      {"1e0", false},
      {"-1", false},
      {"-0", false},
      {"-9223372036854775808", false},
      {"true", false},
  }));
  INFO(number);
  CHECK(decode(R"({"Ping":{"timestamp_ms":)" + number + "}}").has_value() == good);
}

TEST_CASE("a float is read from any finite number and written as the shortest decimal", "[proto]") {
  const auto [read, write] = GENERATE(table<std::string, std::string>({
      {"0.20000000298023224", "0.2"},
      {"0.1", "0.1"},
      {"1", "1.0"},
      {"0", "0.0"},
      {"-0", "-0.0"},
      {"-3.5", "-3.5"},
      {"2E-1", "0.2"},
      {"16777217", "16777216.0"},
      {"1e12", "1000000000000.0"},
      {"1e13", "1e13"},
      {"1.5e15", "1.5e15"},
      {"0.00001", "0.00001"},
      {"0.000001", "1e-6"},
      {"1.25e-7", "1.25e-7"},
      {"3.4028235e38", "3.4028235e38"},
      {"1e-45", "1e-45"},
      {"1e-400", "0.0"},
      {"0e300", "0.0"},
      {"0.3333333333333333333333333333333333333333333", "0.33333334"},
  }));
  INFO(read);
  const auto message = decode(profile_with(read));
  REQUIRE(message);
  CHECK(encode(*message) == profile_with(write));
}

TEST_CASE("a float that is not finite in single precision is refused", "[proto]") {
  const std::string number = GENERATE(as<std::string>{}, "1e39", "-1e39", "3.4028236e38", "1e300", "1e400", "1e999999",
                                      "1e9999999", "0.0000000001e-2147483639");
  INFO(number);
  CHECK_FALSE(decode(profile_with(number)));
}

TEST_CASE("every float survives the round trip", "[proto]") {
  std::uint32_t bits = 1;
  for (int i = 0; i < 20'000; ++i) {
    bits = bits * 1664525U + 1013904223U;
    const auto ratio = std::bit_cast<float>(bits);
    if (!std::isfinite(ratio)) continue;
    const auto back = decode(profile_with(ratio_text(ratio)));
    INFO(ratio_text(ratio));
    REQUIRE(back);
    REQUIRE(std::get<QualityDirective>(*back).recommended_profile.fec_ratio == ratio);
  }
}

TEST_CASE("nesting is limited to sixteen levels", "[proto]") {
  const auto nested = [](int depth) {
    return R"({"Ping":{"timestamp_ms":1,"x":)" + std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']') + "}}";
  };
  CHECK(decode(nested(14)));
  CHECK(code_of(nested(15)) == Errc::BadJson);
  CHECK(code_of(std::string(1'000'000, '[')) == Errc::BadJson);  // neither stack nor heap follows the sender
  CHECK(code_of("{\"x\":" + std::string(1'000'000, '[')) == Errc::BadJson);
}

TEST_CASE("a text over the limit is refused unread", "[proto]") {
  auto json = encode(AuthToken{""});
  json.insert(json.size() - 3, kMaxSignalBytes - json.size(), 'a');
  REQUIRE(json.size() == kMaxSignalBytes);
  CHECK(decode(json));
  CHECK(code_of(json + " ") == Errc::TooLong);
}

TEST_CASE("a signal is used as the variant it is", "[proto]") {
  SignalMessage message = Hangup{HangupReason::Busy, "c"};
  REQUIRE(std::get_if<Hangup>(&message) != nullptr);
  CHECK(std::holds_alternative<Hangup>(message));
  CHECK(std::visit(overloaded{[](const Hangup&) { return 1; }, [](const auto&) { return 2; }}, message) == 1);
  const FederatedSignalForward forward{message, "fp"};
  message = forward;
  CHECK(std::get<Hangup>(*std::get<FederatedSignalForward>(message).inner).call_id == "c");
  CHECK(message != SignalMessage{Ping{}});
}
