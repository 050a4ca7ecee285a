#include "wzp/client/media_session.hpp"

#include <algorithm>
#include <array>

namespace wzp::client {
namespace {

/// Rejected packets in a row that mean a new start of an unsealed sender. Source: client.md D-59; 200 ms.
constexpr int kRestartAfter = 10;

proto::MediaHeader header_of(const MediaSession::Frame& frame, std::uint64_t number) {
  proto::MediaHeader header;
  header.codec = frame.codec;
  header.seq = static_cast<std::uint16_t>(number);
  header.timestamp = frame.timestamp_ms;
  return header;
}

}  // namespace

MediaSession::MediaSession(const MediaStart& start) {
  if (!start.keys) return;
  sealer_.emplace(start.keys->sending(start.role));
  opener_.emplace(start.keys->receiving(start.role));
}

Result<MediaSession::Outgoing> MediaSession::send(const Frame& frame, std::span<std::uint8_t> out) {
  if (frame.payload.size() > kMaxPayload) return Unexpected{Errc::TooLong, "payload"};
  Outgoing made;
  if (sealer_) {
    std::array<std::uint8_t, proto::MediaHeader::kSize> header{};
    proto::write(header_of(frame, 0), header);
    const auto sealed = sealer_->seal(header, frame.payload, {}, out);
    if (!sealed) return sealed.failure();
    made = {sealed->size, paths_.send_on, sealed->packet_number};
  } else {
    const auto written = proto::write_packet({header_of(frame, plain_next_), frame.payload, std::nullopt}, out);
    if (!written) return written.failure();
    made = {*written, paths_.send_on, plain_next_++};
  }
  ++counters_.sent;
  if (made.paths.empty()) ++counters_.no_path;
  return made;
}

Result<MediaSession::Received> MediaSession::receive(ConnectionId conn, ByteView datagram,
                                                     std::span<std::uint8_t> plaintext) {
  const auto& known = paths_.accept_from;
  if (std::find(known.begin(), known.end(), conn) == known.end()) {
    ++counters_.stranger;
    return Unexpected{Errc::NotAllowed, "not a path of this call"};
  }
  if (!datagram.empty() && datagram[0] >= proto::kDirectProbe) {
    ++counters_.probe;
    return Unexpected{Errc::Unsupported, "marker"};
  }
  auto received = opener_ ? open(datagram, plaintext) : read_plain(datagram);
  if (!received) count_failure(received.error().code);
  return received;
}

Result<MediaSession::Received> MediaSession::open(ByteView datagram, std::span<std::uint8_t> plaintext) {
  const auto opened = opener_->open(datagram, plaintext);
  if (!opened) return opened.failure();
  const auto header = proto::parse_header(datagram);
  if (!header) return header.failure();
  Received received{*header, opened->packet_number, plaintext.first(opened->size), std::nullopt};
  if (!opened->report.empty()) {
    if (const auto report = proto::parse_quality_report(opened->report)) received.report = *report;
  }
  count_received(opened->packet_number, opener_->expected());
  return received;
}

Result<MediaSession::Received> MediaSession::read_plain(ByteView datagram) {
  const auto packet = proto::parse_packet(datagram);
  if (!packet) return packet.failure();
  const auto seq = packet->header.seq;
  // The first packet may carry any sequence; one turn above zero leaves room for those that it overtook.
  const auto first = std::uint64_t{0x10000} + seq;
  if (rejected_in_a_row_ >= kRestartAfter) {
    // Go on behind what was handed out, with a window's room again; the room is no loss.
    offset_ += window_.expected() + crypto::ReplayWindow::kSize - first;
    restart_room_ += crypto::ReplayWindow::kSize;
    window_ = {};
    rejected_in_a_row_ = 0;
  }
  const auto expected = window_.highest() ? window_.expected() : first;
  const auto number = crypto::recover_packet_number(expected, seq);
  const auto verdict = number ? window_.look(*number) : crypto::ReplayWindow::Verdict::TooOld;
  if (verdict != crypto::ReplayWindow::Verdict::Fresh) {
    ++rejected_in_a_row_;
    const bool replayed = verdict == crypto::ReplayWindow::Verdict::Replayed;
    return Unexpected{replayed ? Errc::Replayed : Errc::TooOld, "sequence"};
  }
  window_.mark(*number);
  rejected_in_a_row_ = 0;
  count_received(offset_ + *number, offset_ + window_.expected());
  return Received{packet->header, offset_ + *number, packet->payload, packet->report};
}

void MediaSession::count_received(std::uint64_t number, std::uint64_t expected) {
  ++counters_.received;
  lowest_ = std::min(lowest_.value_or(number), number);
  const auto span = expected - *lowest_ - restart_room_;
  counters_.lost = span > counters_.received ? span - counters_.received : 0;
}

void MediaSession::count_failure(Errc code) {
  switch (code) {
    case Errc::Replayed: ++counters_.duplicate; break;
    case Errc::TooOld: ++counters_.old; break;
    case Errc::BadProof: ++counters_.auth; break;
    default: ++counters_.malformed; break;
  }
}

}  // namespace wzp::client
