#include "wzp/crypto/sealing.hpp"

#include <algorithm>
#include <map>
#include <random>
#include <type_traits>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "sealing_probe.hpp"

using namespace wzp;
using namespace wzp::crypto;
using namespace wzp::test;

static_assert(!std::is_copy_constructible_v<Sealer> && !std::is_copy_assignable_v<Sealer>);

TEST_CASE("packets are sealed and opened as the vectors say", "[crypto][golden]") {
  for (const auto& v : vectors("ours.jsonl", "sealed_packet", 17)) {
    INFO(v.name());
    const auto chain = v.secret("chain_0");
    const std::uint64_t number = v.number("packet_number");
    const Bytes packet = v.bytes("packet");
    Opener opener = SealingProbe::opener(chain, number);
    const auto opened = open(opener, packet);
    REQUIRE(opened.has_value() == v.flag("opens"));
    if (!opened) continue;
    CHECK(hex(*opened) == v.text("plaintext"));

    Sealer sealer = SealingProbe::sealer(chain, number);
    Bytes made(packet.size());
    const auto header = v.array<12>("header");
    const auto sealed = sealer.seal(header, v.bytes("plaintext"), v.bytes("trailer"), made);
    REQUIRE(sealed);
    CHECK(*sealed == Sealer::Sealed{number, packet.size()});
    CHECK(hex(made) == v.text("packet"));
  }
}

TEST_CASE("packet numbers start at zero, go up by one and fill the sequence field", "[crypto]") {
  Sealer sealer{filled(1)};
  for (std::uint64_t number = 0; number < 70000; ++number) {
    REQUIRE(sealer.next_packet_number() == number);
    ByteArray<28> packet;
    const auto sealed = sealer.seal(a_header(), {}, {}, packet);
    REQUIRE(sealed);
    REQUIRE(sealed->packet_number == number);
    REQUIRE(load_be16(packet.data() + 2) == number % 65536);
  }
}

TEST_CASE("a call opens from its first packet through several epochs and both wraps", "[crypto]") {
  Sealer sealer{filled(1)};
  Opener opener{filled(1)};
  for (std::uint64_t number = 0; number < 3 * 65536 + 10; ++number) {
    ByteArray<36> packet, plain;
    REQUIRE(sealer.seal(a_header(), numbered(number), {}, packet));
    const auto opened = opener.open(packet, plain);
    REQUIRE(opened);
    REQUIRE(opened->packet_number == number);
    REQUIRE(load_be64(plain.data()) == number);
  }
  CHECK(opener.counters() == OpenCounters{.opened = 3 * 65536 + 10});
}

TEST_CASE("header and report come through readable and unchanged", "[crypto]") {
  Sealer sealer{filled(1)};
  Opener opener{filled(1)};
  const Bytes report = {1, 2, 3, 4};
  const Bytes packet = seal(sealer, bytes_of("frame"), report);
  REQUIRE(packet.size() == 12 + 5 + 16 + 4);
  CHECK(ByteView{packet}.subspan(4, 8)[0] == a_header()[4]);
  CHECK(hex(ByteView{packet}.last(4)) == "01020304");
  Bytes out(5);
  const auto opened = opener.open(packet, out);
  REQUIRE(opened);
  CHECK(opened->report.data() == packet.data() + packet.size() - 4);
  CHECK(opened->report.size() == 4);
  CHECK(text_of(out) == "frame");
}

TEST_CASE("what relays would change, or cannot read, is not sealed and uses up no number", "[crypto]") {
  Sealer sealer{filled(1)};
  Header header = a_header();
  Bytes out(100), report;
  Errc expected = Errc::BadValue;
  SECTION("version") { header[0] |= 0x80; }
  SECTION("unused bit") { header[1] |= GENERATE(std::uint8_t{1}, std::uint8_t{2}); }
  SECTION("reserved byte") { header[10] = 1; }
  SECTION("source count") { header[11] = 1; }
  SECTION("codec 9") { header[0] = 9 << 2; }
  SECTION("report without its bit") { report.resize(4); }
  SECTION("bit without report") { header[0] |= 2; }
  SECTION("report of another length") {
    header[0] |= 2;
    report.resize(3);
  }
  SECTION("no room") {
    out.resize(12 + 1 + 16 - 1);
    expected = Errc::TooLong;
  }
  const Bytes payload(1);
  const auto sealed = sealer.seal(header, payload, report, out);
  REQUIRE_FALSE(sealed);
  CHECK(sealed.error().code == expected);
  CHECK(sealer.next_packet_number() == 0);
}

TEST_CASE("the numbers of a call end at 2^32", "[crypto]") {
  Sealer sealer = SealingProbe::sealer_in_epoch(filled(1), kPacketNumbers - 2);
  Opener opener = SealingProbe::opener_in_epoch(filled(1), kPacketNumbers - 2);
  CHECK(open(opener, seal(sealer, bytes_of("a"))));
  CHECK(open(opener, seal(sealer, bytes_of("b"))));
  ByteArray<64> out;
  for (int i = 0; i < 3; ++i) {
    const auto refused = sealer.seal(a_header(), {}, {}, out);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::Exhausted);
  }
  SECTION("and no packet beyond is believed") {
    Sealer beyond = SealingProbe::sealer_in_epoch(next_chain(filled(1)), 0);  // what pn 2^32 would be sealed under
    const auto refused = open(opener, seal(beyond, bytes_of("c")));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::BadProof);
  }
}

TEST_CASE("the two directions and any two numbers never share a key stream", "[crypto][D-02]") {
  const Bytes zeros(64, 0);  // sealed zeros are the key stream
  const auto stream = [&](Sealer& sealer) {
    const Bytes packet = seal(sealer, zeros);
    return hex(ByteView{packet}.subspan(12, 64));
  };
  std::map<std::string, int> streams;
  Sealer caller{filled(1)}, callee{filled(2)};
  for (int i = 0; i < 1000; ++i) {
    ++streams[stream(caller)];
    ++streams[stream(callee)];
  }
  for (const std::uint64_t first : {16380ULL, 65530ULL, 81915ULL}) {  // epochs and wraps of the sequence
    Sealer later = SealingProbe::sealer(filled(1), first);
    for (int i = 0; i < 10; ++i) ++streams[stream(later)];
  }
  CHECK(streams.size() == 2030);
}

TEST_CASE("nothing of the payload is visible in a packet", "[crypto][D-01]") {
  Sealer sealer{filled(1)};
  const std::string tone = "0123456789abcdef0123456789abcdef";
  for (int i = 0; i < 100; ++i) {
    const Bytes packet = seal(sealer, bytes_of(tone));
    CHECK(text_of(packet).find(tone.substr(0, 4)) == std::string_view::npos);
  }
}

TEST_CASE("lost, reordered and doubled packets: all others open, exactly once", "[crypto][D-02]") {
  const auto seed = GENERATE(1U, 2U, 3U, 4U, 5U);
  // Around an epoch and a wrap of the sequence, and at the very beginning.
  const std::uint64_t first = GENERATE(0ULL, 16384ULL - 900, 65536ULL - 900);
  INFO("seed " << seed << ", first " << first);
  std::mt19937 random{seed};
  Sealer sealer = SealingProbe::sealer(filled(1), first);
  Opener opener = SealingProbe::opener(filled(1), first);

  struct InFlight {
    double arrival;
    Bytes packet;
  };
  std::vector<InFlight> network;
  std::map<std::uint64_t, int> heard;
  std::uint64_t lost = 0, doubled = 0;
  for (unsigned i = 0; i < 2000; ++i) {
    const Bytes packet = seal(sealer, numbered(first + i));
    if (random() % 100 == 0 && i != 0) {
      ++lost;
      heard[first + i] = -1;
      continue;
    }
    const auto arrive = [&] { network.push_back({i + static_cast<double>(random() % 500), packet}); };
    arrive();
    if (random() % 3 == 0) {  // the second path
      ++doubled;
      arrive();
    }
  }
  std::stable_sort(network.begin(), network.end(), [](const auto& a, const auto& b) { return a.arrival < b.arrival; });
  for (const auto& [arrival, packet] : network) {
    const auto payload = open(opener, packet);
    if (payload) ++heard[load_be64(payload->data())];
  }
  REQUIRE(heard.size() == 2000);
  for (const auto& [number, times] : heard) {
    INFO("packet " << number);
    REQUIRE((times == 1 || times == -1));
  }
  CHECK(opener.counters() == OpenCounters{.opened = 2000 - lost, .replayed = doubled});
}

TEST_CASE("gaps up to 32 767 packets are bridged, over one or two epochs", "[crypto]") {
  const std::uint64_t start = GENERATE(0ULL, 100ULL, 16383ULL, 16384ULL, 32767ULL, 65535ULL, 1000000ULL);
  const std::uint64_t gap = GENERATE(0ULL, 1023ULL, 16383ULL, 16384ULL, 20000ULL, 32766ULL, 32767ULL);
  INFO("start " << start << ", gap " << gap);
  Opener opener = SealingProbe::opener(filled(1), start);
  Sealer later = SealingProbe::sealer(filled(1), start + gap);
  const Bytes ahead = seal(later, numbered(start + gap));
  REQUIRE(open(opener, ahead));
  CHECK(opener.expected() == start + gap + 1);

  SECTION("what the window still reaches behind the gap opens too, and no more") {
    for (const std::uint64_t behind : {1ULL, 500ULL, 1023ULL, 1024ULL, 1500ULL}) {
      if (behind > gap) continue;
      Sealer earlier = SealingProbe::sealer(filled(1), start + gap - behind);
      INFO("behind " << behind);
      const auto opened = open(opener, seal(earlier, numbered(1)));
      REQUIRE(opened.has_value() == (behind < 1024));
      if (!opened) CHECK(opened.error().code == Errc::TooOld);
    }
  }
  SECTION("and the call goes on from there") {
    for (int i = 0; i < 20; ++i) REQUIRE(open(opener, seal(later, numbered(0))));
  }
}

TEST_CASE("packets of the epoch before open late, while the window reaches them", "[crypto]") {
  Sealer old_epoch = SealingProbe::sealer(filled(1), 16000), new_epoch = SealingProbe::sealer(filled(1), 16384);
  Opener opener = SealingProbe::opener(filled(1), 16000);
  std::vector<Bytes> late;
  for (int i = 0; i < 384; ++i) late.push_back(seal(old_epoch, numbered(0)));
  for (std::uint64_t i = 0; i < 800; ++i) REQUIRE(open(opener, seal(new_epoch, numbered(0))));
  for (std::size_t i = 0; i < late.size(); ++i) {
    INFO(i);
    const bool in_window = 16384 + 799 - (16000 + i) < 1024;
    const auto opened = open(opener, late[i]);
    REQUIRE(opened.has_value() == in_window);
  }
}

TEST_CASE("sealing and opening survive being moved", "[crypto]") {
  Sealer first{filled(1)};
  Opener opener{filled(1)};
  REQUIRE(open(opener, seal(first, bytes_of("a"))));
  Sealer second = std::move(first);
  Opener moved = std::move(opener);
  CHECK(second.next_packet_number() == 1);
  CHECK(open(moved, seal(second, bytes_of("b"))));
  CHECK(moved.counters().opened == 2);
}
