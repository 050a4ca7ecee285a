#include "wzp/relay/trunk_batcher.hpp"

#include <array>
#include <utility>

namespace wzp::relay {
namespace {

constexpr std::array<std::uint8_t, 1> kMarker{proto::kTrunkMarker};

}  // namespace

bool TrunkBatcher::is_busy(const Receiver& receiver, Instant now) const {
  return receiver.before_last != Instant::min() && now - receiver.before_last < config_.hold;
}

void TrunkBatcher::add(ConnectionId to, ByteView head, ByteView packet, Instant now, std::vector<TrunkDatagram>& out) {
  const auto known = receivers_.find(to);
  if (known == receivers_.end() && receivers_.size() >= config_.max_receivers) {
    out.push_back({to, head, packet});
    return;
  }
  auto& receiver = known == receivers_.end() ? receivers_[to] : known->second;
  const bool wait = is_busy(receiver, now);
  receiver.before_last = std::exchange(receiver.last, now);

  const auto entry_head = head.subspan(1);
  const auto with_it = kMarker.size() + receiver.entries.size() + entry_head.size() + packet.size();
  const auto limit = limit_of_(to);
  if (!receiver.entries.empty() && with_it > limit) leave(to, receiver, out);
  if (receiver.entries.empty() && (!wait || kMarker.size() + entry_head.size() + packet.size() >= limit)) {
    out.push_back({to, head, packet});
    return;
  }
  hold(to, receiver, entry_head, packet, now);
  if (!wait) leave(to, receiver, out);  // with what waited, since it must not overtake that
}

void TrunkBatcher::hold(ConnectionId to, Receiver& receiver, ByteView entry_head, ByteView packet, Instant now) {
  append(receiver.entries, entry_head);
  append(receiver.entries, packet);
  receiver.ends.push_back(static_cast<std::uint32_t>(receiver.entries.size()));
  if (receiver.due) return;
  receiver.due = now + config_.hold;
  ++waiting_;
  if (first_due_ > dues_.size() / 2 + 64) {
    dues_.erase(dues_.begin(), dues_.begin() + static_cast<std::ptrdiff_t>(first_due_));
    first_due_ = 0;
  }
  dues_.push_back({*receiver.due, to});
}

void TrunkBatcher::leave(ConnectionId to, Receiver& receiver, std::vector<TrunkDatagram>& out) {
  // The datagrams refer to these bytes while the next entries are collected in the other buffer.
  std::swap(receiver.entries, receiver.leaving);
  std::swap(receiver.ends, receiver.leaving_ends);
  receiver.entries.clear();
  receiver.ends.clear();
  if (receiver.due) --waiting_;
  receiver.due.reset();
  skip_stale();
  const ByteView bytes{receiver.leaving};
  const auto limit = limit_of_(to);
  std::size_t from = 0;
  std::size_t to_here = 0;
  for (const std::size_t end : receiver.leaving_ends) {
    if (to_here > from && kMarker.size() + end - from > limit) {
      out.push_back({to, kMarker, bytes.subspan(from, to_here - from)});
      from = to_here;
    }
    to_here = end;
  }
  out.push_back({to, kMarker, bytes.subspan(from)});
}

bool TrunkBatcher::is_stale(const Due& due) const {
  const auto receiver = receivers_.find(due.conn);
  return receiver == receivers_.end() || receiver->second.due != due.when;
}

void TrunkBatcher::skip_stale() {
  while (first_due_ < dues_.size() && is_stale(dues_[first_due_])) ++first_due_;
  if (first_due_ < dues_.size()) return;
  dues_.clear();
  first_due_ = 0;
}

void TrunkBatcher::tick(Instant now, std::vector<TrunkDatagram>& out) {
  while (first_due_ < dues_.size() && dues_[first_due_].when <= now) {
    const auto to = dues_[first_due_].conn;
    leave(to, receivers_.at(to), out);  // skips what is stale, this one too
  }
}

std::optional<Instant> TrunkBatcher::deadline() const {
  return first_due_ < dues_.size() ? std::optional{dues_[first_due_].when} : std::nullopt;
}

void TrunkBatcher::forget(ConnectionId conn) {
  const auto receiver = receivers_.find(conn);
  if (receiver == receivers_.end()) return;
  if (receiver->second.due) --waiting_;
  receivers_.erase(receiver);
  skip_stale();
}

}  // namespace wzp::relay
