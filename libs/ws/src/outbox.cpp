#include "outbox.hpp"

#include <utility>

namespace wzp::ws {

bool Outbox::add_text(ByteView text) {
  const bool fits = texts_.empty() || text_bytes_ + text.size() <= config_.max_outgoing_bytes;
  if (!fits || texts_.size() >= config_.max_outgoing_messages) return false;
  text_bytes_ += text.size();
  texts_.emplace_back(text.begin(), text.end());
  return true;
}

std::size_t Outbox::add_binary(ByteView prefix, ByteView payload, Instant now) {
  Bytes bytes;
  bytes.reserve(prefix.size() + payload.size());
  append(bytes, prefix);
  append(bytes, payload);
  const bool full = binaries_.size() >= config_.max_queued_binaries;
  if (full) binaries_.pop_front();
  binaries_.push_back({now, std::move(bytes)});
  return full ? 1 : 0;
}

std::optional<Outbox::Message> Outbox::next(Instant now, std::uint64_t& dropped) {
  if (!texts_.empty()) {
    Message message{true, std::move(texts_.front())};
    texts_.pop_front();
    text_bytes_ -= message.bytes.size();
    return message;
  }
  while (!binaries_.empty() && now - binaries_.front().since > config_.max_binary_age) {
    binaries_.pop_front();
    ++dropped;
  }
  if (binaries_.empty()) return std::nullopt;
  Message message{false, std::move(binaries_.front().bytes)};
  binaries_.pop_front();
  return message;
}

void Outbox::clear() {
  texts_.clear();
  text_bytes_ = 0;
  binaries_.clear();
}

}  // namespace wzp::ws
