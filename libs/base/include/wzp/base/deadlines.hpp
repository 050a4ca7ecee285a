#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "wzp/base/time.hpp"

namespace wzp {

/// What is due when: at most one time per key, and the keys in order of time. Holds as many keys as its owner sets;
/// the owner bounds them. `Key` is ordered.
template <class Key>
class Deadlines {
 public:
  /// The key is due at `when`, and at no other time.
  void set(const Key& key, Instant when) {
    cancel(key);
    by_key_.emplace(key, when);
    by_time_.emplace(when, key);
  }

  void cancel(const Key& key) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return;
    by_time_.erase({found->second, key});
    by_key_.erase(found);
  }

  /// The earliest key that is due at `now`, taken out; keys of the same time in their own order.
  [[nodiscard]] std::optional<Key> take_due(Instant now) {
    if (by_time_.empty() || now < by_time_.begin()->first) return std::nullopt;
    Key key = by_time_.begin()->second;
    cancel(key);
    return key;
  }

  [[nodiscard]] bool contains(const Key& key) const { return by_key_.contains(key); }
  [[nodiscard]] std::optional<Instant> next() const {
    if (by_time_.empty()) return std::nullopt;
    return by_time_.begin()->first;
  }
  [[nodiscard]] std::size_t size() const noexcept { return by_key_.size(); }

 private:
  std::map<Key, Instant> by_key_;
  std::set<std::pair<Instant, Key>> by_time_;
};

}  // namespace wzp
