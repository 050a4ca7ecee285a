#include "continuity.hpp"

#include <algorithm>

namespace wzp::media {
namespace {

constexpr int kSmallLeap = 4;
constexpr int kDisorderedStart = 8;
/// No packet lasts less than 20 ms; half of it leaves room for bursts.
constexpr Duration kLeastPerPacket = std::chrono::milliseconds{10};

int distance(std::uint16_t from, std::uint16_t to) {
  return static_cast<std::int16_t>(static_cast<std::uint16_t>(to - from));
}

/// FNV-1a. A sender can only fool it about its own packets.
std::uint32_t checksum(const proto::MediaHeader& header, ByteView payload) {
  std::uint32_t h = 2166136261U ^ header.timestamp;
  for (const auto byte : payload) h = (h ^ byte) * 16777619U;
  return h | 1U;
}

}  // namespace

std::optional<int> Continuity::fits(const proto::MediaHeader& header, ByteView payload, Instant now) const {
  if (!last_) return kWindow;
  const int ahead = distance(newest_, header.seq);
  if (ahead <= 0) return fits_behind(-ahead, header, payload);
  if (ahead > kWindow || static_cast<std::int32_t>(header.timestamp - timestamp_) < 0) return std::nullopt;
  if (ahead > kSmallLeap && (header.codec != codec_ || now - *last_ < ahead * kLeastPerPacket)) return std::nullopt;
  return ahead - 1;
}

std::optional<int> Continuity::fits_behind(int distance, const proto::MediaHeader& header, ByteView payload) const {
  if (distance >= kWindow) return std::nullopt;
  const Seen& there = slot(header.seq);
  if (there.content != 0 && there.sequence == header.seq) {
    if (there.content == checksum(header, payload)) return 0;
    return std::nullopt;
  }
  if (header.codec != codec_ || static_cast<std::int32_t>(header.timestamp - timestamp_) > 0) return std::nullopt;
  const bool missing = distance < span_;
  const bool before_the_first = span_ < kWindow && distance < span_ + kDisorderedStart;
  if (!missing && !before_the_first) return std::nullopt;
  return distance;
}

void Continuity::take(const proto::MediaHeader& header, ByteView payload, Instant now) {
  const int ahead = last_ ? distance(newest_, header.seq) : 1;
  if (!last_ || ahead > kWindow || ahead <= -kWindow) {  // a new line of numbers
    seen_ = {};
    span_ = 1;
    newest_ = header.seq;
    timestamp_ = header.timestamp;
    codec_ = header.codec;
  } else if (ahead > 0) {
    span_ = std::min(kWindow, span_ + ahead);
    newest_ = header.seq;
    timestamp_ = header.timestamp;
    codec_ = header.codec;
  } else {
    span_ = std::max(span_, 1 - ahead);
  }
  last_ = now;
  seen_[header.seq % seen_.size()] = {header.seq, checksum(header, payload)};
}

}  // namespace wzp::media
