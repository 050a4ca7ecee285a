#include "datagram_queue.hpp"

#include <cassert>
#include <cstring>

namespace wzp::quic {

BlockPool::Block* BlockPool::take() {
  if (!free_) return all_.emplace_back(std::make_unique<Block>()).get();
  auto* block = free_;
  free_ = block->next;
  return block;
}

void BlockPool::give(Block* block) noexcept {
  block->next = free_;
  free_ = block;
}

DatagramQueue::~DatagramQueue() {
  while (!empty()) pop();
}

void DatagramQueue::push(ByteView prefix, ByteView payload, std::uint64_t tag, Instant now) {
  assert(prefix.size() + payload.size() <= kMaxPacket);
  if (ring_.empty()) ring_.resize(capacity_);
  if (count_ == capacity_) drop_front();
  auto& item = ring_[(head_ + count_) % capacity_];
  item = {pool_.take(), static_cast<std::uint16_t>(prefix.size() + payload.size()), now, tag};
  if (!prefix.empty()) std::memcpy(item.block->bytes, prefix.data(), prefix.size());
  if (!payload.empty()) std::memcpy(item.block->bytes + prefix.size(), payload.data(), payload.size());
  ++count_;
}

void DatagramQueue::pop() noexcept {
  pool_.give(ring_[head_].block);
  head_ = (head_ + 1) % capacity_;
  --count_;
}

void DatagramQueue::drop_front() noexcept {
  pop();
  ++dropped_;
}

void DatagramQueue::drop_before(Instant oldest) noexcept {
  while (count_ && ring_[head_].queued < oldest) drop_front();
}

}  // namespace wzp::quic
