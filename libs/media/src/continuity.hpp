#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "wzp/base/bytes.hpp"
#include "wzp/base/time.hpp"
#include "wzp/proto/media_header.hpp"

namespace wzp::media {

/// Tells by numbers and times whether a packet can be the next of a sender that has no name (relay.md 19.15 [OURS]).
///
/// - A number ahead of the newest fits if its time is not behind; a leap of more than 4 only as far as packets could
///   have been lost since the last one came, at most 64.
/// - A number behind fits where one is missing; before the first one, up to 8 (a disordered beginning).
/// - A number that was seen fits only if it is the very same packet: a duplicate.
/// - Another codec fits up to 4 ahead: a sender that changes does not lose many packets in that moment.
class Continuity {
 public:
  static constexpr int kWindow = 64;

  /// Lower is better; empty: somebody else's.
  [[nodiscard]] std::optional<int> fits(const proto::MediaHeader& header, ByteView payload, Instant now) const;
  void take(const proto::MediaHeader& header, ByteView payload, Instant now);
  [[nodiscard]] std::optional<Instant> last() const { return last_; }

 private:
  struct Seen {
    std::uint16_t sequence = 0;
    std::uint32_t content = 0;  ///< a checksum; 0: nothing here
  };
  [[nodiscard]] std::optional<int> fits_behind(int distance, const proto::MediaHeader& header, ByteView payload) const;
  [[nodiscard]] const Seen& slot(std::uint16_t sequence) const { return seen_[sequence % seen_.size()]; }

  std::optional<Instant> last_;
  proto::CodecId codec_{};
  std::uint16_t newest_ = 0;
  std::uint32_t timestamp_ = 0;  // of the newest
  int span_ = 0;                 // numbers from the first to the newest, up to the window
  std::array<Seen, kWindow> seen_{};
};

}  // namespace wzp::media
