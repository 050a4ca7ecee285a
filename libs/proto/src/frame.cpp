#include "wzp/proto/frame.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "wzp/proto/signal_json.hpp"

namespace wzp::proto {
namespace {

constexpr std::size_t kPrefix = 4;

std::uint32_t length_of(std::string_view frame) {
  return load_be32(reinterpret_cast<const std::uint8_t*>(frame.data()));
}

}  // namespace

Bytes encode_frame(std::string_view json) {
  assert(!json.empty() && json.size() <= kMaxSignalBytes);
  Bytes frame(kPrefix);
  frame.reserve(kPrefix + json.size());
  store_be32(frame.data(), static_cast<std::uint32_t>(json.size()));
  append(frame, bytes_of(json));
  return frame;
}

SignalInbox::SignalInbox(const Config& config) : config_{config}, next_{config.first_stream.value / 4} {
  assert(config.max_streams > 0 && config.first_stream.value % 4 < 2);
}

StreamId SignalInbox::stream_at(std::size_t index) const noexcept {
  return {(next_ + index) * 4 + config_.first_stream.value % 4};
}

InboxEvents SignalInbox::opened(StreamId stream, Instant now) {
  InboxEvents out;
  open(stream, now, out);
  deliver(out);
  return out;
}

InboxEvents SignalInbox::receive(StreamId stream, ByteView data, bool fin, Instant now) {
  InboxEvents out;
  if (Slot* slot = open(stream, now, out)) {
    if (slot->state == State::Collecting) collect(*slot, stream, data, fin, out);
  }
  deliver(out);
  return out;
}

InboxEvents SignalInbox::reset(StreamId stream, Instant now) {
  InboxEvents out;
  if (Slot* slot = open(stream, now, out)) {
    if (slot->state == State::Collecting) fail(*slot, stream, {Errc::BadFrame, "reset"}, false, out);
  }
  deliver(out);
  return out;
}

InboxEvents SignalInbox::tick(Instant now) {
  InboxEvents out;
  // The front is always unfinished, and no stream was opened before one in front of it.
  while (!slots_.empty() && now >= slots_.front().opened + config_.stream_timeout) {
    fail(slots_.front(), stream_at(0), {Errc::Timeout, "signal stream"}, true, out);
    deliver(out);
  }
  return out;
}

std::optional<Instant> SignalInbox::deadline() const {
  if (slots_.empty()) return std::nullopt;
  return slots_.front().opened + config_.stream_timeout;
}

/// The slot of the stream, made with those of all streams before it; null for one that is over or not the peer's.
SignalInbox::Slot* SignalInbox::open(StreamId stream, Instant now, InboxEvents& out) {
  const std::uint64_t index = stream.value / 4;
  if (stream.value % 4 != config_.first_stream.value % 4 || index < next_) return nullptr;
  if (index - next_ >= config_.max_streams) drop_oldest(index - next_ - config_.max_streams + 1, out);
  while (slots_.size() <= index - next_) slots_.push_back({State::Collecting, now, {}});
  return &slots_[static_cast<std::size_t>(index - next_)];
}

/// Makes room in front. Whole messages are still delivered; the transport never lets a peer come this far.
void SignalInbox::drop_oldest(std::uint64_t count, InboxEvents& out) {
  const std::uint64_t target = next_ + count;
  while (!slots_.empty() && next_ < target) {
    fail(slots_.front(), stream_at(0), {Errc::LimitReached, "open streams"}, true, out);
    deliver(out);
  }
  next_ = std::max(next_, target);
}

void SignalInbox::collect(Slot& slot, StreamId stream, ByteView data, bool fin, InboxEvents& out) {
  const std::size_t had = slot.bytes.size();
  // Until the length is known only its own four bytes are taken, so that no byte is kept that is not wanted.
  std::size_t used = 0;
  if (had < kPrefix) {
    used = std::min(kPrefix - had, data.size());
    slot.bytes.append(text_of(data.first(used)));
    buffered_ += used;
  }
  if (slot.bytes.size() >= kPrefix) {
    const std::size_t length = length_of(slot.bytes);
    if (length == 0 || length > config_.max_message) {
      return fail(slot, stream, {Errc::BadFrame, "length " + std::to_string(length)}, !fin, out);
    }
    const std::size_t missing = kPrefix + length - slot.bytes.size();
    const std::size_t taken = std::min(missing, data.size() - used);
    const bool in_front = &slot == &slots_.front();
    if (!in_front && buffered_ - slots_.front().bytes.size() + taken > kBufferBehind) {
      return fail(slot, stream, {Errc::LimitReached, "signal buffer"}, !fin, out);
    }
    slot.bytes.append(text_of(data.subspan(used, taken)));
    buffered_ += taken;
    if (taken == missing) {
      slot.bytes.erase(0, kPrefix);
      buffered_ -= kPrefix;
      slot.state = State::Whole;
      if (!fin) out.emplace_back(StopStream{stream});
      return;
    }
  }
  if (fin) fail(slot, stream, {Errc::BadFrame, "ended early"}, false, out);
}

void SignalInbox::fail(Slot& slot, StreamId stream, Error error, bool stop, InboxEvents& out) {
  buffered_ -= slot.bytes.size();
  slot.bytes = {};
  slot.state = State::Dead;
  if (stop) out.emplace_back(StopStream{stream});
  out.emplace_back(BadStream{stream, std::move(error)});
}

/// Hands out what is whole at the front and forgets what is over.
void SignalInbox::deliver(InboxEvents& out) {
  for (; !slots_.empty() && slots_.front().state != State::Collecting; ++next_) {
    Slot& slot = slots_.front();
    if (slot.state == State::Whole) {
      buffered_ -= slot.bytes.size();
      out.emplace_back(InboxMessage{stream_at(0), std::move(slot.bytes)});
    }
    slots_.pop_front();
  }
}

}  // namespace wzp::proto
