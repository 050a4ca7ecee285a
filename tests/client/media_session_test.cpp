#include "wzp/client/media_session.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <map>
#include <random>
#include <set>

#include "people.hpp"

using namespace wzp;
using namespace wzp::client;
using namespace wzp::test;

namespace {

crypto::CallKeys keys() {
  crypto::CallKeys k;
  k.chain_caller = secret("chain caller");
  k.chain_callee = secret("chain callee");
  k.direct_key = secret("direct");
  return k;
}

MediaStart start(crypto::CallRole role, bool sealed) {
  return {call_id("1"), role, sealed ? std::optional{keys()} : std::nullopt};
}

struct Two {
  explicit Two(bool sealed) : a{start(crypto::CallRole::Caller, sealed)}, b{start(crypto::CallRole::Callee, sealed)} {
    a.set_paths({{conn(1)}, {conn(1)}});
    b.set_paths({{conn(1)}, {conn(1), conn(2)}});
  }
  MediaSession a;
  MediaSession b;
};

Bytes packet(MediaSession& s, std::uint32_t number) {
  ByteArray<40> payload{};
  store_be32(payload.data(), number);
  Bytes out(MediaSession::kMaxDatagram);
  const auto made = s.send({proto::CodecId::Opus24k, number * 20, payload}, out);
  REQUIRE(made);
  out.resize(made->size);
  return out;
}

Result<MediaSession::Received> give(MediaSession& s, const Bytes& datagram, ConnectionId from = conn(1)) {
  static Bytes plain(MediaSession::kMaxDatagram);
  return s.receive(from, datagram, plain);
}

}  // namespace

TEST_CASE("a frame comes out as it went in", "[client]") {
  Two two{GENERATE(true, false)};
  const auto datagram = packet(two.a, 7);
  const auto received = give(two.b, datagram);
  REQUIRE(received);
  CHECK(received->header.timestamp == 140);
  CHECK(received->header.codec == proto::CodecId::Opus24k);
  CHECK(received->payload.size() == 40);
  CHECK(load_be32(received->payload.data()) == 7);
  CHECK(two.a.counters().sent == 1);
  CHECK(two.b.counters().received == 1);
}

TEST_CASE("a sealed packet shows nothing of its payload and an unsealed one all of it", "[client][D-01]") {
  const bool sealed = GENERATE(true, false);
  Two two{sealed};
  const auto datagram = packet(two.a, 0x5a5a5a5a);
  const Bytes needle{0x5a, 0x5a, 0x5a, 0x5a};
  const auto found = std::search(datagram.begin(), datagram.end(), needle.begin(), needle.end());
  CHECK((found == datagram.end()) == sealed);
  CHECK(datagram.size() == 12U + 40U + (sealed ? 16U : 0U));
}

TEST_CASE("both directions are sealed differently", "[client][D-02]") {
  Two two{true};
  const auto from_a = packet(two.a, 1);
  const auto from_b = packet(two.b, 1);
  CHECK(from_a != from_b);
  CHECK(give(two.a, from_a).error().code == Errc::BadProof);  // reflected
}

TEST_CASE("what is not for this call is dropped and counted by its reason", "[client][D-49][V-16]") {
  Two two{true};
  const auto good = packet(two.a, 1);
  CHECK(give(two.b, good, conn(9)).error().code == Errc::NotAllowed);
  CHECK(give(two.b, {0xFC}).error().code == Errc::Unsupported);
  CHECK(give(two.b, {0xFF, 1, 2}).error().code == Errc::Unsupported);
  CHECK(give(two.b, {}).error().code == Errc::TooShort);
  CHECK(give(two.b, Bytes(20)).error().code == Errc::TooShort);
  auto flipped = good;
  flipped[20] ^= 1;
  CHECK(give(two.b, flipped).error().code == Errc::BadProof);
  CHECK(give(two.b, good));
  CHECK(give(two.b, good, conn(2)).error().code == Errc::Replayed);
  const auto& c = two.b.counters();
  CHECK(c.stranger == 1);
  CHECK(c.probe == 2);
  CHECK(c.malformed == 2);
  CHECK(c.auth == 1);
  CHECK(c.duplicate == 1);
  CHECK(c.received == 1);
}

TEST_CASE("a plain packet does not get into a sealed call, nor a sealed one into a plain call", "[client][D-01]") {
  Two sealed{true};
  Two plain{false};
  CHECK(give(sealed.b, packet(plain.a, 1)).error().code == Errc::BadProof);
  const auto heard = give(plain.b, packet(sealed.a, 1));
  REQUIRE(heard);  // nothing tells noise from speech there; the sizes differ by the tag
  CHECK(heard->payload.size() == 56);
}

TEST_CASE("sending is bounded and says where to", "[client]") {
  Two two{GENERATE(true, false)};
  Bytes out(MediaSession::kMaxDatagram);
  const Bytes longest(MediaSession::kMaxPayload);
  const Bytes too_long(MediaSession::kMaxPayload + 1);
  CHECK(two.a.send({proto::CodecId::Opus24k, 0, too_long}, out).error().code == Errc::TooLong);
  const auto made = two.a.send({proto::CodecId::Opus24k, 0, longest}, out);
  REQUIRE(made);
  CHECK(made->packet_number == 0);
  CHECK(made->paths.size() == 1);
  Bytes small(50);
  CHECK(two.a.send({proto::CodecId::Opus24k, 0, longest}, small).error().code == Errc::TooLong);
  two.a.set_paths({{conn(1), conn(2)}, {}});
  CHECK(two.a.send({proto::CodecId::Opus24k, 0, {}}, out)->paths.size() == 2);
  two.a.set_paths({});
  CHECK(two.a.send({proto::CodecId::Opus24k, 0, {}}, out)->paths.empty());
  CHECK(two.a.counters().no_path == 1);
}

TEST_CASE("over two paths with loss and reordering every frame is heard at most once", "[client][D-02]") {
  const bool sealed = GENERATE(true, false);
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    INFO("seed " << seed);
    std::mt19937 random{seed};
    Two two{sealed};
    std::multimap<std::uint32_t, std::pair<Bytes, ConnectionId>> in_flight;  // by time of arrival
    std::map<std::uint32_t, int> heard;
    std::set<std::uint64_t> numbers;
    std::set<std::uint32_t> survivors;
    for (std::uint32_t i = 0; i < 2000; ++i) {
      const auto datagram = packet(two.a, i);
      for (const auto path : {conn(1), conn(2)}) {
        if (random() % 10 < 3) continue;
        in_flight.emplace(i * 20 + random() % 400, std::pair{datagram, path});
        survivors.insert(i);
      }
    }
    for (const auto& [when, arrival] : in_flight) {
      const auto received = give(two.b, arrival.first, arrival.second);
      if (!received) continue;
      ++heard[load_be32(received->payload.data())];
      REQUIRE(numbers.insert(received->packet_number).second);
    }
    REQUIRE(heard.size() == survivors.size());
    REQUIRE(std::all_of(heard.begin(), heard.end(), [](const auto& h) { return h.second == 1; }));
    const auto& c = two.b.counters();
    REQUIRE(c.received == survivors.size());
    REQUIRE(c.received + c.duplicate == in_flight.size());
    REQUIRE(c.lost == *survivors.rbegin() - *survivors.begin() + 1 - survivors.size());
  }
}

TEST_CASE("numbers go on when the sequence turns over", "[client]") {
  Two two{GENERATE(true, false)};
  std::optional<std::uint64_t> last;
  for (std::uint32_t i = 0; i < 70'000; ++i) {
    const auto datagram = packet(two.a, i);
    if (i % 7 == 3) continue;
    const auto received = give(two.b, datagram);
    REQUIRE(received);
    if (last) REQUIRE(received->packet_number - *last == (i % 7 == 4 ? 2 : 1));
    last = received->packet_number;
  }
  CHECK(two.b.counters().lost == 10'000);
}

TEST_CASE("an unsealed sender that begins anew loses at most 200 ms", "[client][D-59]") {
  const std::uint32_t back = GENERATE(1U, 50U, 100U, 101U, 1000U, 30'000U);
  const std::uint32_t played = 31'000;
  MediaSession first{start(crypto::CallRole::Caller, false)};
  MediaSession listener{start(crypto::CallRole::Callee, false)};
  listener.set_paths({{}, {conn(1)}});
  std::uint64_t highest = 0;
  for (std::uint32_t i = 0; i < played; ++i) highest = give(listener, packet(first, i))->packet_number;
  MediaSession second{start(crypto::CallRole::Caller, false)};
  for (std::uint32_t i = 0; i < played - back; ++i) (void)packet(second, i);
  std::uint32_t unheard = 0;
  for (std::uint32_t i = 0; i < 100; ++i) {
    const auto received = give(listener, packet(second, i));
    if (!received) {
      ++unheard;
    } else {
      REQUIRE(received->packet_number > highest);  // never a number twice
      highest = received->packet_number;
    }
  }
  CHECK(unheard <= 10);
  CHECK(listener.counters().lost == 0);
}
