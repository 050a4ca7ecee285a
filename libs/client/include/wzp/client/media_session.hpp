#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "wzp/base/bytes.hpp"
#include "wzp/base/ids.hpp"
#include "wzp/base/result.hpp"
#include "wzp/client/actions.hpp"
#include "wzp/crypto/replay_window.hpp"
#include "wzp/crypto/sealing.hpp"
#include "wzp/proto/media_header.hpp"

namespace wzp::client {

/// What a session did since it began.
struct MediaCounters {
  std::uint64_t sent = 0;       ///< packets made
  std::uint64_t no_path = 0;    ///< of these, made while there was no path to send on
  std::uint64_t received = 0;   ///< accepted, each once
  std::uint64_t lost = 0;       ///< numbers between the lowest and the highest received that are missing now
  std::uint64_t stranger = 0;   ///< from a connection that is no path of this call
  std::uint64_t probe = 0;      ///< first byte FC to FF: probes, and what later versions use
  std::uint64_t malformed = 0;  ///< no media packet
  std::uint64_t duplicate = 0;  ///< seen before: also the second copy of a move
  std::uint64_t old = 0;        ///< behind the window
  std::uint64_t auth = 0;       ///< sealed: does not open

  bool operator==(const MediaCounters&) const = default;
};

/// The packets of one call: from frame to datagram and back, over whatever paths there are. Sealed if the call
/// has keys, else plain as the reference does it. Numbers belong to the call, not to a path: nothing restarts when
/// the path changes, and a packet that comes by two paths is taken once (crypto.md 5, 6).
///
/// Unsealed calls number packets by their sequence, extended the same way, from whatever the first one
/// carries. Ten packets in a row that are old or seen mean that the sender began anew ([D-59]): the window does
/// too, and the numbers that are handed out go on.
///
/// Allocates nothing per packet. Moved, not copied (see `crypto::Sealer`).
class MediaSession {
 public:
  /// Longest payload that `send` takes. Source: 1162 usable bytes at MTU 1200 (wire.md 1.5), less 32 of sealing and
  /// 8 where a federation link lies on the way.
  static constexpr std::size_t kMaxPayload = 1120;
  /// A buffer of this size is never too small for `send`.
  static constexpr std::size_t kMaxDatagram = kMaxPayload + crypto::kMaxSealedOverhead;

  explicit MediaSession(const MediaStart& start);

  /// Where to send and what to accept from, from now on.
  void set_paths(const MediaPaths& paths) { paths_ = paths; }

  struct Frame {
    proto::CodecId codec{};
    std::uint32_t timestamp_ms = 0;
    ByteView payload;
  };
  struct Outgoing {
    std::size_t size = 0;                 ///< bytes of the buffer that are the datagram
    std::span<const ConnectionId> paths;  ///< send these very bytes on each, now; empty: nowhere to go
    std::uint64_t packet_number = 0;
  };
  /// One frame as a datagram, written into `out`. A number is used up also when there is no path.
  /// Errors: TooLong (payload or buffer), Exhausted.
  [[nodiscard]] Result<Outgoing> send(const Frame& frame, std::span<std::uint8_t> out);

  struct Received {
    proto::MediaHeader header;
    std::uint64_t packet_number = 0;  ///< the sequence extended to 64 bits; never comes twice
    ByteView payload;                 ///< inside `plaintext`, or inside the datagram of an unsealed call
    std::optional<proto::QualityReport> report;
  };
  /// One datagram of `conn`. Errors, each counted: NotAllowed (stranger), Unsupported (FC to FF), TooShort,
  /// BadValue, TooOld, Replayed, BadProof. `plaintext` must be as long as the datagram.
  [[nodiscard]] Result<Received> receive(ConnectionId conn, ByteView datagram, std::span<std::uint8_t> plaintext);

  [[nodiscard]] const MediaCounters& counters() const noexcept { return counters_; }
  [[nodiscard]] bool sealed() const noexcept { return sealer_.has_value(); }

 private:
  [[nodiscard]] Result<Received> open(ByteView datagram, std::span<std::uint8_t> plaintext);
  [[nodiscard]] Result<Received> read_plain(ByteView datagram);
  void count_failure(Errc code);
  void count_received(std::uint64_t number, std::uint64_t expected);

  MediaPaths paths_;
  MediaCounters counters_;
  std::optional<crypto::Sealer> sealer_;
  std::optional<crypto::Opener> opener_;
  std::uint64_t plain_next_ = 0;    // unsealed: our next number
  crypto::ReplayWindow window_;     // unsealed: of the other side since it (re)started
  std::uint64_t offset_ = 0;        // unsealed: from numbers in the window to those handed out, modulo 2^64
  std::uint64_t restart_room_ = 0;  // unsealed: numbers that were skipped at new starts
  int rejected_in_a_row_ = 0;       // unsealed
  std::optional<std::uint64_t> lowest_;
};

}  // namespace wzp::client
