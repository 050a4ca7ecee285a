#pragma once

#include <cstddef>
#include <vector>

#include "wzp/base/bytes.hpp"
#include "wzp/base/result.hpp"

// Trunk frames: several media packets in one datagram, relay -> client (wire.md 3.9).
//
//     count u16 | count times: session tag (2) | length u16 | media packet
//
// Only where both ends know that the connection carries them: a trunk frame with one entry reads as a plausible media
// packet. Deployed relays send none by default and deployed clients can read none.

namespace wzp::proto {

/// One packet of a trunk frame.
struct TrunkEntry {
  ByteArray<2> session{};  ///< the first two bytes of the sender's session id at the relay
  ByteView packet;
};

/// Entries after which a deployed relay flushes, and its size limit where the path's is not known. Source: wire.md 3.9.
inline constexpr std::size_t kMaxTrunkEntries = 10;
inline constexpr std::size_t kMaxTrunkBytes = 1200;

/// The entries point into `frame`; their packets are not checked. Bytes after the last entry are ignored.
/// Errors: TooShort when the frame ends before the last entry does.
[[nodiscard]] Result<std::vector<TrunkEntry>> parse_trunk(ByteView frame);

/// Errors: TooLong when an entry or their number does not fit into 16 bits.
[[nodiscard]] Result<Bytes> encode_trunk(const std::vector<TrunkEntry>& entries);

}  // namespace wzp::proto
