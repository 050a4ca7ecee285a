#include "wzp/crypto/replay_window.hpp"

#include <cassert>

namespace wzp::crypto {
namespace {

constexpr std::uint64_t word_of(std::uint64_t number) { return number % ReplayWindow::kSize / 64; }
constexpr std::uint64_t bit_of(std::uint64_t number) { return std::uint64_t{1} << (number % 64); }

}  // namespace

std::optional<std::uint64_t> recover_packet_number(std::uint64_t expected, std::uint16_t seq) noexcept {
  const auto difference = static_cast<std::int16_t>(static_cast<std::uint16_t>(seq - expected));
  if (difference < 0 && expected < static_cast<std::uint64_t>(-std::int64_t{difference})) return std::nullopt;
  return expected + static_cast<std::uint64_t>(std::int64_t{difference});
}

ReplayWindow::Verdict ReplayWindow::look(std::uint64_t number) const noexcept {
  if (number >= expected_) return Verdict::Fresh;
  if (expected_ - 1 - number >= kSize) return Verdict::TooOld;
  return (seen_[word_of(number)] & bit_of(number)) != 0 ? Verdict::Replayed : Verdict::Fresh;
}

void ReplayWindow::mark(std::uint64_t number) noexcept {
  assert(look(number) == Verdict::Fresh);
  if (number >= expected_) {
    // The numbers in between take the bits of those that leave the window.
    if (number - expected_ >= kSize) {
      seen_.fill(0);
    } else {
      for (std::uint64_t skipped = expected_; skipped < number; ++skipped) seen_[word_of(skipped)] &= ~bit_of(skipped);
    }
    expected_ = number + 1;
  }
  seen_[word_of(number)] |= bit_of(number);
}

std::optional<std::uint64_t> ReplayWindow::highest() const noexcept {
  if (expected_ == 0) return std::nullopt;
  return expected_ - 1;
}

}  // namespace wzp::crypto
