#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "wzp/base/bytes.hpp"

namespace wzp::quic {

/// A message on its way: a stream of ours that is written as a whole and finished.
struct OutgoingMessage {
  std::int64_t stream = 0;
  Bytes bytes;  ///< ngtcp2 reads them until they are acknowledged
  std::size_t written = 0;
  bool opened = false;
  bool finished = false;  ///< the FIN is in a packet
  bool refused = false;   ///< the peer wants no more of it
  bool blocked = false;   ///< the peer's window for this stream is used up

  [[nodiscard]] bool uni() const noexcept { return stream & 2; }
  [[nodiscard]] bool wants_to_write() const noexcept { return !finished && !refused && !blocked; }
};

/// The messages of one connection that are not yet acknowledged, in the order in which they were given.
/// Streams are numbered when a message is queued: only this queue opens streams, and opens them in order.
class MessageQueue {
 public:
  explicit MessageQueue(bool server) : next_bidi_{server ? 1 : 0}, next_uni_{server ? 3 : 2} {}

  std::int64_t push(ByteView bytes, bool uni);
  [[nodiscard]] bool empty() const noexcept { return messages_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return messages_.size(); }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  /// For the writer, which may change the flags. Adding or removing invalidates it.
  [[nodiscard]] std::vector<OutgoingMessage>& all() noexcept { return messages_; }
  [[nodiscard]] OutgoingMessage* find(std::int64_t stream) noexcept;
  void remove(std::int64_t stream) noexcept;
  [[nodiscard]] bool anything_to_write() const noexcept;

 private:
  std::vector<OutgoingMessage> messages_;
  std::size_t bytes_ = 0;
  std::int64_t next_bidi_;
  std::int64_t next_uni_;
};

}  // namespace wzp::quic
