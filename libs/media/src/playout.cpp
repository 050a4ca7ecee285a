#include "wzp/media/playout.hpp"

#include <algorithm>

#include "wzp/media/level.hpp"

namespace wzp::media {
namespace {

/// Softer than this, a missing frame goes unnoticed. Source: our choice, room noise of a headset.
constexpr double kQuietDbfs = -45.0;

}  // namespace

Result<Playout> Playout::create() {
  auto decoder = Decoder::create();
  if (!decoder) return decoder.failure();
  return Playout{std::move(*decoder)};
}

Result<void> Playout::receive(const proto::MediaHeader& header, ByteView payload, Instant arrival) {
  if (header.is_repair) {
    ++stats_.unsupported;
    return Unexpected{Errc::Unsupported, "repair packets"};
  }
  JitterPacket packet{header.codec, header.seq, header.timestamp, kFrameSamples, payload};
  if (header.codec == CodecId::ComfortNoise) {
    if (payload.size() != 1) {
      ++stats_.bad_packets;
      return Unexpected{Errc::BadValue, "comfort noise"};
    }
  } else {
    const auto samples = packet_samples(header.codec, payload);
    if (!samples) {
      ++(samples.error().code == Errc::Unsupported ? stats_.unsupported : stats_.bad_packets);
      return samples.failure();
    }
    packet.samples = *samples;
  }
  return buffer_.insert(packet, arrival);
}

Frame Playout::next_frame(Instant now) {
  if (pcm_begin_ == pcm_end_) refill(now);
  Frame frame;
  std::copy_n(pcm_.begin() + static_cast<std::ptrdiff_t>(pcm_begin_), kFrameSamples, frame.begin());
  pcm_begin_ += kFrameSamples;
  quiet_ = level(frame).rms_dbfs < kQuietDbfs;
  ++stats_.frames;
  return frame;
}

void Playout::refill(Instant now) {
  pcm_begin_ = pcm_end_ = 0;
  auto popped = buffer_.pop(now, quiet_);
  const bool blend = popped.step == JitterBuffer::Step::Skip;
  Frame skipped{};
  if (blend) {
    decode(*popped.packet);
    std::copy_n(pcm_.begin(), kFrameSamples, skipped.begin());
    pcm_end_ = 0;
    popped = buffer_.pop(now, quiet_);
  }
  switch (popped.step) {
    case JitterBuffer::Step::Skip:
    case JitterBuffer::Step::Play: decode(*popped.packet); break;
    case JitterBuffer::Step::Conceal: append(decoder_.conceal()); break;
    case JitterBuffer::Step::Silence: silence(); break;
  }
  if (!blend) return;
  for (std::size_t i = 0; i < kFrameSamples; ++i) {
    const auto done = static_cast<int>(i);
    const auto all = static_cast<int>(kFrameSamples);
    pcm_[i] = static_cast<std::int16_t>((skipped[i] * (all - done) + pcm_[i] * done) / all);
  }
}

void Playout::decode(const JitterPacket& packet) {
  noise_level_ = packet.codec == CodecId::ComfortNoise ? packet.payload[0] : 0;
  if (packet.codec == CodecId::ComfortNoise) return silence();
  const auto pcm = decoder_.decode(packet.codec, packet.payload);
  if (pcm) return append(*pcm);
  ++stats_.bad_packets;
  for (std::size_t i = 0; i < packet.samples; i += kFrameSamples) append(decoder_.conceal());
}

/// Concealment fades to silence by itself, so that speech that broke off does not click.
void Playout::silence() {
  if (noise_level_ == 0) return append(decoder_.conceal());
  ++stats_.noise_frames;
  append(decoder_.comfort_noise(noise_level_));
}

void Playout::append(PcmView samples) {
  std::copy(samples.begin(), samples.end(), pcm_.begin() + static_cast<std::ptrdiff_t>(pcm_end_));
  pcm_end_ += samples.size();
}

PlayoutStats Playout::stats() const {
  PlayoutStats out = stats_;
  out.jitter = buffer_.stats();
  return out;
}

}  // namespace wzp::media
