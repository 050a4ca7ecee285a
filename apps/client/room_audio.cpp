#include "client/room_audio.hpp"

#include <algorithm>

namespace wzp::client_app {
namespace {

// Source: client.md D-37.
constexpr int kMaxCatchUp = 3;
// What libopus makes of a frame that need not be sent. Source: opus_encoder.h, discontinuous transmission.
constexpr std::size_t kSilentPayload = 2;

}  // namespace

Result<std::unique_ptr<RoomAudio>> RoomAudio::create(Ends ends, Ports ports) {
  auto encoder = media::Encoder::create({.codec = kDefaultCodec, .constant_rate = false});
  if (!encoder) return encoder.failure();
  return std::unique_ptr<RoomAudio>{new RoomAudio{ends, std::move(ports), std::move(*encoder)}};
}

RoomAudio::RoomAudio(Ends ends, Ports ports, media::Encoder encoder)
    : ends_{ends}, ports_{std::move(ports)}, encoder_{std::move(encoder)} {}

void RoomAudio::open(Instant now) {
  open_ = true;
  report_.reset();
  if (!next_frame_) next_frame_ = now;
}

void RoomAudio::tick(Instant now) {
  if (!next_frame_) return;
  for (int made = 0; *next_frame_ <= now; *next_frame_ += media::kFrameDuration) {
    if (made++ < kMaxCatchUp) {
      do_frame(now);
    } else {
      ++summary_.frames_skipped;
      timestamp_ms_ += 20;
    }
  }
}

void RoomAudio::do_frame(Instant now) {
  speak(now);
  listen(now);
}

void RoomAudio::speak(Instant now) {
  if (unsent_.empty() && wanted_ != encoder_.codec()) (void)encoder_.set_codec(wanted_);  // refused: stays
  const auto frame = ends_.source.next();
  if (ends_.sent != nullptr) ends_.sent->write(frame);
  unsent_.insert(unsent_.end(), frame.begin(), frame.end());
  if (unsent_.size() < encoder_.frame_samples()) return;
  if (const auto payload = encoder_.encode(unsent_)) send(*payload, now);
  timestamp_ms_ += static_cast<std::uint32_t>(unsent_.size() * 1000 / media::kSampleRate);
  unsent_.clear();
}

void RoomAudio::send(ByteView payload, Instant now) {
  if (!open_) {
    ++summary_.frames_unsent;
    return;
  }
  if (payload.size() <= kSilentPayload) {
    ++summary_.frames_silent;
    return;
  }
  proto::MediaHeader header;
  header.codec = encoder_.codec();
  header.seq = sequence_++;
  header.timestamp = timestamp_ms_;
  const auto size = proto::write_packet({header, payload, report_}, out_);
  if (!size) return;
  report_.reset();
  ++summary_.frames_sent;
  ports_.send(ByteView{out_}.first(*size), now);
}

void RoomAudio::listen(Instant now) {
  speaking_.clear();
  for (const auto& one : speakers_.next_frames(now)) {
    mixer_.add(one.frame);
    if (ends_.each != nullptr) ends_.each->write(one.speaker, one.frame);
    if (one.audible) speaking_.push_back(one.speaker);
    if (one.first) ports_.on_speaker(one.speaker);
  }
  const auto mixed = mixer_.take();
  summary_.least_gain = std::min(summary_.least_gain, mixer_.gain());
  if (ends_.heard != nullptr) ends_.heard->write(mixed);
  ++summary_.frames_played;
}

RoomAudio::Summary RoomAudio::summary() const {
  auto out = summary_;
  out.speakers = speakers_.stats();
  return out;
}

}  // namespace wzp::client_app
