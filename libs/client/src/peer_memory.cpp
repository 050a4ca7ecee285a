#include "peer_memory.hpp"

#include <algorithm>

namespace wzp::client {

SignerMemory::SignerMemory(std::span<const Fingerprint> known) {
  for (const auto& peer : known) learn(peer);
}

bool SignerMemory::learn(const Fingerprint& peer) {
  if (!known_.insert(peer).second) return false;
  order_.push_back(peer);
  if (order_.size() > kMax) {
    known_.erase(order_.front());
    order_.pop_front();
  }
  return true;
}

bool SeenCalls::insert(const CallId& id, Instant now) {
  while (!seen_.empty() && now - seen_.front().at >= kKept) seen_.pop_front();
  if (std::any_of(seen_.begin(), seen_.end(), [&](const Seen& s) { return s.id == id; })) return false;
  seen_.push_back({id, now});
  if (seen_.size() > kMax) seen_.pop_front();
  return true;
}

}  // namespace wzp::client
