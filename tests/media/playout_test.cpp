#include "wzp/media/playout.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include "signal.hpp"
#include "wzp/media/encoder.hpp"
#include "wzp/media/level.hpp"
#include "wzp/media/sink.hpp"
#include "wzp/media/source.hpp"

using namespace wzp;
using namespace wzp::media;
using namespace std::chrono_literals;

namespace {

proto::MediaHeader header_of(CodecId codec, std::uint16_t seq, std::uint32_t timestamp) {
  proto::MediaHeader h;
  h.codec = codec;
  h.seq = seq;
  h.timestamp = timestamp;
  return h;
}

/// A sender and a receiver without a network between them.
struct Line {
  Encoder encoder = std::move(*Encoder::create({}));
  Playout playout = std::move(*Playout::create());
  ToneSource tone{440};
  Recorder heard;
  Instant now = Instant{} + 1h;
  std::uint16_t seq = 0;
  std::uint32_t timestamp = 0;

  void listen(std::size_t frames) {
    for (std::size_t i = 0; i < frames; ++i, now += 20ms) heard.write(playout.next_frame(now));
  }
  void pass_time(std::uint32_t ms) { timestamp += ms; }
  /// Sends one packet of the encoder's codec and listens for as long as it lasts.
  void step(bool lost = false) {
    std::vector<std::int16_t> pcm;
    while (pcm.size() < encoder.frame_samples()) {
      const Frame f = tone.next();
      pcm.insert(pcm.end(), f.begin(), f.end());
    }
    const auto packet = encoder.encode(pcm);
    REQUIRE(packet);
    if (!lost) REQUIRE(playout.receive(header_of(encoder.codec(), seq, timestamp), *packet, now));
    ++seq;
    timestamp += static_cast<std::uint32_t>(pcm.size() / 48);
    listen(pcm.size() / kFrameSamples);
  }
};

/// The loudest and softest frame after the first 200 ms.
std::pair<double, double> loud_and_soft(const PcmClip& clip) {
  double loud = -200, soft = 200;
  for (std::size_t i = 10 * kFrameSamples; i + kFrameSamples <= clip.samples.size(); i += kFrameSamples) {
    const double l = level(PcmView{clip.samples}.subspan(i, kFrameSamples)).rms_dbfs;
    loud = std::max(loud, l);
    soft = std::min(soft, l);
  }
  return {loud, soft};
}

}  // namespace

TEST_CASE("what is said is heard, without a gap", "[media]") {
  Line line;
  for (int i = 0; i < 250; ++i) line.step();
  const auto [loud, soft] = loud_and_soft(line.heard.clip());
  CHECK(loud < -14);
  CHECK(soft > -17);
  const auto stats = line.playout.stats();
  CHECK(stats.frames == 250);
  CHECK(stats.jitter.concealed_frames == 0);
  CHECK(stats.jitter.lost == 0);
  CHECK(stats.bad_packets == 0);
}

TEST_CASE("before anything arrives there is silence", "[media]") {
  Line line;
  line.listen(20);
  CHECK(level(line.heard.clip().samples).peak_dbfs == kSilenceDbfs);
}

TEST_CASE("one packet in twenty lost leaves no hole", "[media]") {
  Line line;
  for (int i = 0; i < 250; ++i) line.step(i % 20 == 19);
  const auto [loud, soft] = loud_and_soft(line.heard.clip());
  CHECK(loud < -10);
  CHECK(soft > -30);  // a hole would be far softer
  CHECK(line.playout.stats().jitter.concealed_frames >= 11);
  CHECK(line.playout.stats().jitter.lost >= 11);
}

TEST_CASE("fifty switches between 20 and 40 ms frames lose no audio", "[media][D-33][D-58]") {
  Line line;
  constexpr std::array kCodecs{CodecId::Opus24k, CodecId::Opus6k, CodecId::Opus64k, CodecId::Opus6k, CodecId::Opus16k};
  for (std::size_t i = 0; i < 50; ++i) {
    REQUIRE(line.encoder.set_codec(kCodecs[i % kCodecs.size()]));
    for (int k = 0; k < 5; ++k) line.step();
  }
  const auto stats = line.playout.stats();
  CHECK(stats.jitter.concealed_frames == 0);
  CHECK(stats.jitter.lost == 0);
  CHECK(stats.jitter.late == 0);
  CHECK(stats.jitter.received == 250);
  CHECK(stats.frames == line.heard.clip().samples.size() / kFrameSamples);
  CHECK(loud_and_soft(line.heard.clip()).second > -30);
}

TEST_CASE("bad packets are counted, concealed, and do no other harm", "[media]") {
  Line line;
  const auto send_bad = [&](const proto::MediaHeader& h, const Bytes& payload) {
    const auto r = line.playout.receive(h, payload, line.now);
    return r ? Errc::Internal : r.error().code;
  };
  for (int i = 0; i < 100; ++i) {
    line.step(i == 50);
    if (i == 49) {
      CHECK(send_bad(header_of(CodecId::Opus24k, 50, 1000), {}) == Errc::BadValue);
      CHECK(send_bad(header_of(CodecId::Opus24k, 50, 1000), Bytes(600)) == Errc::TooLong);
      CHECK(send_bad(header_of(CodecId::ComfortNoise, 50, 1000), {}) == Errc::BadValue);
      CHECK(send_bad(header_of(CodecId::Codec2_1200, 50, 1000), Bytes(6)) == Errc::Unsupported);
      auto repair = header_of(CodecId::Opus24k, 50, 1000);
      repair.is_repair = true;
      CHECK(send_bad(repair, Bytes(256)) == Errc::Unsupported);
    }
  }
  const auto stats = line.playout.stats();
  CHECK(stats.bad_packets == 3);
  CHECK(stats.unsupported == 2);
  CHECK(stats.jitter.concealed_frames == 1);
  CHECK(loud_and_soft(line.heard.clip()).second > -30);
}

TEST_CASE("comfort noise sounds until speech comes back", "[media]") {
  Line line;
  for (int i = 0; i < 50; ++i) line.step();
  for (int i = 0; i < 3; ++i) {
    line.pass_time(200);
    line.listen(9);
    const Bytes noise{50};
    REQUIRE(line.playout.receive(header_of(CodecId::ComfortNoise, line.seq++, line.timestamp), noise, line.now));
    line.listen(1);
  }
  CHECK(line.playout.stats().noise_frames >= 15);
  const auto now_heard = level(PcmView{line.heard.clip().samples}.last(5 * kFrameSamples));
  CHECK(now_heard.peak_dbfs > -60);
  CHECK(now_heard.peak_dbfs < -55);
  const auto noise_before = line.playout.stats().noise_frames;
  for (int i = 0; i < 50; ++i) line.step();
  CHECK(level(PcmView{line.heard.clip().samples}.last(20 * kFrameSamples)).rms_dbfs > -17);
  CHECK(line.playout.stats().noise_frames <= noise_before + 6);
  CHECK(line.playout.stats().jitter.lost == 0);
}

TEST_CASE("frames keep coming when the buffer changes its delay", "[media][D-31]") {
  Line line;
  test::Random random{5};
  for (int i = 0; i < 500; ++i) {
    const Frame f = line.tone.next();
    const auto packet = line.encoder.encode(f);
    REQUIRE(packet);
    const Duration delay = i < 250 ? std::chrono::milliseconds{random(120)} : 0ms;
    REQUIRE(line.playout.receive(header_of(CodecId::Opus24k, line.seq++, line.timestamp), *packet, line.now + delay));
    line.timestamp += 20;
    line.listen(1);
  }
  const auto stats = line.playout.stats();
  CHECK(stats.frames == 500);
  CHECK(stats.jitter.skipped_packets + stats.jitter.inserted_frames > 0);
  const auto [loud, soft] = loud_and_soft(line.heard.clip());
  CHECK(loud < -10);
  CHECK(soft > -30);
}
