#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <span>
#include <unordered_set>

#include "wzp/base/fingerprint.hpp"
#include "wzp/base/ids.hpp"
#include "wzp/base/time.hpp"

namespace wzp::client {

/// Who has signed to us: never again unsealed with them (crypto.md 3). When full, the one learned first goes.
class SignerMemory {
 public:
  /// Source: crypto.md 3.
  static constexpr std::size_t kMax = 10'000;

  explicit SignerMemory(std::span<const Fingerprint> known);
  /// Whether it is new.
  bool learn(const Fingerprint& peer);
  [[nodiscard]] bool knows(const Fingerprint& peer) const { return known_.contains(peer); }

 private:
  std::unordered_set<Fingerprint> known_;
  std::deque<Fingerprint> order_;
};

/// Call ids that were offered to us lately: an offer that is replayed does not ring (crypto.md 3). When full, the
/// oldest goes.
class SeenCalls {
 public:
  /// Source: crypto.md 3.
  static constexpr std::size_t kMax = 256;
  static constexpr Duration kKept = std::chrono::minutes{10};

  /// Whether it is new, or was forgotten.
  bool insert(const CallId& id, Instant now);

 private:
  struct Seen {
    CallId id;
    Instant at;
  };
  std::deque<Seen> seen_;
};

}  // namespace wzp::client
