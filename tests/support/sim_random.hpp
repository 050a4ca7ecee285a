#pragma once

#include <cstddef>
#include <cstdint>

#include "wzp/base/bytes.hpp"
#include "wzp/base/time.hpp"

namespace wzp::sim {

/// All chance of one run, from one seed. SplitMix64: small, and the same on every machine.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_{seed} {}

  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  /// 0 to n - 1.
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(next() % n); }
  /// 0 to 1, without 1.
  double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
  bool chance(double probability) { return probability > 0 && unit() < probability; }
  Duration between(Duration low, Duration high) {
    return low + Duration{static_cast<Duration::rep>(unit() * static_cast<double>((high - low).count()))};
  }
  template <std::size_t N>
  ByteArray<N> bytes() {
    ByteArray<N> out;
    for (auto& b : out) b = static_cast<std::uint8_t>(next());
    return out;
  }
  template <class Container>
  auto& pick(Container& items) {
    return items[below(items.size())];
  }
  /// An independent stream, so that more chance in one place changes nothing in another.
  [[nodiscard]] Random fork() { return Random{next()}; }

 private:
  std::uint64_t state_;
};

}  // namespace wzp::sim
