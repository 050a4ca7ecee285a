#pragma once

#include <cstddef>
#include <map>
#include <optional>

#include "wzp/base/fingerprint.hpp"

namespace wzp::federation {

/// How much of a full table each neighbour has brought. When it is full, whoever has brought the most gives way to those
/// who have brought less, so that no neighbour, whatever it invents, takes from another more than is left over.
class Shares {
 public:
  void add(const RelayFingerprint& bringer, std::size_t amount) { amounts_[bringer] += amount; }

  /// Who has to give way so that `from` can bring `more`; empty: nobody has to, since `from` would have the most itself.
  [[nodiscard]] std::optional<RelayFingerprint> who_gives_way(const RelayFingerprint& from, std::size_t more) const {
    const auto own = amounts_.find(from);
    std::size_t most = (own == amounts_.end() ? 0 : own->second) + more;
    std::optional<RelayFingerprint> who;
    for (const auto& [bringer, amount] : amounts_) {
      if (bringer == from || amount <= most) continue;
      most = amount;
      who = bringer;
    }
    return who;
  }

 private:
  std::map<RelayFingerprint, std::size_t> amounts_;
};

}  // namespace wzp::federation
