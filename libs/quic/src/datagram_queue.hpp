#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "ng.hpp"
#include "wzp/base/bytes.hpp"
#include "wzp/base/time.hpp"

namespace wzp::quic {

/// Memory for waiting datagrams, shared by all connections of an endpoint: what one has sent the next one uses again.
/// Grows to the largest number that ever waited at once.
class BlockPool {
 public:
  struct Block {
    Block* next = nullptr;
    std::uint8_t bytes[kMaxPacket];
  };

  [[nodiscard]] Block* take();
  void give(Block* block) noexcept;

 private:
  std::vector<std::unique_ptr<Block>> all_;
  Block* free_ = nullptr;
};

/// Datagrams of one connection that wait to be sent. When it is full the oldest gives way: a voice packet that is late is worth
/// less than a new one. Takes no memory before its first datagram, and then nothing per datagram.
class DatagramQueue {
 public:
  DatagramQueue(BlockPool& pool, std::size_t capacity) : pool_{pool}, capacity_{capacity} {}
  DatagramQueue(const DatagramQueue&) = delete;
  DatagramQueue& operator=(const DatagramQueue&) = delete;
  ~DatagramQueue();

  struct Item {
    BlockPool::Block* block = nullptr;
    std::uint16_t size = 0;
    Instant queued{};
    std::uint64_t tag = 0;
  };

  /// `prefix | payload`, together at most kMaxPacket bytes.
  void push(ByteView prefix, ByteView payload, std::uint64_t tag, Instant now);
  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
  [[nodiscard]] std::size_t size() const noexcept { return count_; }
  [[nodiscard]] const Item& front() const noexcept { return ring_[head_]; }
  void pop() noexcept;
  /// Drops what was queued before `oldest`.
  void drop_before(Instant oldest) noexcept;
  void drop_front() noexcept;
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }

 private:
  BlockPool& pool_;
  std::size_t capacity_;
  std::vector<Item> ring_;
  std::size_t head_ = 0;
  std::size_t count_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace wzp::quic
