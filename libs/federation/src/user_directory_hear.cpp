#include <algorithm>
#include <tuple>
#include <utility>

#include "user_entries.hpp"
#include "wzp/base/hex.hpp"
#include "wzp/base/overloaded.hpp"
#include "wzp/federation/shares.hpp"
#include "wzp/federation/user_directory.hpp"

// What others say of their users, and of the users of others.

namespace wzp::federation {

std::variant<UserDirectory::Heard, Dropped> UserDirectory::check(const RelayFingerprint& from,
                                                                 const std::string& origin, Stamp stamp,
                                                                 std::uint8_t hops) const {
  if (!mesh_.has(from)) return not_taken("unknown-neighbour");
  const auto about = canonical_relay(origin);
  if (!about) return Dropped{"bad-fingerprint"};
  if (auto refused = refuse(from, mesh_.is_delegate(from), *about, hops, kMaxDistance)) return *refused;
  const auto held = known_.find(*about);
  const auto epoch = *about == config_.own ? stamp_.epoch : held == known_.end() ? 0 : held->second.stamp.epoch;
  if (is_epoch_jump(epoch, stamp.epoch)) return Dropped{"epoch-jump"};
  return Heard{from, *about, stamp, hops};
}

GossipActions UserDirectory::handle(const RelayFingerprint& from, const proto::UserState& state, Instant now) {
  const auto checked = check(from, state.origin_relay_fp, {state.epoch, state.version}, state.hops);
  if (const auto* dropped = std::get_if<Dropped>(&checked)) return {*dropped};
  const auto& heard = std::get<Heard>(checked);
  const auto salt = array_from_hex<16>(state.salt);
  if (!salt || to_hex(*salt) != state.salt) return {Dropped{"bad-salt"}};
  const bool is_delta = state.parts == 0;
  const auto most_parts = (config_.max_entries + kMaxPart - 1) / kMaxPart;
  if (is_delta ? state.part != 0 : state.part >= state.parts || state.parts > most_parts || !state.remove.empty()) {
    return {Dropped{"bad-parts"}};
  }
  auto add = read_entries(state.add, kMaxPart);
  auto remove = read_entries(state.remove, kMaxPart);
  if (!add || !remove) return {Dropped{"bad-entries"}};
  GossipActions out;
  if (heard.origin == config_.own) {
    hear_own(heard.stamp, *salt == config_.salt, now, out);
  } else if (is_delta) {
    hear_delta(heard, state, std::move(*add), std::move(*remove), now, out);
  } else {
    hear_part(heard, state, std::move(*add), now, out);
  }
  return out;
}

GossipActions UserDirectory::handle(const RelayFingerprint& from, const proto::UserDigest& digest, Instant now) {
  const auto checked = check(from, digest.origin_relay_fp, {digest.epoch, digest.version}, digest.hops);
  if (const auto* dropped = std::get_if<Dropped>(&checked)) return {*dropped};
  const auto& heard = std::get<Heard>(checked);
  const auto value = read_entry(digest.digest);
  if (!value) return {Dropped{"bad-entries"}};
  GossipActions out;
  if (heard.origin == config_.own) {
    hear_own(heard.stamp, digest.count == here_.size() && *value == digest_, now, out);
    return out;
  }
  auto* origin = find_or_make(heard, now);
  if (!origin) return {not_taken("too-many-origins")};
  const bool same = origin->whole && heard.stamp == origin->stamp && digest.count == origin->entries.size() &&
                    *value == origin->digest;
  if (!same) {
    const bool final_word = from == heard.origin && !mesh_.is_delegate(from) && !origin->passed;
    if (!origin->whole || heard.stamp >= origin->stamp || any_life_counts(heard, *origin) || final_word) {
      ask(heard, *origin, now, out);
    } else if (mesh_.is_delegate(from)) {
      send_digest(from, heard.origin, out);  // it has forgotten a former life that we have not
    }
    return out;
  }
  confirm(heard, *origin, now, out);
  return out;
}

/// A word may come the long way, or be an echo of what we have said ourselves.
std::uint8_t UserDirectory::hops_to(const Heard& heard) const {
  return static_cast<std::uint8_t>(std::min<unsigned>(mesh_.distance(heard.origin).value_or(heard.hops), heard.hops));
}

/// What is held is what there is. Passed on once per round, and when it came by a better way than before.
void UserDirectory::confirm(const Heard& heard, Origin& origin, Instant now, GossipActions& out) const {
  origin.expires = now + config_.expiry;
  // From elsewhere it may be an echo of the life before.
  const auto way = mesh_.next_hop(heard.origin);
  if (!way || way == heard.from) origin.doubtful = false;
  const bool delegate = mesh_.is_delegate(heard.from);
  const bool new_round = !origin.digest_passed || now >= *origin.digest_passed + config_.refresh / 2;
  if (delegate < origin.passed) return;
  const auto hops = hops_to(heard);
  if (delegate == origin.passed && !new_round && hops >= origin.hops) return;
  origin.passed = delegate;
  origin.hops = hops;
  pass_digest(heard, origin, now, out);
}

const RelayFingerprint* UserDirectory::gives_way(const Heard& heard, std::size_t more, Weight weight) const {
  const auto may_go = [&](const auto& item) {
    return item.first != heard.origin && item.second.hops > 1 && weight(item.second) > 0;
  };
  const RelayFingerprint* farthest = nullptr;
  std::uint8_t hops = heard.hops;
  Shares shares;
  for (const auto& item : known_) {
    if (!may_go(item)) continue;
    shares.add(item.second.brought_by, weight(item.second));
    if (item.second.hops > hops) std::tie(farthest, hops) = std::pair{&item.first, item.second.hops};
  }
  if (farthest != nullptr) return farthest;
  const auto whose = shares.who_gives_way(heard.from, more);
  hops = 0;
  for (const auto& item : known_) {
    if (!may_go(item) || item.second.brought_by != whose) continue;
    if (item.second.hops > hops) std::tie(farthest, hops) = std::pair{&item.first, item.second.hops};
  }
  return farthest;
}

UserDirectory::Origin* UserDirectory::find_or_make(const Heard& heard, Instant now) {
  if (const auto found = known_.find(heard.origin); found != known_.end()) return &found->second;
  if (known_.size() >= config_.max_origins) {
    const auto* victim = gives_way(heard, 1, [](const Origin&) { return std::size_t{1}; });
    if (victim == nullptr) return nullptr;
    known_.erase(RelayFingerprint{*victim});
  }
  auto& origin = known_[heard.origin];
  origin.brought_by = heard.from;
  origin.hops = hops_to(heard);
  origin.expires = now + config_.expiry;
  return &origin;
}

bool UserDirectory::free_space(const Heard& heard, std::size_t more) {
  const auto held = [](const Origin& o) { return o.entries.size() + (o.coming ? o.coming->entries.size() : 0); };
  while (total() + more > config_.max_total) {
    const auto* victim = gives_way(heard, more, held);
    if (victim == nullptr) return false;
    known_.erase(RelayFingerprint{*victim});
  }
  return true;
}

void UserDirectory::refuse_for_a_while(Origin& origin, std::string why, Instant now, GossipActions& out) const {
  origin.whole = false;
  origin.entries = {};
  origin.coming.reset();
  origin.ask.reset();
  origin.refused_until = now + config_.refresh;
  out.push_back(not_taken(std::move(why)));
}

void UserDirectory::hear_delta(const Heard& heard, const proto::UserState& state, Entries add, Entries remove,
                               Instant now, GossipActions& out) {
  auto* origin = find_or_make(heard, now);
  if (!origin) return out.push_back(not_taken("too-many-origins"));
  const bool same_life = origin->whole && origin->salt == state.salt && origin->stamp.epoch == state.epoch;
  const bool delegate = mesh_.is_delegate(heard.from);
  if (same_life && heard.stamp == origin->stamp && delegate >= origin->passed) {
    // It had come the longer way, too long for somebody, or to us alone.
    const auto hops = hops_to(heard);
    const bool better = delegate > origin->passed || hops < origin->hops;
    if (!better) return;
    origin->hops = hops;
    origin->passed = delegate;
    return pass_delta(heard, *origin, state, out);
  }
  if (!same_life || heard.stamp.seq != origin->stamp.seq + 1) {
    if (is_welcome(heard, *origin, state.salt)) ask(heard, *origin, now, out);
    return;
  }
  Entries next;
  next.reserve(origin->entries.size() + add.size());
  std::ranges::set_union(origin->entries, add, std::back_inserter(next));
  Entries left;
  left.reserve(next.size());
  std::ranges::set_difference(next, remove, std::back_inserter(left));
  const auto had = origin->entries.size();
  if (left.size() > config_.max_entries) return refuse_for_a_while(*origin, "too-many-users", now, out);
  if (left.size() > had && !free_space(heard, left.size() - had)) {
    return refuse_for_a_while(*origin, "user-table-full", now, out);
  }
  origin->entries = std::move(left);
  origin->entries.shrink_to_fit();
  origin->digest = xor_of(origin->entries);
  origin->stamp = heard.stamp;
  origin->passed = delegate;
  origin->hops = hops_to(heard);
  origin->expires = now + config_.expiry;
  origin->doubtful = false;
  if (origin->wanted <= origin->stamp) origin->ask.reset();
  pass_delta(heard, *origin, state, out);
}

/// It could not be reached and is back. While it is not, what is older is an echo of what it said before.
bool UserDirectory::any_life_counts(const Heard& heard, const Origin& origin) const {
  return origin.doubtful && mesh_.reaches(heard.origin);
}

/// Whether a snapshot like this would count.
bool UserDirectory::is_welcome(const Heard& heard, const Origin& origin, const std::string& salt) const {
  if (!origin.whole || heard.stamp > origin.stamp) return true;
  const bool other = heard.stamp != origin.stamp || salt != origin.salt;
  if (other && (any_life_counts(heard, origin) ||
                (heard.from == heard.origin && !mesh_.is_delegate(heard.from) && !origin.passed)))
    return true;
  return heard.stamp == origin.stamp && (salt > origin.salt || (salt == origin.salt && origin.ask.has_value()));
}

void UserDirectory::hear_part(const Heard& heard, const proto::UserState& state, Entries entries, Instant now,
                              GossipActions& out) {
  auto* origin = find_or_make(heard, now);
  if (!origin) return out.push_back(not_taken("too-many-origins"));
  if (origin->refused_until && now < *origin->refused_until) return out.push_back(not_taken("user-table-full"));
  if (!is_welcome(heard, *origin, state.salt)) {
    const bool held = heard.stamp == origin->stamp && state.salt == origin->salt;
    if (held && state.part == 0) confirm(heard, *origin, now, out);
    return;
  }
  auto& coming = origin->coming;
  if (coming && coming->from != heard.from) return;  // the same from somewhere else; that one goes on
  if (state.part == 0) coming = Snapshot{heard.from, heard.stamp, state.salt, state.parts, 0, {}, now};
  const bool follows = coming && coming->stamp == heard.stamp && coming->salt == state.salt &&
                       coming->parts == state.parts && coming->next == state.part;
  if (!follows) {
    coming.reset();
    return ask(heard, *origin, now, out);
  }
  if (coming->entries.size() + entries.size() > config_.max_entries) {
    return refuse_for_a_while(*origin, "too-many-users", now, out);
  }
  if (!free_space(heard, entries.size())) return refuse_for_a_while(*origin, "user-table-full", now, out);
  coming->entries.insert(coming->entries.end(), entries.begin(), entries.end());
  coming->heard = now;
  if (++coming->next == coming->parts) take_over(heard, *origin, now, out);
}

void UserDirectory::take_over(const Heard& heard, Origin& origin, Instant now, GossipActions& out) {
  auto& entries = origin.coming->entries;
  std::ranges::sort(entries);
  const auto repeated = std::unique(entries.begin(), entries.end());
  entries.erase(repeated, entries.end());
  entries.shrink_to_fit();
  origin.whole = true;
  origin.passed = mesh_.is_delegate(heard.from) || origin.known_to_all == heard.stamp;
  origin.stamp = heard.stamp;
  origin.salt = origin.coming->salt;
  origin.key = *array_from_hex<16>(origin.salt);
  origin.hops = hops_to(heard);
  origin.brought_by = heard.from;
  origin.entries = std::move(entries);
  origin.digest = xor_of(origin.entries);
  origin.coming.reset();
  origin.expires = now + config_.expiry;
  origin.doubtful = false;
  if (origin.ask == heard.from || origin.wanted <= origin.stamp) {
    origin.ask.reset();
    origin.tries = 0;
  }
  pass_digest(heard, origin, now, out);
}

void UserDirectory::ask(const Heard& heard, Origin& origin, Instant now, GossipActions& out) const {
  if (origin.refused_until && now < *origin.refused_until) return;
  if (!origin.ask) origin.tries = 0;
  if (mesh_.is_delegate(heard.from)) origin.known_to_all = std::max(origin.known_to_all, std::optional{heard.stamp});
  // The next one on the way to it can give it; others may be too far from it by now.
  const bool right_way = origin.ask && origin.ask == mesh_.next_hop(heard.origin) && origin.wanted >= heard.stamp;
  if (!right_way) {
    origin.ask = heard.from;
    origin.wanted = heard.stamp;
  }
  ask_if_due(heard.origin, origin, now, out);
}

void UserDirectory::ask_if_due(const RelayFingerprint& about, Origin& origin, Instant now, GossipActions& out) const {
  if (!origin.ask || origin.coming) return;
  if (origin.asked && now < *origin.asked + config_.request_interval) return;
  if (origin.tries == 3) {
    origin.ask.reset();  // the next word about it begins anew
    return;
  }
  origin.asked = now;
  // Who said it may be too far from it by now; then the next one on the way there can give it.
  const bool again = origin.tries++ % 2 == 1;
  const auto to = again ? mesh_.next_hop(about).value_or(*origin.ask) : *origin.ask;
  out.push_back(SendTo{to, proto::UserRequest{to_string(about)}});
}

void UserDirectory::pass_delta(const Heard& heard, const Origin& origin, const proto::UserState& state,
                               GossipActions& out) const {
  if (origin.hops >= kMaxDistance || !mesh_.is_delegate(heard.from)) return;
  auto passed = state;
  passed.hops = static_cast<std::uint8_t>(origin.hops + 1);
  for (const auto& relay : mesh_.targets(heard.origin, heard.from)) out.push_back(SendTo{relay, passed});
}

void UserDirectory::pass_digest(const Heard& heard, Origin& origin, Instant now, GossipActions& out) const {
  origin.digest_passed = now;
  if (!origin.passed) return;
  for (const auto& relay : mesh_.targets(heard.origin, heard.from)) send_digest(relay, heard.origin, out);
}

}  // namespace wzp::federation
