#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <utility>

#include "wzp/base/time.hpp"

namespace wzp::registry {

/// So many per period, evenly refilled, saved up to `burst`.
struct Rate {
  std::uint32_t count = 0;  ///< 0: no limit
  Duration period{};
  std::uint32_t burst = 0;

  bool operator==(const Rate&) const = default;
};

/// One token bucket. Starts full.
class TokenBucket {
 public:
  explicit TokenBucket(Rate rate) : rate_{rate} {}

  /// Takes a token if there is one.
  [[nodiscard]] bool take(Instant now) {
    if (rate_.count == 0) return true;
    const Duration step = rate_.period / rate_.count;  // one token refills in this time
    // `full_at_` is when the bucket will be full: it says as much as a count and the time of it.
    const Instant from = full_at_ > now ? full_at_ : now;
    if (from + step - now > step * rate_.burst) return false;
    full_at_ = from + step;
    return true;
  }

  /// Whether it is as good as new.
  [[nodiscard]] bool is_full(Instant now) const { return full_at_ <= now; }

 private:
  Rate rate_;
  Instant full_at_ = Instant::min();
};

/// A token bucket per key. Keys that nobody uses any more are forgotten once their bucket is full again; at
/// `max_keys`, the key that was used longest ago is forgotten early, so that a flood of keys gains nothing but its own
/// fresh buckets and memory stays bounded.
template <class Key>
class RateLimiter {
 public:
  RateLimiter(Rate rate, std::size_t max_keys) : rate_{rate}, max_keys_{max_keys} { assert(max_keys > 0); }

  /// Counts one for `key`; false when its bucket is empty.
  [[nodiscard]] bool take(const Key& key, Instant now) {
    if (rate_.count == 0) return true;
    while (!order_.empty() && order_.back().second.is_full(now)) drop_oldest();
    const auto found = index_.find(key);
    if (found != index_.end()) {
      order_.splice(order_.begin(), order_, found->second);
    } else {
      if (index_.size() == max_keys_) drop_oldest();
      order_.emplace_front(key, TokenBucket{rate_});
      index_.emplace(key, order_.begin());
    }
    return order_.front().second.take(now);
  }

  [[nodiscard]] std::size_t size() const noexcept { return index_.size(); }

 private:
  using Order = std::list<std::pair<Key, TokenBucket>>;  ///< newest use first

  void drop_oldest() {
    index_.erase(order_.back().first);
    order_.pop_back();
  }

  Rate rate_;
  std::size_t max_keys_;
  Order order_;
  std::map<Key, typename Order::iterator> index_;
};

}  // namespace wzp::registry
