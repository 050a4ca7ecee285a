#include "wzp/federation/user_directory.hpp"

#include <algorithm>
#include <utility>

#include "user_entries.hpp"
#include "wzp/base/hex.hpp"

// Our own users, the neighbours, and what is sent. What is heard: user_directory_hear.cpp.

namespace wzp::federation {

namespace {

/// More is the same.
constexpr unsigned kFarAway = UserDirectory::kMaxDistance + 1;

}  // namespace

GossipActions UserDirectory::announce(const Fingerprint& person, Instant now) {
  GossipActions out;
  change(person, true, now, out);
  return out;
}

GossipActions UserDirectory::withdraw(const Fingerprint& person, Instant now) {
  GossipActions out;
  change(person, false, now, out);
  return out;
}

void UserDirectory::change(const Fingerprint& person, bool add, Instant now, GossipActions& out) {
  const auto entry = blind(config_.salt, person);
  if (here_.contains(entry) == add) {
    changes_.erase(entry);
  } else if (add && here_.size() + changes_.size() >= config_.max_entries) {
    out.push_back(not_taken("too-many-users"));
  } else {
    changes_[entry] = add;
  }
  say_if_due(now, out);
}

void UserDirectory::say_if_due(Instant now, GossipActions& out) {
  if (changes_.empty() && !renew_) return;
  const bool alone = mesh_.all().empty();
  if (!alone && last_delta_ && now < *last_delta_ + config_.delta_interval) return;
  last_delta_ = now;
  if (alone || !renew_) return say_delta(out);
  renew_ = false;
  ++stamp_.seq;
  for (const auto& relay : mesh_.all()) send_own(relay, out);
}

void UserDirectory::say_delta(GossipActions& out) {
  renew_ = false;  // nobody is there to tell, or nothing to renew
  if (changes_.empty()) return;
  ++stamp_.seq;
  proto::UserState delta{to_string(config_.own), stamp_.epoch, stamp_.seq, 1, to_hex(config_.salt)};
  const auto neighbours = mesh_.all();
  for (std::size_t n = 0; !changes_.empty() && (neighbours.empty() || n < kMaxPart); ++n) {
    const auto [entry, add] = *changes_.begin();
    changes_.erase(changes_.begin());
    if (add) {
      here_.insert(entry);
    } else {
      here_.erase(entry);
    }
    digest_ ^= entry;
    if (!neighbours.empty()) append_entry(add ? delta.add : delta.remove, entry);
  }
  for (const auto& relay : neighbours) out.push_back(SendTo{relay, delta});
}

void UserDirectory::hear_own(const Stamp& stamp, bool same_content, Instant now, GossipActions& out) {
  if (stamp < stamp_ || (stamp == stamp_ && same_content)) return;
  stamp_ = {stamp.epoch + 1, 0};
  renew_ = true;
  say_if_due(now, out);
}

GossipActions UserDirectory::link_up(const RelayFingerprint& relay, bool delegate, const RelayMap& map, Instant now) {
  GossipActions out;
  if (relay == config_.own) return out;
  if (mesh_.has(relay)) out = link_down(relay, map, now);
  say_if_due(now, out);
  mesh_.link_up(relay, delegate);
  review(map, now, out);
  if (!last_digest_) last_digest_ = now;
  send_own(relay, out);
  if (!delegate) return out;
  for (const auto& [origin, held] : known_) send_digest(relay, origin, out);
  return out;
}

GossipActions UserDirectory::link_down(const RelayFingerprint& relay, const RelayMap& map, Instant now) {
  GossipActions out;
  if (!mesh_.has(relay)) return out;
  mesh_.link_down(relay);
  served_.erase(relay);
  for (auto& [origin, held] : known_) {
    const bool was_coming = held.coming && held.coming->from == relay;
    if (was_coming) held.coming.reset();
    if (!was_coming && held.ask != relay) continue;
    // Somebody else may have it: first of all the next one on the way to its origin.
    held.ask = map.next_hop(origin);
    if (held.ask && !mesh_.has(*held.ask)) held.ask.reset();
    held.tries = 0;
    ask_if_due(origin, held, now, out);
  }
  review(map, now, out);
  return out;
}

GossipActions UserDirectory::map_changed(const RelayMap& map, Instant now) {
  GossipActions out;
  review(map, now, out);
  return out;
}

void UserDirectory::review(const RelayMap& map, Instant now, GossipActions& out) {
  const auto lost = mesh_.review(map);
  for (auto& [origin, held] : known_) {
    const auto distance = mesh_.distance(origin);
    if (!distance) {
      if (!held.cut_since) {
        held.cut_since = now;
        held.doubtful = true;
      }
      continue;
    }
    // Those behind us may not have been told, because it was too far from them, or at all.
    const bool nearer = std::exchange(held.cut_since, {}) || *distance < held.hops;
    held.hops = static_cast<std::uint8_t>(std::min(*distance, kFarAway));
    if (!nearer) continue;
    for (const auto& relay : mesh_.targets(origin, origin)) send_digest(relay, origin, out);
  }
  for (const auto& [neighbour, origin] : lost) {
    if (mesh_.reaches(origin)) send_digest(neighbour, origin, out);
  }
}

std::optional<Instant> UserDirectory::end_of(const Origin& origin) const {
  const auto cut = origin.cut_since ? std::optional{*origin.cut_since + config_.expiry} : std::nullopt;
  return earliest(origin.expires, cut);
}

GossipActions UserDirectory::tick(Instant now) {
  GossipActions out;
  std::erase_if(known_, [&](const auto& item) { return now >= *end_of(item.second); });
  for (auto& [origin, held] : known_) {
    if (held.coming && now >= held.coming->heard + kPartPatience) held.coming.reset();
    ask_if_due(origin, held, now, out);
  }
  say_if_due(now, out);
  if (last_digest_ && now >= *last_digest_ + config_.refresh) {
    last_digest_ = now;
    for (const auto& relay : mesh_.all()) send_digest(relay, config_.own, out);
  }
  return out;
}

std::optional<Instant> UserDirectory::deadline() const {
  std::optional<Instant> due;
  const bool alone = mesh_.all().empty();
  if (!alone && last_delta_ && (renew_ || !changes_.empty())) due = *last_delta_ + config_.delta_interval;
  if (!alone && last_digest_) due = earliest(due, *last_digest_ + config_.refresh);
  for (const auto& [origin, held] : known_) {
    due = earliest(due, end_of(held));
    if (held.coming) due = earliest(due, held.coming->heard + kPartPatience);
    if (held.ask && !held.coming && held.asked) due = earliest(due, *held.asked + config_.request_interval);
  }
  return due;
}

GossipActions UserDirectory::handle(const RelayFingerprint& from, const proto::UserRequest& request, Instant now) {
  if (!mesh_.has(from)) return {not_taken("unknown-neighbour")};
  const auto about = canonical_relay(request.origin_relay_fp);
  if (!about) return {Dropped{"bad-fingerprint"}};
  if (*about != config_.own) {
    if (!mesh_.is_delegate(from)) return {not_taken("not-a-delegate")};
    const auto held = known_.find(*about);
    const bool can =
        held != known_.end() && held->second.whole && held->second.passed && held->second.hops < kMaxDistance;
    if (!can) return {not_taken("nothing-to-send")};
  }
  auto& last = served_[from];
  std::erase_if(last, [&](const auto& item) { return now >= item.second + config_.request_interval / 2; });
  if (!last.try_emplace(*about, now).second) return {Dropped{"request-too-soon"}};
  GossipActions out;
  send_snapshot(from, *about, out);
  return out;
}

void UserDirectory::send_own(const RelayFingerprint& to, GossipActions& out) const {
  if (here_.size() <= kMaxPart) return send_snapshot(to, config_.own, out);
  send_digest(to, config_.own, out);
}

void UserDirectory::send_snapshot(const RelayFingerprint& to, const RelayFingerprint& about, GossipActions& out) const {
  const bool own = about == config_.own;
  const auto entries = own ? Entries(here_.begin(), here_.end()) : known_.at(about).entries;
  const auto stamp = own ? stamp_ : known_.at(about).stamp;
  proto::UserState state{to_string(about), stamp.epoch, stamp.seq, 1,
                         own ? to_hex(config_.salt) : known_.at(about).salt};
  if (!own) state.hops = static_cast<std::uint8_t>(known_.at(about).hops + 1);
  state.parts = static_cast<std::uint32_t>(std::max<std::size_t>(1, (entries.size() + kMaxPart - 1) / kMaxPart));
  for (; state.part < state.parts; ++state.part) {
    auto part = state;
    const auto begin = std::size_t{state.part} * kMaxPart;
    const auto end = std::min(begin + kMaxPart, entries.size());
    part.add.reserve((end - begin) * 16);
    for (auto i = begin; i < end; ++i) append_entry(part.add, entries[i]);
    out.push_back(SendTo{to, std::move(part)});
  }
}

void UserDirectory::send_digest(const RelayFingerprint& to, const RelayFingerprint& about, GossipActions& out) const {
  proto::UserDigest digest{to_string(about), stamp_.epoch, stamp_.seq, 1, static_cast<std::uint32_t>(here_.size()), {}};
  auto value = digest_;
  if (about != config_.own) {
    const auto found = known_.find(about);
    if (found == known_.end() || !found->second.whole) return;
    const auto& held = found->second;
    // Whom it is about hears it at any distance: it is what it has to overtake.
    if (!held.passed || (held.hops >= kMaxDistance && to != about)) return;
    digest.epoch = held.stamp.epoch;
    digest.version = held.stamp.seq;
    digest.hops = std::min<std::uint8_t>(kMaxDistance, static_cast<std::uint8_t>(held.hops + 1));
    digest.count = static_cast<std::uint32_t>(held.entries.size());
    value = held.digest;
  }
  append_entry(digest.digest, value);
  out.push_back(SendTo{to, std::move(digest)});
}

std::vector<RelayFingerprint> UserDirectory::candidates(const Fingerprint& person, const RelayMap& map) const {
  std::vector<std::pair<unsigned, RelayFingerprint>> found;
  for (const auto& [origin, held] : known_) {
    const auto distance = map.distance(origin);
    if (!held.whole || !distance || *distance > kMaxDistance) continue;  // further away, nobody keeps it true
    if (std::ranges::binary_search(held.entries, blind(held.key, person))) found.emplace_back(*distance, origin);
  }
  std::ranges::sort(found);
  std::vector<RelayFingerprint> out;
  for (const auto& [distance, origin] : found) out.push_back(origin);
  return out;
}

std::size_t UserDirectory::total() const {
  std::size_t sum = 0;
  for (const auto& [origin, held] : known_)
    sum += held.entries.size() + (held.coming ? held.coming->entries.size() : 0);
  return sum;
}

}  // namespace wzp::federation
