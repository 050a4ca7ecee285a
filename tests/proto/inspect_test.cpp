#include <string>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "wzp/proto/inspect.hpp"

using namespace wzp;
using namespace wzp::proto;

TEST_CASE("a kind is known by its word", "[proto]") {
  CHECK(inspect_kind("trunk") == InspectKind::Trunk);
  CHECK(inspect_kind("signal") == InspectKind::Signal);
  CHECK_FALSE(inspect_kind("Signal"));
  CHECK_FALSE(inspect_kind("identity"));  // needs cryptography; the program adds it
}

TEST_CASE("each kind has its object", "[proto]") {
  const auto [word, line, expected] = GENERATE(table<std::string, std::string, std::string>({
      {"signal", R"( { "Ping" : {"x":1, "timestamp_ms" : 5} } )", R"({"Ping":{"timestamp_ms":5}})"},
      {"signal", "hex:22486f6c6422", "\"Hold\""},
      {"header", "02a83039000f120607030000",
       R"({"codec":"Opus24k","codec_id":0,"csrc_count":0,"fec_block":7,"fec_ratio_encoded":42,"fec_symbol":3,)"
       R"("has_quality_report":true,"is_repair":false,"reserved":0,"seq":12345,"timestamp":987654,"version":0})"},
      {"report", "194B0a64",
       R"({"bitrate_cap_kbps":100,"jitter_ms":10,"loss_pct":25,"loss_percent":9.803921699523926,"rtt_4ms":75,"rtt_ms":300})"},
      {"mini", "001400a0", R"({"payload_len":160,"timestamp_delta_ms":20})"},
      {"trunk", "0000", R"({"entries":[]})"},
      {"trunk", "000100010001ff", R"({"entries":[{"payload_hex":"ff","session_id":"0001"}]})"},
      {"federation", "0102030405060708000000000000000000000000",
       R"({"packet_hex":"000000000000000000000000","room_hash":"0102030405060708"})"},
      {"sni", "General", R"({"class":"dns","room_seen_by_relay":"general"})"},
      {"sni", "::1", R"({"class":"ip","room_seen_by_relay":"default"})"},
      {"sni", "", R"({"class":"invalid","room_seen_by_relay":null})"},
      {"sni", "a b", R"({"class":"invalid","room_seen_by_relay":null})"},
  }));
  Inspector inspector{inspect_kind(word).value()};
  CHECK(inspector.answer(line) == expected);
  CHECK(inspector.answer(line + "\r") == expected);
}

TEST_CASE("a bad line is answered with its reason and stops nothing", "[proto]") {
  const auto [word, line, expected] = GENERATE(table<std::string, std::string, std::string>({
      {"header", "", "error: empty"},
      {"packet", "", "error: empty"},
      {"report", "", "error: empty"},
      {"mini", "", "error: empty"},
      {"trunk", "\r", "error: empty"},
      {"federation", "", "error: empty"},
      {"signal", "", "error: empty"},
      {"header", "0g", "error: not hex"},
      {"header", "00", "error: TooShort: media header"},
      {"header", "00000000000000000000000000", "error: TooLong: header"},
      {"report", "0102030405", "error: TooLong: quality report"},
      {"mini", "00", "error: TooShort: mini header"},
      {"mini", "0100140000", "error: WrongState: no full frame"},
      {"signal", "hex:2", "error: not hex"},
      {"signal", R"({"Ping":{"timestamp_ms":-1}})", "error: BadValue: Ping.timestamp_ms"},
      {"signal", R"("Newer")", "error: UnknownSignal: Newer"},
  }));
  Inspector inspector{inspect_kind(word).value()};
  CHECK(inspector.answer(line) == expected);
  CHECK_FALSE(inspector.inspect(line));
}

TEST_CASE("mini frames are understood with the lines before them", "[proto]") {
  Inspector inspector{InspectKind::Mini};
  CHECK(inspector.answer("000028fffa0000000000000000000000").find("\"seq\":65530") != std::string::npos);
  CHECK(inspector.answer("nonsense") == "error: not hex");
  const auto mini = inspector.answer("0100140003010101");
  CHECK(mini.starts_with("{\"header\":{\"codec\":\"Opus24k\""));
  CHECK(mini.find("\"seq\":65531,\"timestamp\":20") != std::string::npos);
}
