#include <algorithm>

#include "wzp/crypto/hash.hpp"
#include "wzp/relay/media_duplicates.hpp"

namespace wzp::relay {
namespace {

/// Source: our choice, 16 kB; rooms without reference relays never need it.
constexpr std::size_t kFirstPlaces = 1024;

/// Every bit of the result depends on every bit of the input.
constexpr std::uint64_t mix(std::uint64_t x) noexcept {
  x = (x ^ (x >> 33)) * 0xff51afd7ed558ccdULL;
  x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53ULL;
  return x ^ (x >> 33);
}

}  // namespace

// --- by sequence number

std::size_t SourceWindows::Hash::operator()(const Key& key) const noexcept {
  const std::uint64_t source = (std::uint64_t{load_be32(key.source.relay.data())} << 16) | key.source.stream;
  return static_cast<std::size_t>(mix(mix(load_be64(key.room.data()) ^ seed) + source));
}

bool SourceWindows::insert(const proto::RoomTag& room, const proto::SourceId& source, std::uint16_t seq, Instant now) {
  const Key key{room, source};
  if (const auto found = index_.find(key); found != index_.end()) {
    auto& entry = *found->second;
    order_.splice(order_.begin(), order_, found->second);
    const bool was_forgotten = now - entry.heard >= config_.forgotten_after;
    entry.heard = now;
    if (!was_forgotten) return is_new(entry, seq);
    entry = {.key = key, .newest = seq, .restart = 0, .may_restart = false, .heard = now, .seen = {}};
    entry.seen.set(seq % kWidth);
    return true;
  }
  if (index_.size() >= config_.max_sources) {
    index_.erase(order_.back().key);
    order_.pop_back();
  }
  order_.push_front({.key = key, .newest = seq, .restart = 0, .may_restart = false, .heard = now, .seen = {}});
  order_.front().seen.set(seq % kWidth);
  index_.emplace(key, order_.begin());
  return true;
}

bool SourceWindows::is_new(Entry& entry, std::uint16_t seq) {
  const auto ahead = static_cast<std::int16_t>(static_cast<std::uint16_t>(seq - entry.newest));
  if (ahead <= -static_cast<int>(kWidth)) {
    const bool again = entry.may_restart && seq == entry.restart;
    entry.may_restart = !again;
    entry.restart = static_cast<std::uint16_t>(seq + 1);
    if (!again) return false;
    entry.seen.reset();
    entry.newest = seq;
  } else if (ahead > 0) {
    // The places of the numbers that were skipped still hold those of a window ago.
    if (static_cast<std::size_t>(ahead) >= kWidth) entry.seen.reset();
    const auto skipped = std::min(static_cast<std::size_t>(ahead), kWidth);
    for (std::size_t i = 1; i < skipped; ++i) entry.seen.reset((entry.newest + i) % kWidth);
    entry.newest = seq;
  } else if (entry.seen.test(seq % kWidth)) {
    return false;
  }
  if (ahead > -static_cast<int>(kWidth)) entry.may_restart = false;
  entry.seen.set(seq % kWidth);
  return true;
}

void SourceWindows::forget(const proto::RoomTag& room) {
  for (auto entry = order_.begin(); entry != order_.end();) {
    if (entry->key.room == room) {
      index_.erase(entry->key);
      entry = order_.erase(entry);
    } else {
      ++entry;
    }
  }
}

void SourceWindows::expire(Instant now) {
  while (!order_.empty() && now - order_.back().heard >= config_.forgotten_after) {
    index_.erase(order_.back().key);
    order_.pop_back();
  }
}

// --- by content

void SeenContents::Generation::clear() {
  if (used > 0) std::ranges::fill(places, Key{});
  used = 0;
}

bool SeenContents::insert(const proto::RoomTag& room, ByteView packet, Instant now) {
  expire(now);
  const auto digest = crypto::hmac_sha256(config_.key, {room, packet});
  Key key{load_be64(digest.data()), load_be64(digest.data() + 8)};
  if (key == Key{}) key[1] = 1;
  if (has(current_, key)) return false;
  const bool is_new = !has(previous_, key);
  add(key);  // a second time if it was in the other: what goes in circles is never forgotten
  return is_new;
}

void SeenContents::expire(Instant now) {
  if (began_ != Instant::min() && now - began_ < config_.generation) return;
  std::swap(current_, previous_);
  current_.clear();
  if (began_ == Instant::min() || now - began_ >= 2 * config_.generation) previous_.clear();
  began_ = now;
}

std::size_t SeenContents::place_of(const Generation& generation, const Key& key) {
  const std::size_t mask = generation.places.size() - 1;
  auto place = static_cast<std::size_t>(key[0]) & mask;
  for (++probes_; generation.places[place] != Key{} && generation.places[place] != key; ++probes_) {
    place = (place + 1) & mask;
  }
  return place;
}

bool SeenContents::has(const Generation& generation, const Key& key) {
  return generation.used > 0 && generation.places[place_of(generation, key)] == key;
}

void SeenContents::add(const Key& key) {
  if (current_.used >= config_.max_keys) {
    std::swap(current_, previous_);
    current_.clear();
  }
  if (2 * (current_.used + 1) > current_.places.size()) grow();
  current_.places[place_of(current_, key)] = key;
  ++current_.used;
}

void SeenContents::grow() {
  auto old = std::move(current_.places);
  current_.places.assign(std::max(2 * old.size(), kFirstPlaces), Key{});
  for (const auto& key : old) {
    if (key != Key{}) current_.places[place_of(current_, key)] = key;
  }
}

}  // namespace wzp::relay
