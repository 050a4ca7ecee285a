#include "admission.hpp"

namespace wzp::quic {
Admission::Verdict Admission::judge(const IpAddress& from, bool proved, std::size_t connections) const {
  const auto it = places_.find(from.place());
  const auto here = it == places_.end() ? Counts{} : it->second;
  if (connections >= bounds_.connections) return Verdict::Refuse;
  if (bounds_.per_ip && here.all >= bounds_.per_ip) return Verdict::Refuse;
  if (proved) return Verdict::Accept;
  const bool loaded = half_open_ >= bounds_.retry_threshold;
  const bool loaded_here = bounds_.per_ip && 2 * here.half_open >= bounds_.per_ip;
  return loaded || loaded_here ? Verdict::Retry : Verdict::Accept;
}

void Admission::started(const IpAddress& from) {
  auto& counts = places_[from.place()];
  ++counts.all;
  ++counts.half_open;
  ++half_open_;
}

void Admission::completed(const IpAddress& from) {
  --places_[from.place()].half_open;
  --half_open_;
}

void Admission::ended(const IpAddress& from, bool half_open) {
  if (half_open) completed(from);
  const auto it = places_.find(from.place());
  if (--it->second.all == 0) places_.erase(it);
}

}  // namespace wzp::quic
