#include "wzp/registry/presence.hpp"

#include <algorithm>
#include <utility>

namespace wzp::registry {

Result<Presence::Added> Presence::add(Registration registration) {
  if (by_conn_.contains(registration.conn)) return Unexpected{Errc::Exists, to_string(registration.conn)};
  const auto person = by_person_.find(registration.who);
  Added added;
  if (person != by_person_.end()) {
    auto& all = person->second;
    // All registrations of one person are of the same kind, so the current one speaks for them.
    const bool signed_lives = all.back().is_signed;
    if (signed_lives && !registration.is_signed) return Unexpected{Errc::NotAllowed, "a signed registration lives"};
    added.demoted = all.back();
    if (registration.is_signed && !signed_lives) {
      added.put_out = std::exchange(all, {});
    } else if (all.size() >= kMaxPerPerson) {
      added.put_out.push_back(all.front());
      all.erase(all.begin());
    }
    for (const auto& out : added.put_out) by_conn_.erase(out.conn);
  }
  if (by_conn_.size() >= max_) {
    // Only a first registration or an additional one can meet the bound: whoever put another out made room.
    return Unexpected{Errc::LimitReached, "registrations in all"};
  }
  by_conn_.emplace(registration.conn, registration.who);
  by_person_[registration.who].push_back(std::move(registration));
  return added;
}

std::optional<Presence::Removed> Presence::remove(ConnectionId conn) {
  const auto entry = by_conn_.find(conn);
  if (entry == by_conn_.end()) return std::nullopt;
  const auto person = by_person_.find(entry->second);
  auto& all = person->second;
  const auto it = std::find_if(all.begin(), all.end(), [&](const Registration& r) { return r.conn == conn; });
  Removed removed;
  removed.was_current = std::next(it) == all.end();
  removed.registration = std::move(*it);
  all.erase(it);
  by_conn_.erase(entry);
  if (all.empty()) {
    by_person_.erase(person);
  } else if (removed.was_current) {
    removed.promoted = all.back();
  }
  return removed;
}

const Registration* Presence::current(const Fingerprint& who) const {
  const auto found = by_person_.find(who);
  return found == by_person_.end() ? nullptr : &found->second.back();
}

const Registration* Presence::find(ConnectionId conn) const {
  const auto entry = by_conn_.find(conn);
  if (entry == by_conn_.end()) return nullptr;
  for (const auto& registration : by_person_.at(entry->second)) {
    if (registration.conn == conn) return &registration;
  }
  return nullptr;
}

std::vector<Registration> Presence::all_current() const {
  std::vector<Registration> all;
  all.reserve(by_person_.size());
  for (const auto& [who, registrations] : by_person_) all.push_back(registrations.back());
  return all;
}

}  // namespace wzp::registry
