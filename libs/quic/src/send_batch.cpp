#include "send_batch.hpp"

#include <cstring>

namespace wzp::quic {

SendBatch::SendBatch(net::UdpSocket& socket) : socket_{socket}, bytes_{new std::uint8_t[kBytes]} {}

std::uint8_t* SendBatch::space() {
  if (kBytes - used_ < kMaxPacket || count_ == kTrains) send();
  return bytes_.get() + used_;
}

bool SendBatch::extends_last(std::size_t size, const Path& path, std::uint8_t ecn) const {
  if (count_ == 0) return false;
  const auto& last = trains_[count_ - 1];
  return size <= last.segment && last_size_ == last.segment && last.ecn == ecn &&
         last.bytes.size() + size <= net::kMaxTrainBytes && last.bytes.size() / last.segment < net::kMaxTrainSegments &&
         last.remote == path.remote && last.local == path.local;
}

void SendBatch::commit(std::size_t size, const Path& path, std::uint8_t ecn) {
  ++packets;
  if (extends_last(size, path, ecn)) {
    auto& last = trains_[count_ - 1];
    last.bytes = {last.bytes.data(), last.bytes.size() + size};
  } else {
    trains_[count_++] = {.remote = path.remote,
                         .local = path.local,
                         .ecn = ecn,
                         .segment = static_cast<std::uint16_t>(size),
                         .bytes = {bytes_.get() + used_, size}};
    ++trains;
  }
  last_size_ = size;
  used_ += size;
}

void SendBatch::add(ByteView packet, const Path& path) {
  if (packet.empty() || packet.size() > kMaxPacket) return;
  std::memcpy(space(), packet.data(), packet.size());
  commit(packet.size(), path, 0);
}

void SendBatch::send() {
  if (count_) socket_.send({trains_.data(), count_});
  count_ = 0;
  used_ = 0;
}

}  // namespace wzp::quic
