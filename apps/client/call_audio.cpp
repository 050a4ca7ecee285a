#include "client/call_audio.hpp"

namespace wzp::client_app {
namespace {

// Source: client.md D-37.
constexpr int kMaxCatchUp = 3;

}  // namespace

Result<std::unique_ptr<CallAudio>> CallAudio::create(const client::MediaStart& start, Ends ends, SendDatagram send) {
  // Sealed calls keep one packet size: sizes and gaps would tell what is said (crypto.md 5).
  auto encoder = media::Encoder::create({.codec = proto::CodecId::Opus24k, .constant_rate = start.keys.has_value()});
  if (!encoder) return encoder.failure();
  auto playout = media::Playout::create();
  if (!playout) return playout.failure();
  return std::unique_ptr<CallAudio>{new CallAudio{start, ends, std::move(send), std::move(*encoder), std::move(*playout)}};
}

CallAudio::CallAudio(const client::MediaStart& start, Ends ends, SendDatagram send, media::Encoder encoder, media::Playout playout)
    : session_{start}, ends_{ends}, send_{std::move(send)}, encoder_{std::move(encoder)}, playout_{std::move(playout)} {}

void CallAudio::set_paths(const client::MediaPaths& paths, Instant now) {
  session_.set_paths(paths);
  if (!next_frame_ && !paths.send_on.empty()) next_frame_ = now;
}

bool CallAudio::receive(ConnectionId conn, ByteView datagram, Instant now) {
  const auto received = session_.receive(conn, datagram, in_);
  if (!received) return false;  // counted by the session, by reason
  (void)playout_.receive(received->header, received->payload, now);  // counted by the playout
  return true;
}

void CallAudio::tick(Instant now) {
  if (!next_frame_) return;
  for (int made = 0; *next_frame_ <= now; *next_frame_ += media::kFrameDuration) {
    if (made++ < kMaxCatchUp) {
      do_frame(now);
    } else {
      ++frames_skipped_;
      timestamp_ms_ += 20;
    }
  }
}

void CallAudio::do_frame(Instant now) {
  const auto frame = ends_.source.next();
  if (ends_.sent != nullptr) ends_.sent->write(frame);
  if (const auto payload = encoder_.encode(frame)) {
    const auto packet = session_.send({encoder_.codec(), timestamp_ms_, *payload}, out_);
    if (packet) {
      for (const auto path : packet->paths) send_(path, ByteView{out_}.first(packet->size), now);
    }
  }
  timestamp_ms_ += 20;

  const auto heard = playout_.next_frame(now);
  heard_dbfs_ = media::level(heard).rms_dbfs;
  if (ends_.heard != nullptr) ends_.heard->write(heard);
  ++frames_played_;
}

CallAudio::Summary CallAudio::summary() const {
  return {session_.counters(), playout_.stats(), frames_played_, frames_skipped_};
}

}  // namespace wzp::client_app
