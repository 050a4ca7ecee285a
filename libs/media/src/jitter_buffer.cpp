#include "wzp/media/jitter_buffer.hpp"

#include <algorithm>
#include <utility>

namespace wzp::media {
namespace {

constexpr std::int64_t kFrameMs = 20;
/// Source of both: client.md 19.10.
constexpr std::int64_t kJumpMs = 3'000;
constexpr std::size_t kLateInARow = 10;
/// What the codec conceals well; after it, buffer again. Source: client.md 19.10.
constexpr std::int64_t kMaxStallMs = 120;
/// Steps between changes of the delay: one frame in 7 is 14 %. Source: client.md 19.10, at most 15 %.
constexpr std::size_t kAdjustEvery = 7;
/// Steps after which the delay shrinks although nobody is quiet. Source: our choice, 2 %.
constexpr std::size_t kShrinkLoudEvery = 50;
/// How far the delay may be off before it is changed in the middle of speech. Source: our choice.
constexpr std::int64_t kLoudShortMs = 20;
constexpr std::int64_t kLoudLongMs = 120;

/// b - a of sequence numbers, within half the circle.
int distance(std::uint16_t a, std::uint16_t b) { return static_cast<std::int16_t>(static_cast<std::uint16_t>(b - a)); }

}  // namespace

JitterBuffer::JitterBuffer() { waiting_.reserve(kMaxPackets); }

Result<void> JitterBuffer::insert(const JitterPacket& packet, Instant arrival) {
  if (packet.payload.size() > kMaxPayloadBytes) return Unexpected{Errc::TooLong, "media payload"};
  if (packet.samples == 0 || packet.samples > kMaxPacketSamples)
    return Unexpected{Errc::BadValue, "media packet length"};
  ++stats_.received;
  std::int64_t ticks = place(packet);
  if (is_duplicate(packet, ticks)) {
    ++stats_.duplicate;
    return {};
  }
  if (is_jump(timeline_.to_ms(ticks), arrival)) {
    restart();
    ticks = place(packet);
  } else if (is_late(packet, ticks)) {
    ++stats_.late;
    if (++late_in_a_row_ < kLateInARow) {
      delay_.hurt();
      return {};
    }
    restart();
    ticks = place(packet);
  }
  late_in_a_row_ = 0;
  if (packet.codec != CodecId::ComfortNoise) observe(timeline_.to_ms(ticks), arrival);
  store(packet, ticks, arrival);
  return {};
}

/// Where the packet belongs on the time line. Learning the unit anew makes all that was measured meaningless.
std::int64_t JitterBuffer::place(const JitterPacket& packet) {
  const bool unit = timeline_.counts_samples();
  const std::int64_t ticks = timeline_.extend(packet.timestamp);
  if (timeline_.counts_samples() != unit) {
    delay_ = {};
    state_ = State::Filling;
    last_sequence_.reset();
    last_relative_ms_.reset();
  }
  if (packet.codec != CodecId::ComfortNoise) return ticks;
  return ticks - (timeline_.counts_samples() ? std::int64_t{kFrameSamples} : kFrameMs);
}

bool JitterBuffer::is_duplicate(const JitterPacket& packet, std::int64_t ticks) const {
  const auto waits = [&](const Stored& s) { return s.ticks == ticks; };
  if (std::any_of(waiting_.begin(), waiting_.end(), waits)) return true;
  const auto known = std::min(played_count_, played_.size());
  return std::any_of(played_.begin(), played_.begin() + static_cast<std::ptrdiff_t>(known),
                     [&](const Played& p) { return p.ticks == ticks && p.sequence == packet.sequence; });
}

bool JitterBuffer::is_jump(std::int64_t ms, Instant arrival) {
  const std::int64_t at = std::chrono::duration_cast<std::chrono::milliseconds>(arrival.time_since_epoch()).count();
  const std::int64_t before = std::exchange(last_relative_ms_, at - ms).value_or(at - ms);
  return timeline_.settled() && std::abs(at - ms - before) > kJumpMs;
}

bool JitterBuffer::is_late(const JitterPacket& packet, std::int64_t ticks) {
  return last_sequence_ && timeline_.to_ms(ticks) + static_cast<std::int64_t>(packet.samples / 48) <= cursor_ms_;
}

void JitterBuffer::restart() {
  ++stats_.resets;
  timeline_ = {};
  delay_ = {};
  waiting_.clear();
  state_ = State::Filling;
  stalled_ms_ = 0;
  late_in_a_row_ = 0;
  in_silence_ = false;
  last_sequence_.reset();
  last_relative_ms_.reset();
  played_count_ = 0;
}

/// Tells the estimator about an arrival. One that ends an outage and is far behind its time may mean a slower path.
void JitterBuffer::observe(std::int64_t ms, Instant arrival) {
  const bool starved = last_sequence_ && waiting_.empty() && stalled_ms_ > 0;
  if (starved && delay_.lateness_ms(ms, arrival) > delay_.target_ms()) {
    delay_.hurt();
    delay_.suspect_shift(arrival);
  }
  delay_.add(ms, arrival);
}

void JitterBuffer::store(const JitterPacket& packet, std::int64_t ticks, Instant arrival) {
  if (waiting_.size() == kMaxPackets) {
    ++stats_.overflow;
    if (last_sequence_) cursor_ms_ = std::max(cursor_ms_, end_ms(waiting_.front()));
    waiting_.erase(waiting_.begin());
  }
  const auto at = std::upper_bound(waiting_.begin(), waiting_.end(), ticks,
                                   [](std::int64_t t, const Stored& s) { return t < s.ticks; });
  const auto stored = waiting_.emplace(at);
  stored->ticks = ticks;
  stored->sequence = packet.sequence;
  stored->codec = packet.codec;
  stored->samples = static_cast<std::uint16_t>(packet.samples);
  stored->size = static_cast<std::uint16_t>(packet.payload.size());
  stored->arrival = arrival;
  std::copy(packet.payload.begin(), packet.payload.end(), stored->payload.begin());
}

JitterBuffer::Popped JitterBuffer::pop(Instant now, bool quiet) {
  delay_.tick(now);
  ++since_adjust_;
  if (state_ == State::Filling) {
    if (!ready(now)) return {};
    state_ = State::Playing;
    cursor_ms_ = start_ms(waiting_.front());
    stalled_ms_ = 0;
  }
  if (waiting_.empty()) return when_empty();
  if (const auto bridge = bridge_gap(now)) return *bridge;
  if (const auto change = adjust(now, quiet)) return *change;
  return take(Step::Play);
}

bool JitterBuffer::ready(Instant now) const {
  if (waiting_.empty()) return false;
  const std::int64_t target = delay_.target_ms();
  return start_ms(waiting_.back()) - start_ms(waiting_.front()) >= target ||
         now - waiting_.front().arrival >= std::chrono::milliseconds{target};
}

/// The cursor stays: what comes now may be what is missing.
JitterBuffer::Popped JitterBuffer::when_empty() {
  if (stalled_ms_ == 0 && !in_silence_) ++stats_.underruns;
  stalled_ms_ += kFrameMs;
  if (in_silence_) return {};
  if (stalled_ms_ > kMaxStallMs) {
    state_ = State::Filling;
    return {};
  }
  ++stats_.concealed_frames;
  return {Step::Conceal, {}};
}

std::optional<JitterBuffer::Popped> JitterBuffer::bridge_gap(Instant now) {
  const Stored& next = waiting_.front();
  cursor_ms_ += std::clamp<std::int64_t>(start_ms(next) - cursor_ms_, 0, std::exchange(stalled_ms_, 0));
  const std::int64_t excess = delay_.lateness_ms(cursor_ms_, now) - delay_.target_ms();
  if (excess >= 2 * kFrameMs) cursor_ms_ = std::min(start_ms(next), cursor_ms_ + excess / kFrameMs * kFrameMs);
  if (start_ms(next) - cursor_ms_ < kFrameMs) return std::nullopt;

  cursor_ms_ += kFrameMs;
  const bool packets_missing = last_sequence_ && distance(*last_sequence_, next.sequence) > 1;
  if (!packets_missing || in_silence_) return Popped{};
  ++stats_.concealed_frames;
  return Popped{Step::Conceal, {}};
}

std::optional<JitterBuffer::Popped> JitterBuffer::adjust(Instant now, bool quiet) {
  if (since_adjust_ < kAdjustEvery || !delay_.steady()) return std::nullopt;
  const Stored& next = waiting_.front();
  const std::int64_t excess = delay_.lateness_ms(start_ms(next), now) - delay_.target_ms();
  if (excess < (quiet ? 0 : -kLoudShortMs)) {
    since_adjust_ = 0;
    ++stats_.inserted_frames;
    return Popped{Step::Conceal, {}};
  }
  const bool may_merge = waiting_.size() > 1 && start_ms(waiting_[1]) <= end_ms(next);
  const bool soon = quiet || excess >= kLoudLongMs || since_adjust_ >= kShrinkLoudEvery;
  if (may_merge && soon && excess >= 2 * (end_ms(next) - start_ms(next))) return take(Step::Skip);
  return std::nullopt;
}

JitterBuffer::Popped JitterBuffer::take(Step step) {
  current_ = waiting_.front();
  waiting_.erase(waiting_.begin());
  if (last_sequence_)
    stats_.lost += static_cast<std::uint64_t>(std::max(0, distance(*last_sequence_, current_.sequence) - 1));
  last_sequence_ = current_.sequence;
  cursor_ms_ = end_ms(current_);
  in_silence_ = current_.codec == CodecId::ComfortNoise;
  played_[played_count_++ % played_.size()] = {current_.ticks, current_.sequence};
  if (step == Step::Skip) {
    since_adjust_ = 0;
    ++stats_.skipped_packets;
  } else {
    ++stats_.played;
  }
  const ByteView payload = ByteView{current_.payload}.first(current_.size);
  return {step, JitterPacket{current_.codec, current_.sequence, static_cast<std::uint32_t>(current_.ticks),
                             current_.samples, payload}};
}

JitterStats JitterBuffer::stats() const {
  JitterStats out = stats_;
  out.target_ms = delay_.target_ms();
  if (!waiting_.empty()) {
    const std::int64_t from = state_ == State::Playing ? cursor_ms_ : start_ms(waiting_.front());
    out.depth_ms = std::max<std::int64_t>(0, end_ms(waiting_.back()) - from);
  }
  return out;
}

}  // namespace wzp::media
