#include <catch2/catch_test_macros.hpp>

#include "wzp/proto/media_tag.hpp"

namespace wzp::proto {
namespace {

Bytes media_packet(std::uint8_t fill = 1) {
  Bytes packet(MediaHeader::kSize + 5, fill);
  write(MediaHeader{.seq = 7}, std::span<std::uint8_t, MediaHeader::kSize>{packet.data(), MediaHeader::kSize});
  return packet;
}

const MediaTag kTag{.room = {1, 2, 3, 4, 5, 6, 7, 8}, .source = {{0xA1, 0xB2, 0xC3, 0xD4}, 0x1234}, .hops = 2, .flags = 1};

Bytes tagged(const MediaTag& tag, ByteView packet) {
  Bytes out(MediaTag::kSize);
  write(tag, std::span<std::uint8_t, MediaTag::kSize>{out.data(), MediaTag::kSize});
  append(out, packet);
  return out;
}

}  // namespace

TEST_CASE("a media tag has the bytes that the protocol page says", "[proto][golden]") {
  CHECK(tagged(kTag, {}) == Bytes{1, 2, 3, 4, 5, 6, 7, 8, 0xA1, 0xB2, 0xC3, 0xD4, 0x12, 0x34, 2, 1});
}

TEST_CASE("a tagged packet is read back, and its packet is left as it is", "[proto]") {
  const auto datagram = tagged(kTag, media_packet());
  const auto read = parse_tagged(datagram);
  REQUIRE(read);
  CHECK(read->tag == kTag);
  CHECK(Bytes{read->packet.begin(), read->packet.end()} == media_packet());
}

TEST_CASE("a tagged packet that is cut short or holds no media is refused", "[proto]") {
  const auto datagram = tagged(kTag, media_packet());
  for (std::size_t size = 0; size < MediaTag::kSize + MediaHeader::kSize; ++size) {
    CHECK(parse_tagged(ByteView{datagram}.first(size)).error().code == Errc::TooShort);
  }
  auto bad = datagram;
  bad[MediaTag::kSize] = 0xFC;  // codec 15
  CHECK(parse_tagged(bad).error().code == Errc::BadValue);
}

TEST_CASE("a source is named by 12 hex digits", "[proto]") {
  CHECK(to_string(kTag.source) == "a1b2c3d41234");
  CHECK(SourceId::parse("A1B2c3d41234") == kTag.source);
  CHECK_FALSE(SourceId::parse("a1b2c3d4123"));
  CHECK_FALSE(SourceId::parse("a1b2c3d4123x"));
  RelayFingerprint relay;
  relay.bytes.fill(9);
  CHECK(SourceId::of(relay, 5) == SourceId{{9, 9, 9, 9}, 5});
}

TEST_CASE("a trunk frame toward a member is read entry by entry", "[proto]") {
  Bytes frame{kTrunkMarker};
  for (std::uint8_t i = 1; i <= 3; ++i) {
    const auto packet = media_packet(i);
    ByteArray<kMemberEntryHead> head{};
    write_member_head({{1, 2, 3, 4}, i}, packet.size(), head);
    append(frame, head);
    append(frame, packet);
  }
  REQUIRE_FALSE(can_start_packet(frame.front()));
  SECTION("whole") {
    ByteView rest = ByteView{frame}.subspan(1);
    for (std::uint8_t i = 1; i <= 3; ++i) {
      const auto entry = take_member_entry(rest);
      REQUIRE(entry);
      CHECK(entry->source == SourceId{{1, 2, 3, 4}, i});
      CHECK(Bytes{entry->packet.begin(), entry->packet.end()} == media_packet(i));
    }
    CHECK(rest.empty());
  }
  SECTION("cut anywhere, what came before stands") {
    const std::size_t entry_size = (frame.size() - 1) / 3;
    for (std::size_t size = 1; size < frame.size(); ++size) {
      ByteView rest = ByteView{frame}.first(size).subspan(1);
      std::size_t read = 0;
      while (!rest.empty()) {
        if (!take_member_entry(rest)) break;
        ++read;
      }
      CHECK(read == (size - 1) / entry_size);
    }
  }
}

TEST_CASE("a trunk frame between relays is read entry by entry", "[proto]") {
  Bytes frame;
  for (std::uint8_t i = 1; i <= 2; ++i) {
    const auto datagram = tagged(kTag, media_packet(i));
    frame.push_back(0);
    frame.push_back(static_cast<std::uint8_t>(datagram.size()));
    append(frame, datagram);
  }
  ByteView rest = frame;
  for (std::uint8_t i = 1; i <= 2; ++i) {
    const auto entry = take_link_entry(rest);
    REQUIRE(entry);
    CHECK(parse_tagged(*entry)->packet[MediaHeader::kSize] == i);
  }
  CHECK(rest.empty());
  const Bytes cut{0, 200, 1};
  rest = cut;
  CHECK(take_link_entry(rest).error().code == Errc::TooShort);
  rest = ByteView{cut}.first(1);
  CHECK(take_link_entry(rest).error().code == Errc::TooShort);
}

}  // namespace wzp::proto
