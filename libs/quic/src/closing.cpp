#include "closing.hpp"

#include <utility>

namespace wzp::quic {
namespace {

constexpr std::size_t kMaxEntries = 4096;  // Source: our choice, about 1 MB
constexpr unsigned kMaxAnswered = 64;      // Source: our choice

}  // namespace

void ClosingTable::add(Closing closing, Routes& routes) {
  if (entries_.size() >= kMaxEntries) drop_oldest(routes);
  auto& entry = *entries_.emplace_back(std::make_unique<Closing>(std::move(closing)));
  for (const auto& id : entry.ids) routes.set(id, {.live = nullptr, .closing = &entry});
}

void ClosingTable::answer(Closing& closing, const Path& from, SendBatch& batch) {
  const auto n = ++closing.heard;
  if (n <= kMaxAnswered && (n & (n - 1)) == 0) batch.add(closing.packet, from);
}

void ClosingTable::expire(Instant now, Routes& routes) {
  while (!entries_.empty() && entries_.front()->expires <= now) drop_oldest(routes);
}

std::optional<Instant> ClosingTable::next() const {
  if (entries_.empty()) return std::nullopt;
  return entries_.front()->expires;
}

void ClosingTable::drop_oldest(Routes& routes) {
  for (const auto& id : entries_.front()->ids) {
    if (routes.find({id.data, id.datalen}).closing == entries_.front().get()) routes.remove(id);
  }
  entries_.pop_front();
}

}  // namespace wzp::quic
