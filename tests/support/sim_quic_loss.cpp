#include <algorithm>

#include "support/sim_quic_connection.hpp"

namespace wzp::sim {
namespace {

// Source: RFC 9002 6.1.1, 6.2.1.
constexpr std::uint64_t kPacketThreshold = 3;
constexpr Duration kGranularity = std::chrono::milliseconds{1};
constexpr Duration kMaxAckDelay = std::chrono::milliseconds{25};
constexpr int kMaxDoublings = 10;
constexpr std::size_t kRangesTold = 8;
constexpr std::size_t kMaxRepeats = 16;
constexpr std::size_t kOverhead = 40;

std::size_t size_of(const Frame& frame) {
  if (const auto* stream = std::get_if<StreamFrame>(&frame)) return stream->length + 8;
  if (const auto* datagram = std::get_if<DatagramFrame>(&frame)) return datagram->data->size() + 3;
  return 8;
}

bool is_reliable(const Frame& frame) {
  return std::holds_alternative<StreamFrame>(frame) || std::holds_alternative<HandshakeDoneFrame>(frame) ||
         std::holds_alternative<PathChallengeFrame>(frame);
}

}  // namespace

void SimConnection::transmit(std::vector<Frame> frames) {
  const auto now = endpoint_.queue_.now();
  Sent sent;
  sent.when = now;
  std::size_t size = kOverhead;
  for (const auto& frame : frames) {
    size += size_of(frame);
    if (!std::holds_alternative<AckFrame>(frame)) sent.asks_ack = true;
    if (is_reliable(frame)) sent.reliable.push_back(frame);
    if (const auto* datagram = std::get_if<DatagramFrame>(&frame)) sent.tag = datagram->tag;
  }
  auto packet = std::make_shared<ProtectedPacket>(QuicPacket::Kind::Protected, peer_, size);
  packet->number = next_number_++;
  packet->frames = std::move(frames);
  if (sent.asks_ack) {
    last_asking_ = now;
    if (!asked_since_heard_) idle_since_ = now;
    asked_since_heard_ = true;
    sent_.emplace(packet->number, std::move(sent));
  }
  endpoint_.send(remote_, std::move(packet));
  endpoint_.plan(*this);
}

void SimConnection::send_ack() {
  AckFrame ack;
  for (auto range = received_.rbegin(); range != received_.rend() && ack.ranges.size() < kRangesTold; ++range) ack.ranges.push_back(*range);
  to_acknowledge_ = 0;
  ack_due_.reset();
  transmit({std::move(ack)});
}

void SimConnection::on_frame(const AckFrame& frame) {
  const auto now = endpoint_.queue_.now();
  std::vector<Sent> news;
  bool first = true;
  for (const auto& [low, high] : frame.ranges) {
    for (auto at = sent_.lower_bound(low); at != sent_.end() && at->first <= high;) {
      if (first && at->first == frame.ranges.front().second) measure(now - at->second.when);
      news.push_back(std::move(at->second));
      at = sent_.erase(at);
    }
    first = false;
  }
  if (news.empty()) return;
  probes_ = 0;
  lose_behind(frame.ranges.front().second, now);
  for (auto& sent : news) {
    acknowledged(sent);
    if (state_ == State::Closed) return;
  }
  if (lingering_ && outgoing_.empty()) endpoint_.plan(*this);
}

void SimConnection::acknowledged(Sent& sent) {
  if (sent.tag != 0) endpoint_.handler_.on_datagram_acked(id_, sent.tag);
  for (const auto& frame : sent.reliable) {
    const auto* part = std::get_if<StreamFrame>(&frame);
    if (part == nullptr) continue;
    const auto message = outgoing_.find(part->stream);
    if (message == outgoing_.end()) continue;
    message->second.missing.erase(part->offset);
    if (!message->second.missing.empty()) continue;
    outgoing_bytes_ -= message->second.bytes;
    outgoing_.erase(message);
    endpoint_.handler_.on_message_acked(id_, part->stream);
    if (state_ == State::Closed) return;
  }
}

void SimConnection::lose_behind(std::uint64_t newest, Instant now) {
  std::vector<Frame> lost;
  const auto limit = now - rtt_ * 9 / 8;
  for (auto at = sent_.begin(); at != sent_.end() && at->first < newest;) {
    if (at->first + kPacketThreshold > newest && at->second.when > limit) {
      ++at;
      continue;
    }
    std::move(at->second.reliable.begin(), at->second.reliable.end(), std::back_inserter(lost));
    at = sent_.erase(at);
  }
  repeat(std::move(lost));
}

void SimConnection::repeat(std::vector<Frame> frames) {
  for (auto& frame : frames) transmit({std::move(frame)});
}

void SimConnection::on_probe_timeout(Instant now) {
  ++probes_;
  std::vector<Frame> again;
  for (auto at = sent_.begin(); at != sent_.end() && again.size() < kMaxRepeats;) {
    if (at->second.reliable.empty() && now - at->second.when < probe_timeout()) {
      ++at;
      continue;
    }
    std::move(at->second.reliable.begin(), at->second.reliable.end(), std::back_inserter(again));
    at = sent_.erase(at);
  }
  if (again.empty()) again.emplace_back(PingFrame{});
  repeat(std::move(again));
}

void SimConnection::measure(Duration sample) {
  if (!rtt_measured_) {
    rtt_ = sample;
    rtt_variation_ = sample / 2;
    rtt_measured_ = true;
    return;
  }
  const auto off = sample > rtt_ ? sample - rtt_ : rtt_ - sample;
  rtt_variation_ = (rtt_variation_ * 3 + off) / 4;
  rtt_ = (rtt_ * 7 + sample) / 8;
}

Duration SimConnection::probe_timeout() const { return rtt_ + std::max(rtt_variation_ * 4, kGranularity) + kMaxAckDelay; }

std::optional<Instant> SimConnection::probe_due() const {
  if (sent_.empty()) return std::nullopt;
  return last_asking_ + probe_timeout() * (1 << std::min(probes_, kMaxDoublings));
}

void SimConnection::send_close() {
  if (peer_ == 0) return;  // the other side does not know us yet
  auto packet = std::make_shared<ProtectedPacket>(QuicPacket::Kind::Protected, peer_, kOverhead + closed_with_.reason.size());
  packet->number = next_number_++;
  packet->frames.emplace_back(closed_with_);
  endpoint_.send(remote_, std::move(packet));
}

void SimConnection::end(const quic::CloseInfo& info) {
  state_ = State::Closed;
  handshake_ends_.reset();
  handshake_resend_.reset();
  sent_.clear();
  outgoing_.clear();
  incoming_.clear();
  // RFC 9000 10.2: three probe timeouts. Whoever timed out knows nothing any more.
  const bool lingers = info.kind != quic::CloseKind::IdleTimeout && info.kind != quic::CloseKind::HandshakeTimeout;
  endpoint_.retire(*this, lingers ? probe_timeout() * 3 : Duration{});
  if (!reported_) return;
  reported_ = false;
  if (info.by_peer || info.kind != quic::CloseKind::Local) return endpoint_.handler_.on_closed(id_, info);
  // Our own doing: said in a moment, so that whoever did it is not called back from inside.
  endpoint_.queue_.after({}, [&handler = endpoint_.handler_, alive = std::weak_ptr<bool>{endpoint_.alive_}, id = id_, info] {
    if (alive.lock()) handler.on_closed(id, info);
  });
}

}  // namespace wzp::sim
