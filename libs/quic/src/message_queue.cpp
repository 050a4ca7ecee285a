#include "message_queue.hpp"

#include <algorithm>

namespace wzp::quic {

std::int64_t MessageQueue::push(ByteView bytes, bool uni) {
  auto& next = uni ? next_uni_ : next_bidi_;
  OutgoingMessage message;
  message.stream = next;
  message.bytes.assign(bytes.begin(), bytes.end());
  bytes_ += bytes.size();
  messages_.push_back(std::move(message));
  next += 4;
  return messages_.back().stream;
}

OutgoingMessage* MessageQueue::find(std::int64_t stream) noexcept {
  const auto it = std::find_if(messages_.begin(), messages_.end(), [=](const auto& m) { return m.stream == stream; });
  return it == messages_.end() ? nullptr : &*it;
}

void MessageQueue::remove(std::int64_t stream) noexcept {
  const auto it = std::find_if(messages_.begin(), messages_.end(), [=](const auto& m) { return m.stream == stream; });
  if (it == messages_.end()) return;
  bytes_ -= it->bytes.size();
  messages_.erase(it);
}

bool MessageQueue::anything_to_write() const noexcept {
  return std::any_of(messages_.begin(), messages_.end(), [](const auto& m) { return m.wants_to_write(); });
}

}  // namespace wzp::quic
