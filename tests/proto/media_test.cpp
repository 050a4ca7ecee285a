#include <array>
#include <limits>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "wzp/base/hex.hpp"
#include "wzp/proto/federation_datagram.hpp"
#include "wzp/proto/media_header.hpp"
#include "wzp/proto/mini_frame.hpp"
#include "wzp/proto/trunk_frame.hpp"

using namespace wzp;
using namespace wzp::proto;

namespace {

Bytes hex(std::string_view text) { return from_hex(text).value(); }

MediaHeader header(std::uint16_t seq, std::uint32_t timestamp) {
  MediaHeader h;
  h.seq = seq;
  h.timestamp = timestamp;
  return h;
}

}  // namespace

TEST_CASE("every first two bytes either give a header that writes them again or are refused", "[proto]") {
  Bytes bytes(12, 0);
  unsigned refused = 0;
  for (unsigned first = 0; first < 65'536; ++first) {
    store_be16(bytes.data(), static_cast<std::uint16_t>(first));
    const auto parsed = parse_header(bytes);
    REQUIRE(parsed.has_value() == can_start_packet(bytes[0]));
    if (!parsed) {
      ++refused;
      continue;
    }
    ByteArray<12> out{};
    write(*parsed, out);
    REQUIRE(load_be16(out.data()) == (first & 0xFFFC));  // the two unused bits are sent as zero
  }
  CHECK(refused == 65'536 / 16 * 7);
}

TEST_CASE("our markers can start no media packet", "[proto]") {
  for (const unsigned byte : {0xFCU, 0xFDU, 0xFEU, 0xFFU})
    CHECK_FALSE(can_start_packet(static_cast<std::uint8_t>(byte)));
  CHECK_FALSE(can_start_packet(kDirectProbe));
  CHECK_FALSE(can_start_packet(kTrunkMarker));
  CHECK(can_start_packet(0x00));
  CHECK(can_start_packet(0xE3));
}

TEST_CASE("a packet is refused for exactly three reasons", "[proto]") {
  const auto [text, code] = GENERATE(table<std::string, Errc>({
      {"", Errc::TooShort},
      {"0000000000000000000000", Errc::TooShort},
      {"240000000000000000000000", Errc::BadValue},
      {"3c0000000000000000000000", Errc::BadValue},
      {"020000000000000000000000", Errc::TooShort},
      {"020000000000000000000000010203", Errc::TooShort},
  }));
  const auto packet = parse_packet(hex(text));
  REQUIRE_FALSE(packet);
  CHECK(packet.error().code == code);
}

TEST_CASE("with a report and nothing else the payload is empty", "[proto]") {
  const auto packet = parse_packet(hex("02000000000000000000000001020304"));
  REQUIRE(packet);
  CHECK(packet->payload.empty());
  CHECK(packet->report == QualityReport{1, 2, 3, 4});
}

TEST_CASE("writing keeps the flag and the trailer together", "[proto]") {
  const Bytes payload{7, 8};
  std::array<std::uint8_t, 18> out{};
  auto h = header(1, 2);
  SECTION("a report without the flag") {
    CHECK(write_packet({h, payload, QualityReport{1, 2, 3, 4}}, out).value() == 18);
    CHECK(parse_packet(out).value().report == QualityReport{1, 2, 3, 4});
  }
  SECTION("the flag without a report") {
    h.has_quality_report = true;
    CHECK(write_packet({h, payload, std::nullopt}, out).value() == 14);
    CHECK_FALSE(parse_packet(ByteView{out}.first(14)).value().report);
  }
  SECTION("no room") {
    CHECK(write_packet({h, payload, QualityReport{}}, std::span{out}.first(17)).error().code == Errc::TooLong);
  }
}

TEST_CASE("the ratio saturates at both ends", "[proto]") {
  constexpr auto kInfinity = std::numeric_limits<float>::infinity();
  const auto [ratio, encoded] = GENERATE_COPY(table<float, int>({{-1.0F, 0},
                                                                 {0.0F, 0},
                                                                 {0.1F, 6},
                                                                 {0.5F, 32},
                                                                 {2.0F, 127},
                                                                 {99.0F, 127},
                                                                 {kInfinity, 127},
                                                                 {-kInfinity, 0},
                                                                 {std::numeric_limits<float>::quiet_NaN(), 0}}));
  CHECK(encode_fec_ratio(ratio) == encoded);
}

TEST_CASE("measurements saturate and nonsense counts as none", "[proto]") {
  CHECK(quality_report_from(-5.0F, 0, 0).loss_pct == 0);
  CHECK(quality_report_from(std::numeric_limits<float>::quiet_NaN(), 0, 0).loss_pct == 0);
  CHECK(quality_report_from(1e30F, 4'000'000'000U, 4'000'000'000U) == QualityReport{255, 255, 255, 200});
  CHECK_FALSE(parse_quality_report(hex("010203")));
  CHECK_FALSE(parse_quality_report(hex("0102030405")));
}

TEST_CASE("a compact stream falls back to full frames where a mini frame cannot say it", "[proto]") {
  CompactEncoder encoder;
  const Bytes payload{1};
  CHECK(encoder.encode({header(10, 100), payload, {}})[0] == 0x00);
  SECTION("the next packet is mini") {
    CHECK(to_hex(encoder.encode({header(11, 120), payload, {}})) == "010014000101");
  }
  SECTION("a gap") { CHECK(encoder.encode({header(12, 120), payload, {}})[0] == 0x00); }
  SECTION("a jump of time") { CHECK(encoder.encode({header(11, 70'000), payload, {}})[0] == 0x00); }
  SECTION("time runs backwards") { CHECK(encoder.encode({header(11, 99), payload, {}})[0] == 0x00); }
  SECTION("a report") { CHECK(encoder.encode({header(11, 120), payload, QualityReport{}})[0] == 0x00); }
  SECTION("another codec") {
    auto h = header(11, 120);
    h.codec = CodecId::Opus6k;
    CHECK(encoder.encode({h, payload, {}})[0] == 0x00);
  }
  SECTION("wrapping numbers are no gap") {
    CHECK(encoder.encode({header(65'535, 0xFFFFFFFF), payload, {}})[0] == 0x00);
    CHECK(to_hex(encoder.encode({header(0, 19), payload, {}})) == "010014000101");
  }
}

TEST_CASE("a refused compact frame changes nothing", "[proto]") {
  CompactDecoder decoder;
  CHECK(decoder.decode(hex("0100140000")).error().code == Errc::WrongState);
  REQUIRE(decoder.decode(hex("00000000010000000000000000")));
  const auto [text, code] = GENERATE(table<std::string, Errc>({
      {"", Errc::TooShort},
      {"01", Errc::TooShort},
      {"01001400", Errc::TooShort},
      {"010014000201", Errc::TooShort},
      {"0200140000", Errc::BadValue},
      {"0000", Errc::TooShort},
  }));
  CHECK(decoder.decode(hex(text)).error().code == code);
  const auto frame = hex("010014000101ffff");  // bytes after the payload are ignored
  const auto next = decoder.decode(frame);
  REQUIRE(next);
  CHECK(next->header == header(2, 20));
  CHECK(to_hex(next->payload) == "01");
}

TEST_CASE("a truncated trunk frame is refused whole", "[proto]") {
  const std::string text = "00030001000568656c6c6f00020006776f726c64210100000178";
  for (std::size_t length = 0; length < text.size() / 2; ++length) {
    const auto bytes = hex(text);
    CHECK_FALSE(parse_trunk(ByteView{bytes}.first(length)));
  }
  CHECK(parse_trunk(hex(text + "aabb")).value().size() == 3);
  CHECK_FALSE(parse_trunk(hex("ffff0000000000")));
}

TEST_CASE("a trunk frame that does not fit its numbers is not written", "[proto]") {
  const Bytes big(65'536, 0);
  CHECK(encode_trunk({{{}, big}}).error().code == Errc::TooLong);
  CHECK(encode_trunk(std::vector<TrunkEntry>(65'536)).error().code == Errc::TooLong);
  CHECK(encode_trunk({{{1, 2}, ByteView{big}.first(65'535)}}));
}

TEST_CASE("a federation datagram holds a valid media packet", "[proto]") {
  const std::string tag = "0102030405060708";
  CHECK(parse_federation_datagram(hex(tag + "000000000000000000000000")));
  CHECK(parse_federation_datagram(hex(tag + "0000000000000000000000")).error().code == Errc::TooShort);
  CHECK(parse_federation_datagram(hex(tag + "3c0000000000000000000000")).error().code == Errc::BadValue);
  CHECK(parse_federation_datagram(hex(tag + "020000000000000000000000")).error().code == Errc::TooShort);
  CHECK(parse_federation_datagram({}).error().code == Errc::TooShort);
  std::array<std::uint8_t, 19> small{};
  CHECK(write_federation_datagram({}, Bytes(12, 0), small).error().code == Errc::TooLong);
}
