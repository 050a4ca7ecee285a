// What a hostile relay or network can do to sealed packets: nothing but lose them.

#include <random>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "sealing_probe.hpp"

using namespace wzp;
using namespace wzp::crypto;
using namespace wzp::test;

namespace {

std::uint64_t dropped(const OpenCounters& c) { return c.malformed + c.old + c.replayed + c.auth; }

}  // namespace

TEST_CASE("a packet with any bit flipped does not open and changes nothing", "[crypto][D-01]") {
  const std::uint64_t first = GENERATE(0ULL, 40ULL, 16384ULL);
  const bool with_report = GENERATE(false, true);
  INFO("first " << first << ", report " << with_report);
  Sealer sealer = SealingProbe::sealer(filled(1), first);
  Opener opener = SealingProbe::opener(filled(1), first);
  const Bytes packet = seal(sealer, bytes_of("some frame of speech"), with_report ? Bytes{1, 2, 3, 4} : Bytes{});
  for (std::size_t bit = 0; bit < packet.size() * 8; ++bit) {
    Bytes bad = packet;
    bad[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    INFO("bit " << bit);
    REQUIRE_FALSE(open(opener, bad));
    REQUIRE(opener.expected() == first);
  }
  CHECK(opener.counters().opened == 0);
  CHECK(dropped(opener.counters()) == packet.size() * 8);
  CHECK(open(opener, packet));
}

TEST_CASE("a packet cut or made longer anywhere does not open", "[crypto]") {
  const bool with_report = GENERATE(false, true);
  Sealer sealer{filled(1)};
  Opener opener{filled(1)};
  const Bytes packet = seal(sealer, bytes_of("frame"), with_report ? Bytes{1, 2, 3, 4} : Bytes{});
  for (std::size_t size = 0; size < packet.size(); ++size) {
    INFO("size " << size);
    const auto result = open(opener, ByteView{packet}.first(size));
    REQUIRE_FALSE(result);
    const std::size_t least = with_report ? 32 : 28;
    CHECK(result.error().code == (size < least ? Errc::TooShort : Errc::BadProof));
  }
  Bytes longer = packet;
  longer.push_back(0);
  CHECK_FALSE(open(opener, longer));
  CHECK(opener.counters().malformed == (with_report ? 32 : 28));
  CHECK(open(opener, packet));
}

TEST_CASE("forged sequence numbers change nothing, however far ahead", "[crypto]") {
  const std::uint64_t first = GENERATE(0ULL, 5ULL, 16383ULL, 65535ULL, 100000ULL);
  INFO("first " << first);
  Sealer sealer = SealingProbe::sealer(filled(1), first);
  Opener opener = SealingProbe::opener(filled(1), first);
  std::mt19937 random{7};
  std::uint64_t forged = 0;
  for (std::uint32_t seq = 0; seq < 65536; seq += 97, ++forged) {
    Bytes packet(12 + 16 + random() % 60);
    for (auto& b : packet) b = static_cast<std::uint8_t>(random());
    packet[0] = 0;
    store_be16(packet.data() + 2, static_cast<std::uint16_t>(seq));
    REQUIRE_FALSE(open(opener, packet));
  }
  CHECK(opener.expected() == first);
  CHECK(opener.counters().opened == 0);
  CHECK(dropped(opener.counters()) == forged);
  for (int i = 0; i < 10; ++i) REQUIRE(open(opener, seal(sealer, numbered(0))));
}

TEST_CASE("an unsealed packet in a sealed call is dropped", "[crypto][D-01]") {
  Opener opener{filled(1)};
  Bytes plain(12 + 160, 0x55);
  const Header header = a_header();
  std::copy(header.begin(), header.end(), plain.begin());
  const auto result = open(opener, plain);
  REQUIRE_FALSE(result);
  CHECK(result.error().code == Errc::BadProof);
  CHECK(opener.counters() == OpenCounters{.auth = 1});
}

TEST_CASE("packets cannot be moved between calls, directions or places", "[crypto][D-02]") {
  Sealer caller{filled(1)}, callee{filled(2)};
  Opener at_callee{filled(1)};
  SECTION("reflected or of another call") { CHECK_FALSE(open(at_callee, seal(callee, bytes_of("frame")))); }
  SECTION("to another place") {
    Bytes packet = seal(caller, bytes_of("frame"));
    store_be16(packet.data() + 2, 1);
    CHECK_FALSE(open(at_callee, packet));
  }
  SECTION("a whole turn of the sequence later") {
    const Bytes packet = seal(caller, bytes_of("frame"));
    Opener later = SealingProbe::opener(filled(1), 65536);
    CHECK_FALSE(open(later, packet));
    CHECK(later.counters() == OpenCounters{.auth = 1});
  }
}

TEST_CASE("a replayed packet is dropped and counted, at once and for ever", "[crypto]") {
  Sealer sealer{filled(1)};
  Opener opener{filled(1)};
  const Bytes first = seal(sealer, bytes_of("frame"));
  REQUIRE(open(opener, first));
  CHECK(open(opener, first).error().code == Errc::Replayed);
  for (int i = 0; i < 1023; ++i) REQUIRE(open(opener, seal(sealer, {})));
  CHECK(open(opener, first).error().code == Errc::Replayed);
  REQUIRE(open(opener, seal(sealer, {})));
  CHECK(open(opener, first).error().code == Errc::TooOld);
  CHECK(opener.counters() == OpenCounters{.opened = 1025, .old = 1, .replayed = 2});
}

TEST_CASE("codecs that no packet has are dropped before anything else", "[crypto]") {
  const auto codec = GENERATE(std::uint8_t{9}, std::uint8_t{12}, std::uint8_t{15});
  Opener opener{filled(1)};
  Bytes packet(40, 0);
  packet[0] = static_cast<std::uint8_t>(codec << 2);
  CHECK(open(opener, packet).error().code == Errc::BadValue);
  CHECK(opener.counters() == OpenCounters{.malformed = 1});
}

TEST_CASE("too little room for the payload is the caller's mistake and loses nothing", "[crypto]") {
  Sealer sealer{filled(1)};
  Opener opener{filled(1)};
  const Bytes packet = seal(sealer, bytes_of("frame"));
  ByteArray<4> small;
  CHECK(opener.open(packet, small).error().code == Errc::TooLong);
  CHECK(opener.counters() == OpenCounters{});
  CHECK(open(opener, packet));
}

TEST_CASE("an empty payload opens into no buffer at all", "[crypto]") {
  Sealer sealer{filled(1)};
  Opener opener{filled(1)};
  const auto opened = opener.open(seal(sealer, {}), {});
  REQUIRE(opened);
  CHECK(opened->size == 0);
}
