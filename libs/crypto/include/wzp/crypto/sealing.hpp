#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "wzp/base/bytes.hpp"
#include "wzp/base/result.hpp"
#include "wzp/base/secret.hpp"

namespace wzp::crypto {

/// Sealed media packets (crypto.md 5 to 7):
///
///   header (12) | ciphertext (n) | tag (16) | quality report (4, only if Q)
///
/// Every packet of a sender has a packet number pn: 0, 1, 2, ... over the whole call, whatever the path. The
/// header carries its low 16 bits; the receiver recovers the rest. ChaCha20-Poly1305, key and salt of the
/// sender's direction and of the epoch pn / 16 384; nonce = salt XOR pn; header and report are
/// authenticated, not encrypted. Each epoch's chain gives the next and is then wiped, so nothing on the
/// device opens what was said before the last two epochs.
///
/// Of the header (wire.md 3.2) this library, which does not see `proto`, knows: in byte 0 the version 0x80, the codec
/// 0x3c (0 to 8) and Q 0x02; bytes 2-3, the sequence; and what a sender leaves zero: 0x03 of byte 1, bytes 10 and 11.

/// Source: wire.md 3.2.
inline constexpr std::size_t kMediaHeaderBytes = 12;
/// Source: RFC 8439.
inline constexpr std::size_t kTagBytes = 16;
/// Source: wire.md 3.6.
inline constexpr std::size_t kQualityReportBytes = 4;
/// What sealing adds to a packet with a report and an empty payload.
inline constexpr std::size_t kMaxSealedOverhead = kMediaHeaderBytes + kTagBytes + kQualityReportBytes;
/// Packets per epoch and direction. Source: crypto.md 7; 5.5 minutes of 20 ms frames.
inline constexpr std::uint64_t kPacketsPerEpoch = 16384;
/// Packet numbers of one call and direction. Source: crypto.md 5; 2.7 years of 20 ms frames.
inline constexpr std::uint64_t kPacketNumbers = std::uint64_t{1} << 32;

/// Seals what one side of a call sends. There is exactly one per call, for all its paths: it is moved, never
/// copied, because a second one would seal two plaintexts under one nonce. To send on two paths, send the
/// same sealed bytes. No allocation per packet.
class Sealer {
 public:
  /// `chain` is `CallKeys::sending(own role)`.
  explicit Sealer(const Secret<32>& chain);
  Sealer(Sealer&&) noexcept;
  Sealer& operator=(Sealer&&) noexcept;
  ~Sealer();

  struct Sealed {
    std::uint64_t packet_number = 0;
    std::size_t size = 0;  ///< bytes of `out` that are the packet

    bool operator==(const Sealed&) const = default;
  };

  /// Writes one packet into `out`, which must not overlap the rest and has room for everything plus 16. The
  /// sequence in `header` is replaced by that of the packet number, which is used up whatever becomes of the packet.
  /// `report` has 4 bytes if Q is set, else none.
  /// Errors, all before a number is used up: BadValue, if version, an unused bit or byte 10 or 11 is not zero
  /// (relays would change them), for codecs 9 to 15, or when Q and `report` disagree; TooLong, if `out` is
  /// too small; Exhausted, after 2^32 packets: the call must end.
  [[nodiscard]] Result<Sealed> seal(std::span<const std::uint8_t, kMediaHeaderBytes> header, ByteView plaintext,
                                    ByteView report, std::span<std::uint8_t> out);

  /// The number the next packet will have; its low 16 bits will be the sequence.
  [[nodiscard]] std::uint64_t next_packet_number() const noexcept { return next_; }

 private:
  friend struct SealingProbe;  // tests: begin in the middle of a call, with the chain of that epoch
  Sealer(const Secret<32>& chain, std::uint64_t first);

  struct State;
  std::unique_ptr<State> state_;
  std::uint64_t next_ = 0;
};

/// Why packets were dropped, since the beginning of the call.
struct OpenCounters {
  std::uint64_t opened = 0;
  std::uint64_t malformed = 0;  ///< shorter than 28 bytes (32 with Q), or a codec that no packet has
  std::uint64_t old = 0;        ///< behind the window, or before the first packet
  std::uint64_t replayed = 0;   ///< seen before: also the second copy from another path
  std::uint64_t auth = 0;       ///< does not open: forged, damaged, unsealed or of another call

  bool operator==(const OpenCounters&) const = default;
};

/// Opens what the other side of a call sends, whichever path it came by. Nothing but a packet whose tag is
/// right moves the window or the epoch, so forged packets change nothing but a counter. Holds the keys of
/// the epoch of the highest number and, while the window reaches into it, of the one before; tries at
/// most two epochs ahead. There is no way around it: what does not open was not said. No allocation per packet.
class Opener {
 public:
  /// `chain` is `CallKeys::receiving(own role)`.
  explicit Opener(const Secret<32>& chain);
  Opener(Opener&&) noexcept;
  Opener& operator=(Opener&&) noexcept;
  ~Opener();

  struct Opened {
    std::uint64_t packet_number = 0;
    std::size_t size = 0;  ///< bytes of `plaintext` that were written
    ByteView report;       ///< inside the packet: 4 bytes if Q, else empty
  };

  /// Opens one packet into `plaintext`, which must not overlap it. The header may be believed afterwards, not
  /// before. Each failure is counted. Errors: TooShort; BadValue (codec); TooOld; Replayed; BadProof. Not
  /// counted: TooLong, if `plaintext` has less room than the packet's payload.
  [[nodiscard]] Result<Opened> open(ByteView packet, std::span<std::uint8_t> plaintext);

  [[nodiscard]] const OpenCounters& counters() const noexcept;
  /// Highest number that was opened, plus one: how many packets the sender has sent at least.
  [[nodiscard]] std::uint64_t expected() const noexcept;

 private:
  friend struct SealingProbe;  // tests, as above
  Opener(const Secret<32>& chain, std::uint64_t first);

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace wzp::crypto
