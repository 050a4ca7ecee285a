// Any datagrams of a room, and time: the speakers stay within their bounds, the counters add up, and every speaker has
// a frame. The input is a list of steps: what comes, and its bytes.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>

#include "fuzz.hpp"
#include "wzp/media/speakers.hpp"
#include "wzp/proto/media_header.hpp"

using namespace wzp;
using namespace wzp::media;

namespace {

class Player {
 public:
  explicit Player(ByteView input) : in_{input} {}

  void play() {
    while (!in_.done()) {
      switch (in_.below(4)) {
        case 0: hear(1 + in_.below(10)); break;
        case 1: now_ += std::chrono::milliseconds{100} * in_.byte(); break;
        case 2: receive(exact(in_.chunk())); break;
        default: receive(made()); break;
      }
    }
    now_ += std::chrono::hours{1};
    hear(1);
    fuzz::require(speakers_.size() == 0 && speakers_.jitter(now_) == Duration{});
  }

 private:
  /// A copy of exact size, so that a sanitizer sees one byte too far.
  static Bytes exact(ByteView bytes) { return {bytes.begin(), bytes.end()}; }

  /// One to four packets of one source that follow on each other, in a trunk frame or bare.
  Bytes made() {
    const auto how = in_.byte();
    const proto::SourceId from{{1, 2, 3, 4}, in_.byte()};
    const auto first = static_cast<std::uint16_t>(in_.byte() * 257U);
    const auto payload = in_.chunk();
    Bytes out;
    for (std::uint16_t i = 0; i <= how % 4; ++i) {
      proto::MediaHeader header{.is_repair = (how & 4) != 0, .codec = *proto::codec_from_wire((how >> 4) % 9)};
      header.seq = static_cast<std::uint16_t>(first + i);
      header.timestamp = header.seq * 20U;
      Bytes packet(proto::MediaHeader::kSize);
      proto::write(header, std::span{packet}.first<proto::MediaHeader::kSize>());
      append(packet, payload);
      if ((how & 8) != 0) return packet;
      if (out.empty()) out.push_back(proto::kTrunkMarker);
      ByteArray<proto::kMemberEntryHead> head{};
      proto::write_member_head(from, packet.size(), head);
      append(out, head);
      append(out, packet);
    }
    return out;
  }

  void receive(const Bytes& datagram) {
    const auto before = speakers_.stats();
    const bool any = speakers_.receive(datagram, now_);
    const auto after = speakers_.stats();
    fuzz::require(any == (after.received > before.received));
    fuzz::require(any || after.malformed > before.malformed);
    check();
  }

  void hear(std::size_t frames) {
    for (; frames > 0; --frames) {
      const auto heard = speakers_.next_frames(now_);
      fuzz::require(heard.size() == speakers_.size());
      std::map<proto::SourceId, std::size_t> of_source;
      std::uint32_t last = 0;
      for (const auto& one : heard) {
        fuzz::require(one.speaker.number > std::exchange(last, one.speaker.number) && (one.audible || !one.first));
        if (one.speaker.source) {
          fuzz::require(++of_source[*one.speaker.source] <= Speakers::kMaxPerSource);
        }
      }
      now_ += std::chrono::milliseconds{20};
      check();
    }
  }

  void check() {
    const auto stats = speakers_.stats();
    fuzz::require(speakers_.size() <= Speakers::kMaxSpeakers && speakers_.jitter(now_) >= Duration{});
    fuzz::require(stats.speakers == speakers_.size() + stats.evicted + stats.expired);
    fuzz::require(stats.received >= stats.bare_packets && stats.received >= stats.refused);
  }

  fuzz::Reader in_;
  Instant now_{std::chrono::hours{1}};
  Speakers speakers_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Player{{data, size}}.play();
  return 0;
}
