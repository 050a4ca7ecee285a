#include <map>
#include <set>
#include <string>
#include <string_view>

#include <catch2/catch_test_macros.hpp>

#include "vectors.hpp"
#include "wzp/base/hex.hpp"
#include "wzp/proto/direct_message.hpp"
#include "wzp/proto/frame.hpp"
#include "wzp/proto/signal_json.hpp"

using namespace wzp;
using namespace wzp::proto;
using test::text;

TEST_CASE("every signal that the deployed programs emit is reproduced byte for byte", "[golden][proto]") {
  const auto lines = test::vectors("signals.jsonl");
  REQUIRE(lines.size() == 74);
  std::size_t signals = 0;
  std::set<std::string_view> tags;
  for (const auto& line : lines) {
    const auto json = text(line, "json");
    INFO(text(line, "name"));
    CHECK(json.size() == line["json_bytes"].GetUint());
    const auto message = decode(json);
    if (test::has(line, "not_a_signal")) {  // the envelope of a chat message (wire.md 2.6), never on QUIC
      CHECK_FALSE(message);
      continue;
    }
    REQUIRE(message);
    CHECK(encode(*message) == json);
    tags.insert(tag(*message));
    const auto frame = encode_frame(json);
    CHECK(to_hex(ByteView{frame}.first(4)) == text(line, "frame_prefix_hex"));
    CHECK(text_of(ByteView{frame}.subspan(4)) == json);
    ++signals;
  }
  CHECK(signals == 72);
  // Our own, at the end of the list (route_signals.hpp), are never sent to deployed programs.
  constexpr std::size_t kOurs = 8;
  CHECK(tags.size() == std::variant_size_v<SignalVariant> - kOurs);
}

namespace {

/// Lines of decode.jsonl that we judge otherwise than the deployed programs, with the reason (wire.md 2.2 and 8).
const std::map<std::string_view, std::string_view> kStricter{
    {"decode.struct_as_array_positional", "fields by position: nobody writes it, and it would tie order to meaning"},
    {"decode.codec_as_map_null", "an enumerator as a map: nobody writes it"},
    {"decode.fec_ratio_huge", "infinite in single precision; re-encoded it would be null, which nobody can decode"},
    {"decode.forward_nested_63", "we limit nesting to 16"},
    {"decode.unknown_field_nested_125", "we limit nesting to 16"},
    {"decode.unknown_field_nested_126", "we limit nesting to 16"},
    {"decode.unknown_field_nested_128", "we limit nesting to 16"},
    {"decode.invalid_utf8_in_ignored_value", "the whole text must be UTF-8"},
};

std::string input_of(const rapidjson::Value& line) {
  if (!test::has(line, "json_hex")) return text(line, "json");
  return std::string{text_of(from_hex(text(line, "json_hex")).value())};
}

}  // namespace

TEST_CASE("the decoder agrees with the deployed one, except where it is stricter on purpose", "[golden][proto]") {
  const auto lines = test::vectors("decode.jsonl");
  REQUIRE(lines.size() == 63);
  std::size_t exceptions = 0;
  for (const auto& line : lines) {
    const auto name = text(line, "name");
    INFO(name);
    const auto message = decode(input_of(line));
    if (kStricter.contains(name)) {
      CHECK(line["accepts"].GetBool());  // otherwise it is no exception
      CHECK_FALSE(message);
      ++exceptions;
    } else if (line["accepts"].GetBool()) {
      REQUIRE(message);
      CHECK(encode(*message) == text(line, "reencoded"));
    } else {
      CHECK_FALSE(message);
    }
  }
  CHECK(exceptions == kStricter.size());
}

TEST_CASE("an unknown variant is told apart from a malformed message", "[golden][proto][H-01]") {
  for (const auto& line : test::vectors("decode.jsonl")) {
    const auto reason = text(line, "error");
    // "unknown variant" is also what the deployed decoder says of nested enumerators; those are no unknown messages.
    const bool nested_enum = reason.find("Opus128k") != reason.npos || reason.find("expected one of") != reason.npos;
    const bool unknown = reason.starts_with("unknown variant") && !nested_enum;
    const auto message = decode(input_of(line));
    INFO(text(line, "name"));
    CHECK((!message && message.error().code == Errc::UnknownSignal) == unknown);
  }
}

TEST_CASE("our own additions to the signals are reproduced byte for byte", "[golden][proto]") {
  std::size_t signals = 0;
  std::size_t direct = 0;
  for (const auto& line : test::vectors("ours.jsonl")) {
    if (text(line, "kind") != "json") continue;
    const auto json = text(line, "json");
    INFO(text(line, "name"));
    if (text(line, "where") == "signal") {
      const auto message = decode(json);
      REQUIRE(message);
      CHECK(encode(*message) == json);
      ++signals;
    } else {
      const auto message = decode_direct(json);
      REQUIRE(message);
      CHECK(encode_direct(*message) == json);
      CHECK(decode(json).error().code == Errc::UnknownSignal);  // never a signal
      ++direct;
    }
  }
  CHECK(signals == 4);
  CHECK(direct == 2);
}
