#include "wzp/proto/trunk_frame.hpp"

#include <algorithm>
#include <limits>

namespace wzp::proto {
namespace {

constexpr std::size_t kEntryHead = 4;
constexpr std::size_t kMax16 = std::numeric_limits<std::uint16_t>::max();

void append_be16(Bytes& out, std::size_t value) {
  ByteArray<2> bytes{};
  store_be16(bytes.data(), static_cast<std::uint16_t>(value));
  append(out, bytes);
}

}  // namespace

Result<std::vector<TrunkEntry>> parse_trunk(ByteView frame) {
  if (frame.size() < 2) return Unexpected{Errc::TooShort, "trunk count"};
  const std::size_t count = load_be16(frame.data());
  ByteView rest = frame.subspan(2);
  std::vector<TrunkEntry> entries;
  entries.reserve(std::min(count, rest.size() / kEntryHead));
  for (std::size_t i = 0; i < count; ++i) {
    if (rest.size() < kEntryHead) return Unexpected{Errc::TooShort, "trunk entry"};
    const std::size_t length = load_be16(rest.data() + 2);
    if (rest.size() - kEntryHead < length) return Unexpected{Errc::TooShort, "trunk packet"};
    entries.push_back({{rest[0], rest[1]}, rest.subspan(kEntryHead, length)});
    rest = rest.subspan(kEntryHead + length);
  }
  return entries;
}

Result<Bytes> encode_trunk(const std::vector<TrunkEntry>& entries) {
  if (entries.size() > kMax16) return Unexpected{Errc::TooLong, "trunk entries"};
  Bytes out;
  append_be16(out, entries.size());
  for (const auto& entry : entries) {
    if (entry.packet.size() > kMax16) return Unexpected{Errc::TooLong, "trunk packet"};
    append(out, entry.session);
    append_be16(out, entry.packet.size());
    append(out, entry.packet);
  }
  return out;
}

}  // namespace wzp::proto
