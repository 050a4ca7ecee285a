#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace wzp::crypto {

/// The packet number that a 16-bit sequence number stands for: the one nearest to `expected`, looking
/// 32 768 back and 32 767 ahead. Empty if that would be negative (crypto.md 6).
[[nodiscard]] std::optional<std::uint64_t> recover_packet_number(std::uint64_t expected, std::uint16_t seq) noexcept;

/// Which packet numbers of one direction have been accepted: the last 1024, one bit each. It is also the
/// de-duplication when a packet comes over two paths. Looking and marking are separate, because a number
/// counts only after its packet has been authenticated.
class ReplayWindow {
 public:
  /// Source: crypto.md 6; 20 s of 20 ms frames.
  static constexpr std::uint64_t kSize = 1024;

  enum class Verdict : std::uint8_t { Fresh, Replayed, TooOld };

  [[nodiscard]] Verdict look(std::uint64_t number) const noexcept;
  /// Marks a number that was `Fresh`; moves the window when it is the highest so far.
  void mark(std::uint64_t number) noexcept;

  /// The highest marked number; empty before the first.
  [[nodiscard]] std::optional<std::uint64_t> highest() const noexcept;
  /// One more than the highest; 0 before the first.
  [[nodiscard]] std::uint64_t expected() const noexcept { return expected_; }

 private:
  std::array<std::uint64_t, kSize / 64> seen_{};  // bit n % 1024 stands for number n
  std::uint64_t expected_ = 0;
};

}  // namespace wzp::crypto
