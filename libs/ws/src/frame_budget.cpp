#include "frame_budget.hpp"

#include <algorithm>

namespace wzp::ws {
namespace {

constexpr Duration kSaved = std::chrono::seconds{1};

}  // namespace

FrameBudget::FrameBudget(std::uint32_t per_second, Duration patience, std::uint32_t max_over)
    : step_{kSaved / std::max(per_second, 1U)}, patience_{patience}, max_over_{max_over} {}

FrameBudget::Verdict FrameBudget::take(Instant now) {
  if (full_at_ <= now) {
    over_since_.reset();
    over_ = 0;
  }
  const auto next = std::max(full_at_, now) + step_;
  if (next - now <= kSaved) {
    full_at_ = next;
    return Verdict::Take;
  }
  if (!over_since_) over_since_ = now;
  ++over_;
  return over_ > max_over_ || now - *over_since_ > patience_ ? Verdict::GiveUp : Verdict::Drop;
}

}  // namespace wzp::ws
