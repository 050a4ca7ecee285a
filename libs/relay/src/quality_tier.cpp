#include "quality_tier.hpp"

namespace wzp::relay {
namespace {

/// Source of all: relay.md 19.9 and 11.6.
constexpr int kReportsToLower = 3;
constexpr int kReportsToRaise = 5;
constexpr int kReportsToRaiseFromGood = 10;
constexpr Duration kMemory = std::chrono::seconds{10};

/// The tier that one report shows. A long way that loses nothing calls for no worse voice: by the round trip alone it is
/// Good at worst (client.md D-65).
Tier observed(const proto::QualityReport& report) {
  const float loss = report.loss_percent();
  const int rtt = report.rtt_ms();
  if (loss >= 15) return Tier::Catastrophic;
  if (loss >= 5) return Tier::Degraded;
  if (loss >= 2 || rtt >= 80) return Tier::Good;
  if (loss >= 1 || rtt >= 50) return Tier::Studio32k;
  return rtt >= 30 ? Tier::Studio48k : Tier::Studio64k;
}

}  // namespace

std::string_view name(Tier tier) noexcept {
  using enum Tier;
  switch (tier) {
    case Catastrophic: return "Catastrophic";
    case Degraded: return "Degraded";
    case Good: return "Good";
    case Studio32k: return "Studio32k";
    case Studio48k: return "Studio48k";
    case Studio64k: break;
  }
  return "Studio64k";
}

proto::QualityProfile profile(Tier tier) noexcept {
  using enum Tier;
  switch (tier) {
    case Catastrophic: return proto::kCatastrophic;
    case Degraded: return proto::kDegraded;
    case Good: return proto::kGood;
    case Studio32k: return proto::kStudio32k;
    case Studio48k: return proto::kStudio48k;
    case Studio64k: break;
  }
  return proto::kStudio64k;
}

void QualityTier::hear(const proto::QualityReport& report, Instant now) {
  heard_ = now;
  const Tier seen = observed(report);
  worse_ = seen < tier_ ? worse_ + 1 : 0;
  better_ = seen > tier_ ? better_ + 1 : 0;
  if (worse_ >= kReportsToLower) {
    tier_ = seen;
    worse_ = 0;
  }
  if (better_ >= (tier_ < Tier::Good ? kReportsToRaise : kReportsToRaiseFromGood)) {
    tier_ = static_cast<Tier>(static_cast<int>(tier_) + 1);
    better_ = 0;
  }
}

std::optional<Tier> QualityTier::tier(Instant now) const {
  if (!heard_ || now - *heard_ >= kMemory) return std::nullopt;
  return tier_;
}

}  // namespace wzp::relay
