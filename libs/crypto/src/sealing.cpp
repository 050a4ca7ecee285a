#include "wzp/crypto/sealing.hpp"

#include <algorithm>
#include <cassert>
#include <optional>

#include "epoch.hpp"
#include "wzp/crypto/replay_window.hpp"

namespace wzp::crypto {
namespace {

constexpr std::uint8_t kVersionBit = 0x80;  // of byte 0; wire.md 3.2
constexpr std::uint8_t kReportBit = 0x02;   // of byte 0
constexpr std::uint8_t kUnusedBits = 0x03;  // of byte 1
constexpr std::uint8_t kHighestCodec = 8;

std::uint8_t codec_of(ByteView header) { return (header[0] >> 2) & 0x0f; }
bool has_report(ByteView header) { return (header[0] & kReportBit) != 0; }

/// header | report: both stay readable on the way, neither can be changed.
struct Aad {
  Aad(ByteView header, ByteView report) : size{header.size() + report.size()} {
    std::copy(report.begin(), report.end(), std::copy(header.begin(), header.end(), bytes.begin()));
  }
  [[nodiscard]] ByteView view() const { return ByteView{bytes}.first(size); }

  ByteArray<kMediaHeaderBytes + kQualityReportBytes> bytes{};
  std::size_t size;
};

}  // namespace

// ---- Sealer

struct Sealer::State {
  State(const Secret<32>& first, std::uint64_t epoch_number) : chain{first}, number{epoch_number}, epoch{chain} {}

  void step() {
    chain = next_chain(chain);
    epoch = Epoch{chain};
    ++number;
  }

  Secret<32> chain;
  std::uint64_t number;
  Epoch epoch;
};

Sealer::Sealer(const Secret<32>& chain) : Sealer{chain, 0} {}
Sealer::Sealer(const Secret<32>& chain, std::uint64_t first)
    : state_{std::make_unique<State>(chain, epoch_of(first))}, next_{first} {}
Sealer::Sealer(Sealer&&) noexcept = default;
Sealer& Sealer::operator=(Sealer&&) noexcept = default;
Sealer::~Sealer() = default;

Result<Sealer::Sealed> Sealer::seal(std::span<const std::uint8_t, kMediaHeaderBytes> header, ByteView plaintext,
                                    ByteView report, std::span<std::uint8_t> out) {
  assert(state_);
  if ((header[0] & kVersionBit) != 0 || (header[1] & kUnusedBits) != 0 || header[10] != 0 || header[11] != 0)
    return Unexpected{Errc::BadValue, "reserved bits"};
  if (codec_of(header) > kHighestCodec) return Unexpected{Errc::BadValue, "codec"};
  if (report.size() != (has_report(header) ? kQualityReportBytes : 0)) return Unexpected{Errc::BadValue, "report"};
  const std::size_t size = kMediaHeaderBytes + plaintext.size() + kTagBytes + report.size();
  if (out.size() < size) return Unexpected{Errc::TooLong, "packet"};
  if (next_ >= kPacketNumbers) return Unexpected{Errc::Exhausted, "packet number"};

  const std::uint64_t number = next_++;
  if (epoch_of(number) != state_->number) state_->step();
  std::copy(header.begin(), header.end(), out.begin());
  store_be16(out.data() + 2, static_cast<std::uint16_t>(number));
  const Aad aad{out.first(kMediaHeaderBytes), report};
  state_->epoch.aead.seal(state_->epoch.nonce(number), aad.view(), plaintext, out.data() + kMediaHeaderBytes);
  std::copy(report.begin(), report.end(), out.begin() + static_cast<std::ptrdiff_t>(size - report.size()));
  return Sealed{number, size};
}

// ---- Opener

struct Opener::State {
  explicit State(const Secret<32>& first) : chain{first}, current{chain} {}

  [[nodiscard]] bool try_open(std::uint64_t number, ByteView aad, ByteView sealed, std::uint8_t* out);
  void forget_old_keys();

  Secret<32> chain;         ///< of the epoch of the highest number
  std::uint64_t epoch = 0;  ///< its number
  Epoch current;
  std::optional<Epoch> previous;  ///< while the window reaches into it
  ReplayWindow window;
  OpenCounters counters;
};

bool Opener::State::try_open(std::uint64_t number, ByteView aad, ByteView sealed, std::uint8_t* out) {
  const std::uint64_t wanted = epoch_of(number);
  if (wanted == epoch) return current.aead.open(current.nonce(number), aad, sealed, out);
  if (wanted < epoch) {
    return wanted + 1 == epoch && previous && previous->aead.open(previous->nonce(number), aad, sealed, out);
  }
  // Ahead: on trial. 16 bits of sequence reach 32 767 packets, so at most two epochs.
  if (wanted - epoch > 2) return false;
  Secret<32> trial = next_chain(chain);
  std::optional<Epoch> between;
  if (wanted - epoch == 2) {
    between.emplace(trial);
    trial = next_chain(trial);
  }
  Epoch ahead{trial};
  if (!ahead.aead.open(ahead.nonce(number), aad, sealed, out)) return false;
  previous = between ? between : std::optional{current};
  chain = trial;
  epoch = wanted;
  current = ahead;
  return true;
}

void Opener::State::forget_old_keys() {
  if (previous && *window.highest() % kPacketsPerEpoch >= ReplayWindow::kSize - 1) previous.reset();
}

Opener::Opener(const Secret<32>& chain) : Opener{chain, 0} {}
Opener::Opener(const Secret<32>& chain, std::uint64_t first) : state_{std::make_unique<State>(chain)} {
  state_->epoch = epoch_of(first);
  if (first != 0) state_->window.mark(first - 1);
}
Opener::Opener(Opener&&) noexcept = default;
Opener& Opener::operator=(Opener&&) noexcept = default;
Opener::~Opener() = default;

const OpenCounters& Opener::counters() const noexcept { return state_->counters; }
std::uint64_t Opener::expected() const noexcept { return state_->window.expected(); }

Result<Opener::Opened> Opener::open(ByteView packet, std::span<std::uint8_t> plaintext) {
  assert(state_);
  State& s = *state_;
  // The texts of these errors fit into the string object: a flood of bad packets allocates nothing.
  const std::size_t overhead = kMediaHeaderBytes + kTagBytes;
  const std::size_t trailer = !packet.empty() && has_report(packet) ? kQualityReportBytes : 0;
  if (packet.size() < overhead + trailer) {
    ++s.counters.malformed;
    return Unexpected{Errc::TooShort, "sealed packet"};
  }
  if (codec_of(packet) > kHighestCodec) {
    ++s.counters.malformed;
    return Unexpected{Errc::BadValue, "codec"};
  }
  const std::size_t size = packet.size() - overhead - trailer;
  if (plaintext.size() < size) return Unexpected{Errc::TooLong, "payload"};

  const auto number = recover_packet_number(s.window.expected(), load_be16(packet.data() + 2));
  const auto verdict = number ? s.window.look(*number) : ReplayWindow::Verdict::TooOld;
  if (verdict == ReplayWindow::Verdict::TooOld) {
    ++s.counters.old;
    return Unexpected{Errc::TooOld, "packet number"};
  }
  if (verdict == ReplayWindow::Verdict::Replayed) {
    ++s.counters.replayed;
    return Unexpected{Errc::Replayed, "packet number"};
  }
  const ByteView report = packet.last(trailer);
  const Aad aad{packet.first(kMediaHeaderBytes), report};
  const ByteView sealed = packet.subspan(kMediaHeaderBytes, size + kTagBytes);
  if (*number >= kPacketNumbers || !s.try_open(*number, aad.view(), sealed, plaintext.data())) {
    ++s.counters.auth;
    return Unexpected{Errc::BadProof, "tag"};
  }
  s.window.mark(*number);
  s.forget_old_keys();
  ++s.counters.opened;
  return Opened{*number, size, report};
}

}  // namespace wzp::crypto
