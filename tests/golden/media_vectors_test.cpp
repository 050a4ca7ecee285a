#include <map>
#include <set>
#include <string>

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>
#include <catch2/catch_test_macros.hpp>

#include "vectors.hpp"
#include "wzp/base/hex.hpp"
#include "wzp/proto/federation_datagram.hpp"
#include "wzp/proto/inspect.hpp"
#include "wzp/proto/media_header.hpp"
#include "wzp/proto/mini_frame.hpp"
#include "wzp/proto/server_name.hpp"
#include "wzp/proto/signal_json.hpp"
#include "wzp/proto/trunk_frame.hpp"

using namespace wzp;
using namespace wzp::proto;
using test::text;

namespace {

std::string json_of(const rapidjson::Value& value) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer{buffer};
  value.Accept(writer);
  return buffer.GetString();
}

/// What the inspector says of the hex, read back as a value.
rapidjson::Document inspected(InspectKind kind, const std::string& hex) {
  Inspector inspector{kind};
  rapidjson::Document document;
  document.Parse(inspector.answer(hex).c_str());
  return document;
}

MediaHeader header_from(const rapidjson::Value& f) {
  MediaHeader h;
  h.version = static_cast<std::uint8_t>(f["version"].GetUint());
  h.is_repair = f["is_repair"].GetBool();
  h.codec = enum_value<CodecId>(text(f, "codec")).value();
  h.has_quality_report = f["has_quality_report"].GetBool();
  h.fec_ratio_encoded = static_cast<std::uint8_t>(f["fec_ratio_encoded"].GetUint());
  h.seq = static_cast<std::uint16_t>(f["seq"].GetUint());
  h.timestamp = f["timestamp"].GetUint();
  h.fec_block = static_cast<std::uint8_t>(f["fec_block"].GetUint());
  h.fec_symbol = static_cast<std::uint8_t>(f["fec_symbol"].GetUint());
  h.reserved = static_cast<std::uint8_t>(f["reserved"].GetUint());
  h.csrc_count = static_cast<std::uint8_t>(f["csrc_count"].GetUint());
  return h;
}

std::string written(const MediaPacketView& packet) {
  Bytes out(packet_size(packet));
  REQUIRE(write_packet(packet, out).value() == out.size());
  return to_hex(out);
}

void check_header(const rapidjson::Value& f, const std::string& hex) {
  const auto header = parse_header(from_hex(hex).value());
  REQUIRE(header);
  CHECK(*header == header_from(f));
  CHECK(f["codec_id"].GetUint() == static_cast<unsigned>(header->codec));
  ByteArray<MediaHeader::kSize> out{};
  write(*header, out);
  CHECK(to_hex(out) == hex);
  CHECK(inspected(InspectKind::Header, hex) == f);
}

void check_ratio(const rapidjson::Value& f, const std::string& hex) {
  const auto encoded = encode_fec_ratio(static_cast<float>(f["ratio"].GetDouble()));
  CHECK(encoded == f["encoded"].GetUint());
  CHECK(to_hex(ByteArray<1>{encoded}) == hex);
  CHECK(double{decode_fec_ratio(encoded)} == f["decoded"].GetDouble());
}

void check_report(const rapidjson::Value& f, const std::string& hex) {
  const auto report = parse_quality_report(from_hex(hex).value());
  REQUIRE(report);
  CHECK(report->loss_pct == f["loss_pct"].GetUint());
  CHECK(report->rtt_ms() == f["rtt_ms"].GetUint());
  CHECK(double{report->loss_percent()} == f["loss_percent"].GetDouble());
  ByteArray<QualityReport::kSize> out{};
  write(*report, out);
  CHECK(to_hex(out) == hex);
  CHECK(inspected(InspectKind::Report, hex) == f);
}

void check_measured(const rapidjson::Value& f, const std::string& hex) {
  const auto report = quality_report_from(static_cast<float>(f["loss_pct_in"].GetDouble()), f["rtt_ms_in"].GetUint(),
                                          f["jitter_ms_in"].GetUint());
  ByteArray<QualityReport::kSize> out{};
  write(report, out);
  CHECK(to_hex(out) == hex);
}

void check_packet(const rapidjson::Value& f, const std::string& hex) {
  const auto bytes = from_hex(hex).value();
  const auto packet = parse_packet(bytes);
  REQUIRE(packet);
  CHECK(packet->header == header_from(f["header"]));
  CHECK(to_hex(packet->payload) == text(f, "payload_hex"));
  CHECK(written(*packet) == hex);
  CHECK(inspected(InspectKind::Packet, hex) == f);
}

void check_tolerated(const rapidjson::Value& f, const std::string& hex) {
  const auto bytes = from_hex(hex).value();
  const auto packet = parse_packet(bytes);
  REQUIRE(packet);
  CHECK(packet->header == header_from(f["header"]));
  CHECK(to_hex(packet->payload) == text(f, "payload_hex"));
}

void check_quirk(const rapidjson::Value& f, const std::string& hex) {
  const auto bytes = from_hex(hex).value();
  const auto packet = parse_packet(bytes);
  REQUIRE(packet);
  CHECK(to_hex(packet->payload) == text(f, "decoded_payload_hex"));
  CHECK(packet->report.has_value() == f["decoded_report"].GetBool());
}

void check_reject(const rapidjson::Value& f, const std::string& hex) {
  CHECK_FALSE(f["decodes"].GetBool());
  CHECK_FALSE(parse_packet(from_hex(hex).value()));
  CHECK(Inspector{InspectKind::Packet}.answer(hex).starts_with("error: "));
}

void check_mini(const rapidjson::Value& f, const std::string& hex) {
  const auto mini = parse_mini_header(from_hex(hex).value());
  REQUIRE(mini);
  ByteArray<MiniHeader::kSize> out{};
  write(*mini, out);
  CHECK(to_hex(out) == hex);
  CHECK(inspected(InspectKind::Mini, hex) == f);
}

/// 52 frames of 20 ms; the vector shows some, the rule of wire.md 8 makes the others.
void check_compact_sequence(const rapidjson::Value& f, const std::string&) {
  std::map<unsigned, const rapidjson::Value*> shown;
  for (const auto& frame : f["frames"].GetArray()) shown[frame["i"].GetUint()] = &frame;
  REQUIRE(shown.size() == 6);
  CompactEncoder encoder;
  CompactDecoder decoder;
  Inspector inspector{InspectKind::Mini};
  const auto first = header_from((*shown[0])["header"]);
  for (unsigned i = 0; i < 52; ++i) {
    INFO("frame " << i);
    auto header = first;
    header.seq = static_cast<std::uint16_t>(first.seq + i);
    header.timestamp = first.timestamp + 20 * i;
    const Bytes payload(3, static_cast<std::uint8_t>(i));
    const auto wire = encoder.encode({header, payload, std::nullopt});
    const auto decoded = decoder.decode(wire);
    REQUIRE(decoded);
    CHECK(decoded->header == header);
    CHECK(to_hex(decoded->payload) == to_hex(payload));
    const auto answer = inspector.answer(to_hex(wire));
    if (!shown.contains(i)) continue;
    const auto& frame = *shown[i];
    CHECK(to_hex(wire) == text(frame, "wire"));
    CHECK(header == header_from(frame["header"]));
    rapidjson::Document said;
    said.Parse(answer.c_str());
    CHECK(json_of(said["header"]) == json_of(frame["header"]));
  }
}

void check_compact_full(const rapidjson::Value& f, const std::string& hex) {
  const auto bytes = from_hex(hex).value();
  CompactDecoder decoder;
  const auto packet = decoder.decode(bytes);
  REQUIRE(packet);
  CHECK(packet->header == header_from(f["header"]));
  CHECK(packet->report.has_value());
  CHECK(to_hex(CompactEncoder{}.encode(*packet)) == hex);
  CHECK(inspected(InspectKind::Mini, hex) == f);
}

void check_trunk(const rapidjson::Value& f, const std::string& hex) {
  const auto bytes = from_hex(hex).value();
  const auto entries = parse_trunk(bytes);
  REQUIRE(entries);
  CHECK(to_hex(encode_trunk(*entries).value()) == hex);
  const auto said = inspected(InspectKind::Trunk, hex);
  REQUIRE(said.IsObject());
  CHECK(said["entries"] == f["entries"]);
  if (test::has(f, "misread_as_media_packet")) {
    CHECK(parse_packet(bytes).value().header == header_from(f["misread_as_media_packet"]));
  }
}

void check_federation(const rapidjson::Value& f, const std::string& hex) {
  const auto bytes = from_hex(hex).value();
  const auto view = parse_federation_datagram(bytes);
  REQUIRE(view);
  Bytes out(bytes.size());
  REQUIRE(write_federation_datagram(view->room_tag, view->packet, out).value() == out.size());
  CHECK(out == bytes);
  const auto said = inspected(InspectKind::Federation, hex);
  REQUIRE(said.IsObject());
  CHECK(said.MemberCount() == 2);  // all of the vector's fields but `room`
  CHECK(said["packet_hex"] == f["packet_hex"]);
  CHECK(said["room_hash"] == f["room_hash"]);
}

using Check = void (*)(const rapidjson::Value&, const std::string&);
const std::map<std::string, Check> kChecks{
    {"MediaHeader", check_header},
    {"FecRatio", check_ratio},
    {"QualityReport", check_report},
    {"QualityReportFromStats", check_measured},
    {"MediaPacket", check_packet},
    {"MediaPacketReject", check_reject},
    {"MediaPacketTolerate", check_tolerated},
    {"MediaPacketQuirk", check_quirk},
    {"MiniHeader", check_mini},
    {"CompactSequence", check_compact_sequence},
    {"CompactFull", check_compact_full},
    {"TrunkFrame", check_trunk},
    {"FederationDatagram", check_federation},
};

/// RaptorQ (RFC 6330) is not part of this library: these three lines wait for the media library's FEC.
const std::set<std::string> kElsewhere{"FecBlock", "FecRecovery"};

}  // namespace

TEST_CASE("every media format is reproduced byte for byte", "[golden][proto]") {
  const auto lines = test::vectors("media.jsonl");
  REQUIRE(lines.size() == 53);
  std::size_t checked = 0;
  for (const auto& line : lines) {
    const auto kind = text(line, "kind");
    INFO(text(line, "name"));
    if (kElsewhere.contains(kind)) continue;
    REQUIRE(kChecks.contains(kind));
    kChecks.at(kind)(line["fields"], text(line, "hex"));
    ++checked;
  }
  CHECK(checked == 50);
}

TEST_CASE("server names are judged as by the deployed TLS library", "[golden][proto]") {
  const auto lines = test::vectors("sni.jsonl");
  REQUIRE(lines.size() == 36);
  Inspector inspector{InspectKind::Sni};
  for (const auto& line : lines) {
    const auto input = text(line, "input");
    INFO(text(line, "name"));
    const auto kind = classify(input);
    CHECK((kind != NameClass::Invalid) == line["client_can_connect"].GetBool());
    rapidjson::Document said;
    said.Parse(inspector.answer(input).c_str());
    REQUIRE(said.IsObject());
    CHECK(said["class"] == line["class"]);
    CHECK(said["room_seen_by_relay"] == line["room_seen_by_relay"]);
    if (kind != NameClass::Invalid) CHECK(canonical_server_name(input).value() == text(line, "room_seen_by_relay"));
  }
}

TEST_CASE("the inspector gives the canonical text of every signal", "[golden][proto]") {
  Inspector inspector{InspectKind::Signal};
  for (const auto& line : test::vectors("signals.jsonl")) {
    if (test::has(line, "not_a_signal")) continue;
    const auto json = text(line, "json");
    CHECK(inspector.answer(json) == json);
    CHECK(inspector.answer("hex:" + to_hex(bytes_of(json))) == json);
  }
}
