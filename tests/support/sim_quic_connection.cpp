#include "support/sim_quic_connection.hpp"

#include <algorithm>

namespace wzp::sim {
namespace {

using Kind = QuicPacket::Kind;

constexpr std::size_t kPartBytes = 1100;
constexpr Duration kAckDelay = std::chrono::milliseconds{25};
constexpr std::size_t kMaxRanges = 32;

}  // namespace

void SimConnection::receive(const QuicPacket& packet, const SocketAddress& from) {
  switch (packet.kind) {
    case Kind::Initial: return on_initial(static_cast<const HandshakePacket&>(packet), from);
    case Kind::ServerFlight: return on_server_flight(static_cast<const HandshakePacket&>(packet), from);
    case Kind::ClientFinish: return on_client_finish(static_cast<const HandshakePacket&>(packet));
    case Kind::Protected: return on_protected(static_cast<const ProtectedPacket&>(packet), from);
    case Kind::Reset: return on_reset(static_cast<const ResetPacket&>(packet));
    case Kind::Punch: return;
  }
}

void SimConnection::on_protected(const ProtectedPacket& packet, const SocketAddress& from) {
  if (state_ == State::Closed) {
    if (closed_by_us_) send_close();
    return;
  }
  if (inbound_ && !confirmed_) {
    // Not readable before the end of the handshake; the peer repeats it. A close alone may come earlier.
    for (const auto& frame : packet.frames) {
      if (const auto* close = std::get_if<CloseFrame>(&frame)) return on_frame(*close);
    }
    return;
  }
  if (!inbound_ && from != remote_) return;  // a server stays where it is
  const bool newest = received_.empty() || packet.number > received_.back().second;
  if (!note_number(packet.number)) return;
  const auto now = endpoint_.queue_.now();
  last_heard_ = idle_since_ = now;
  asked_since_heard_ = false;
  bool asks_ack = false;
  for (const auto& frame : packet.frames) asks_ack |= !std::holds_alternative<AckFrame>(frame) && !std::holds_alternative<CloseFrame>(frame);
  if (inbound_ && newest && from != remote_) move_to(from);
  for (const auto& frame : packet.frames) {
    std::visit([&](const auto& f) { on_frame(f); }, frame);
    if (state_ == State::Closed) return;
  }
  if (!asks_ack) return;
  if (++to_acknowledge_ >= 2 || !newest) return send_ack();
  if (!ack_due_) ack_due_ = now + kAckDelay;
}

bool SimConnection::note_number(std::uint64_t number) {
  auto at = std::lower_bound(received_.begin(), received_.end(), number, [](const auto& range, auto n) { return range.second < n; });
  if (at != received_.end() && at->first <= number) return false;
  if (received_.size() >= kMaxRanges && at == received_.begin()) return false;  // too old to tell
  at = received_.insert(at, {number, number});
  if (const auto next = std::next(at); next != received_.end() && next->first == number + 1) {
    at->second = next->second;
    received_.erase(next);
  }
  if (at != received_.begin()) {
    const auto before = std::prev(at);
    if (before->second + 1 == at->first) {
      before->second = at->second;
      received_.erase(at);
    }
  }
  if (received_.size() > kMaxRanges) received_.erase(received_.begin());
  return true;
}

void SimConnection::on_frame(const StreamFrame& frame) {
  auto& stream = incoming_[frame.stream];
  if (stream.done || stream.stopped || frame.offset < stream.next) return;
  stream.waiting.emplace(frame.offset, frame);
  while (state_ != State::Closed) {
    auto& current = incoming_[frame.stream];
    const auto part = current.waiting.find(current.next);
    if (part == current.waiting.end() || current.stopped || current.done) return;
    const auto taken = part->second;
    current.waiting.erase(part);
    current.next += taken.length;
    current.done = taken.fin;
    endpoint_.handler_.on_stream(id_, frame.stream, ByteView{*taken.message}.subspan(taken.offset, taken.length), taken.fin);
  }
}

void SimConnection::on_frame(const DatagramFrame& frame) { endpoint_.handler_.on_datagram(id_, *frame.data); }

void SimConnection::on_frame(const PathChallengeFrame& frame) { transmit({PathResponseFrame{frame.data}}); }

void SimConnection::on_frame(const PathResponseFrame& frame) {
  if (challenge_ != frame.data) return;
  challenge_.reset();
  endpoint_.handler_.on_path_changed(id_, remote_);
}

void SimConnection::on_frame(const CloseFrame& frame) {
  const auto kind = frame.application ? quic::CloseKind::Application
                    : state_ == State::Handshaking && certificate_demanded_ ? quic::CloseKind::CertificateRefused
                                                                            : quic::CloseKind::Transport;
  end({.kind = kind, .by_peer = true, .code = frame.code, .reason = frame.reason});
}

void SimConnection::on_reset(const ResetPacket& packet) {
  if (state_ == State::Closed || packet.token != peer_reset_token_) return;
  end({.kind = quic::CloseKind::Reset, .by_peer = true, .code = 0, .reason = ""});
}

void SimConnection::move_to(const SocketAddress& remote) {
  remote_ = remote;
  challenge_ = endpoint_.random_.next();
  transmit({PathChallengeFrame{*challenge_}});
}

// --- what the owner wants

Result<quic::StreamId> SimConnection::send_message(ByteView bytes) {
  if (state_ != State::Connected || lingering_) return Unexpected{Errc::WrongState, "connection"};
  if (outgoing_.size() >= endpoint_.config_.max_outgoing_messages) return Unexpected{Errc::LimitReached, "messages"};
  if (!outgoing_.empty() && outgoing_bytes_ + bytes.size() > endpoint_.config_.max_outgoing_bytes) {
    return Unexpected{Errc::LimitReached, "bytes"};
  }
  const auto stream = next_stream_;
  next_stream_ += 4;
  const auto message = std::make_shared<const Bytes>(bytes.begin(), bytes.end());
  auto& out = outgoing_[stream];
  out.when = endpoint_.queue_.now();
  out.bytes = bytes.size();
  outgoing_bytes_ += bytes.size();
  for (std::size_t offset = 0; offset < bytes.size(); offset += kPartBytes) out.missing.insert(offset);
  for (std::size_t offset = 0; offset < bytes.size(); offset += kPartBytes) {
    const auto length = std::min(kPartBytes, bytes.size() - offset);
    transmit({StreamFrame{stream, message, offset, length, offset + length == bytes.size()}});
  }
  return stream;
}

Result<void> SimConnection::send_datagram(ByteView data, quic::DatagramTag tag) {
  if (state_ != State::Connected || lingering_) return Unexpected{Errc::WrongState, "connection"};
  transmit({DatagramFrame{std::make_shared<const Bytes>(data.begin(), data.end()), tag}});
  return {};
}

void SimConnection::close(std::uint64_t code, std::string_view reason) {
  if (state_ == State::Closed) return;
  closed_with_ = {true, code, std::string{reason}};
  closed_by_us_ = true;
  lingering_.reset();
  send_close();
  end({.kind = quic::CloseKind::Local, .by_peer = false, .code = code, .reason = std::string{reason}});
}

void SimConnection::close_when_sent(std::uint64_t code, std::string_view reason, Duration linger) {
  if (state_ == State::Closed || lingering_) return;
  if (outgoing_.empty()) return close(code, reason);
  lingering_ = {endpoint_.queue_.now() + linger, code, std::string{reason}};
}

std::optional<Instant> SimConnection::oldest_message() const {
  std::optional<Instant> oldest;
  for (const auto& [stream, message] : outgoing_) oldest = earliest(oldest, message.when);
  return oldest;
}

// --- time

void SimConnection::tick(Instant now) {
  if (state_ == State::Closed) return;
  if (handshake_ends_ && now >= *handshake_ends_) {
    return end({.kind = quic::CloseKind::HandshakeTimeout, .by_peer = false, .code = 0, .reason = ""});
  }
  if (handshake_resend_ && now >= *handshake_resend_) send_handshake();
  if (state_ != State::Connected) return;
  if (now - idle_since_ >= endpoint_.config_.idle_timeout) {
    return end({.kind = quic::CloseKind::IdleTimeout, .by_peer = false, .code = 0, .reason = ""});
  }
  if (lingering_ && (outgoing_.empty() || now >= lingering_->until)) return close(lingering_->code, Lingering{*lingering_}.reason);
  if (const auto due = probe_due(); due && now >= *due) on_probe_timeout(now);
  if (now - std::max(last_heard_, last_asking_) >= endpoint_.config_.keep_alive) transmit({PingFrame{}});
  if (ack_due_ && now >= *ack_due_) send_ack();
}

std::optional<Instant> SimConnection::deadline() const {
  if (state_ == State::Closed) return std::nullopt;
  auto due = earliest(handshake_ends_, handshake_resend_);
  if (state_ != State::Connected) return due;
  due = earliest(due, idle_since_ + endpoint_.config_.idle_timeout);
  due = earliest(due, std::max(last_heard_, last_asking_) + endpoint_.config_.keep_alive);
  due = earliest(due, probe_due());
  due = earliest(due, ack_due_);
  if (lingering_) due = earliest(due, outgoing_.empty() ? endpoint_.queue_.now() : lingering_->until);
  return due;
}

}  // namespace wzp::sim
