#include "wzp/media/speakers.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "continuity.hpp"
#include "wzp/media/level.hpp"
#include "wzp/media/timeline.hpp"

namespace wzp::media {
namespace {

/// Softer than this nobody speaks. Source: our choice, under the room noise of a headset.
constexpr double kSilentDbfs = -55.0;
/// A source that pauses for so long may begin anew.
constexpr Duration kMayRestart = std::chrono::milliseconds{200};

/// The part of RFC 3550 6.4.1 that counts, in milliseconds.
class Jitter {
 public:
  void add(std::uint32_t timestamp, Instant arrival) {
    const auto at = std::chrono::duration<double, std::milli>{arrival.time_since_epoch()}.count();
    const double transit = at - static_cast<double>(timeline_.to_ms(timeline_.extend(timestamp)));
    const double d = std::abs(transit - transit_);
    // A leap is a new time line, not jitter.
    if (any_ && d < kLeapMs) value_ += (d - value_) / 16;
    any_ = true;
    transit_ = transit;
  }
  [[nodiscard]] double value() const { return value_; }

 private:
  static constexpr double kLeapMs = 3000;
  Timeline timeline_;
  bool any_ = false;
  double transit_ = 0;
  double value_ = 0;
};

}  // namespace

struct Speakers::Speaker {
  SpeakerId id;
  Playout playout;
  Continuity continuity;
  Jitter jitter;
  Instant last_packet;
  Instant last_sound;
  bool was_audible = false;
};

std::string to_string(const SpeakerId& id) {
  return id.source ? proto::to_string(*id.source) : "speaker-" + std::to_string(id.number);
}

Speakers::Speakers() { heard_.reserve(kMaxSpeakers); }
Speakers::Speakers(Speakers&&) noexcept = default;
Speakers& Speakers::operator=(Speakers&&) noexcept = default;
Speakers::~Speakers() = default;

bool Speakers::receive(ByteView datagram, Instant now) {
  if (datagram.empty() || datagram[0] != proto::kTrunkMarker) {
    if (!receive_packet(std::nullopt, datagram, now)) return false;
    ++stats_.bare_packets;
    return true;
  }
  ++stats_.trunk_frames;
  auto rest = datagram.subspan(1);
  if (rest.empty()) ++stats_.malformed;
  bool any = false;
  while (!rest.empty()) {
    const auto entry = proto::take_member_entry(rest);
    if (!entry) {
      ++stats_.malformed;
      break;
    }
    any |= receive_packet(entry->source, entry->packet, now);
  }
  return any;
}

bool Speakers::receive_packet(const Source& source, ByteView bytes, Instant now) {
  const auto packet = proto::parse_packet(bytes);
  if (!packet) {
    ++stats_.malformed;
    return false;
  }
  ++stats_.received;
  auto* speaker = find(source, *packet, now);
  if (speaker == nullptr) speaker = add(source, now);
  if (speaker == nullptr) {
    ++stats_.refused;
    return true;
  }
  speaker->last_packet = now;
  speaker->continuity.take(packet->header, packet->payload, now);
  if (!packet->header.is_repair) speaker->jitter.add(packet->header.timestamp, now);
  (void)speaker->playout.receive(packet->header, packet->payload, now);  // counted by the playout
  return true;
}

Speakers::Speaker* Speakers::find(const Source& source, const proto::MediaPacketView& packet, Instant now) {
  Speaker* best = nullptr;
  Speaker* only = nullptr;
  int best_score = 0;
  std::size_t count = 0;
  for (const auto& speaker : speakers_) {
    if (speaker->id.source != source) continue;
    ++count;
    only = speaker.get();
    const auto score = speaker->continuity.fits(packet.header, packet.payload, now);
    if (!score || (best != nullptr && *score >= best_score)) continue;
    best = speaker.get();
    best_score = *score;
  }
  if (best != nullptr) return best;
  return source && count == 1 && now - only->last_packet >= kMayRestart ? only : nullptr;
}

Speakers::Speaker* Speakers::add(const Source& source, Instant now) {
  if (source) {
    const auto same =
        std::count_if(speakers_.begin(), speakers_.end(), [&](const auto& s) { return s->id.source == source; });
    if (static_cast<std::size_t>(same) >= kMaxPerSource && !evict(&source, now)) return nullptr;
  }
  if (speakers_.size() >= kMaxSpeakers && !evict(nullptr, now)) return nullptr;
  auto playout = Playout::create();
  if (!playout) return nullptr;
  const SpeakerId id{source, static_cast<std::uint32_t>(++stats_.speakers)};
  speakers_.push_back(std::make_unique<Speaker>(Speaker{id, std::move(*playout), {}, {}, now, now}));
  return speakers_.back().get();
}

bool Speakers::evict(const Source* source, Instant now) {
  std::optional<std::size_t> silent;
  for (std::size_t i = 0; i < speakers_.size(); ++i) {
    if (source != nullptr && speakers_[i]->id.source != *source) continue;
    if (!silent || speakers_[i]->last_sound < speakers_[*silent]->last_sound) silent = i;
  }
  if (!silent || now - speakers_[*silent]->last_sound < kEvictAfter) return false;
  drop(*silent);
  ++stats_.evicted;
  return true;
}

void Speakers::drop(std::size_t index) {
  const auto stats = speakers_[index]->playout.stats();
  stats_.lost += stats.jitter.lost;
  stats_.late += stats.jitter.late;
  stats_.concealed_frames += stats.jitter.concealed_frames;
  stats_.bad_packets += stats.bad_packets + stats.unsupported;
  speakers_.erase(speakers_.begin() + static_cast<std::ptrdiff_t>(index));
}

std::span<const Speakers::Heard> Speakers::next_frames(Instant now) {
  for (std::size_t i = speakers_.size(); i-- > 0;) {
    if (now - speakers_[i]->last_packet < kExpireAfter) continue;
    drop(i);
    ++stats_.expired;
  }
  heard_.clear();
  for (const auto& speaker : speakers_) {
    const auto frame = speaker->playout.next_frame(now);
    const bool audible = level(frame).rms_dbfs > kSilentDbfs;
    if (audible) speaker->last_sound = now;
    const bool first = audible && !std::exchange(speaker->was_audible, true);
    heard_.push_back({speaker->id, frame, audible, first});
  }
  return heard_;
}

std::size_t Speakers::size() const noexcept { return speakers_.size(); }

SpeakersStats Speakers::stats() const {
  auto out = stats_;
  for (const auto& speaker : speakers_) {
    const auto stats = speaker->playout.stats();
    out.lost += stats.jitter.lost;
    out.late += stats.jitter.late;
    out.concealed_frames += stats.jitter.concealed_frames;
    out.bad_packets += stats.bad_packets + stats.unsupported;
  }
  return out;
}

Duration Speakers::jitter(Instant now) const {
  std::optional<double> least;
  for (const auto& speaker : speakers_) {
    if (now - speaker->last_packet >= kEvictAfter) continue;
    const double value = speaker->jitter.value();
    least = std::min(least.value_or(value), value);
  }
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::milli>{least.value_or(0)});
}

}  // namespace wzp::media
