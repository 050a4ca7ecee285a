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

void TrunkBatcher::add(ConnectionId to, ByteView head, ByteView packet, bool may_wait, Instant now,
                       std::vector<TrunkDatagram>& out) {
  const auto known = receivers_.find(to);
  if (known == receivers_.end() && receivers_.size() >= config_.max_receivers) {
    out.push_back({to, head, packet});
    return;
  }
  auto& receiver = known == receivers_.end() ? receivers_[to] : known->second;
  const bool at_once = may_wait && !is_busy(receiver, now);
  receiver.before_last = std::exchange(receiver.last, now);

  const auto entry_head = head.subspan(1);
  const auto alone = kMarker.size() + entry_head.size() + packet.size();
  const auto limit = limit_of_(to);
  if (!receiver.entries.empty() && alone + receiver.entries.size() > limit) leave(to, receiver, out);
  if (receiver.entries.empty() && (at_once || alone >= limit)) {
    out.push_back({to, head, packet});
    return;
  }
  append_entry(receiver, entry_head, packet);
  if (at_once) {
    leave(to, receiver, out);  // with what waited, since it must not overtake that
  } else if (may_wait) {
    wait(to, receiver, now + config_.hold);
  } else {
    leave_soon(to, receiver, now);
  }
}

void TrunkBatcher::append_entry(Receiver& receiver, ByteView entry_head, ByteView packet) {
  append(receiver.entries, entry_head);
  append(receiver.entries, packet);
  receiver.ends.push_back(static_cast<std::uint32_t>(receiver.entries.size()));
}

void TrunkBatcher::wait(ConnectionId to, Receiver& receiver, Instant until) {
  if (receiver.due) return;
  receiver.due = until;
  ++waiting_;
  if (first_due_ > dues_.size() / 2 + 64) {
    dues_.erase(dues_.begin(), dues_.begin() + static_cast<std::ptrdiff_t>(first_due_));
    first_due_ = 0;
  }
  dues_.push_back({until, to});
}

void TrunkBatcher::leave_soon(ConnectionId to, Receiver& receiver, Instant now) {
  if (receiver.due && *receiver.due <= now) return;
  if (!receiver.due) ++waiting_;
  receiver.due = now;
  skip_stale();
  if (soon_.empty()) soon_at_ = now;
  soon_.push_back(to);
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
  for (const auto to : soon_) {
    const auto receiver = receivers_.find(to);
    if (receiver != receivers_.end() && receiver->second.due && *receiver->second.due <= now)
      leave(to, receiver->second, out);
  }
  soon_.clear();
  while (first_due_ < dues_.size() && dues_[first_due_].when <= now) {
    const auto to = dues_[first_due_].conn;
    leave(to, receivers_.at(to), out);  // skips what is stale, this one too
  }
}

std::optional<Instant> TrunkBatcher::deadline() const {
  const auto held = first_due_ < dues_.size() ? std::optional{dues_[first_due_].when} : std::nullopt;
  return soon_.empty() ? held : std::optional{soon_at_};
}

void TrunkBatcher::forget(ConnectionId conn) {
  const auto receiver = receivers_.find(conn);
  if (receiver == receivers_.end()) return;
  if (receiver->second.due) --waiting_;
  receivers_.erase(receiver);
  skip_stale();
}

}  // namespace wzp::relay
