#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

#include "wzp/base/bytes.hpp"
#include "wzp/base/ids.hpp"
#include "wzp/base/time.hpp"
#include "wzp/relay/packet_switch.hpp"

namespace wzp::relay {

/// One datagram that leaves now: `head`, then `body`. Lives until the next call of the batcher.
struct TrunkDatagram {
  ConnectionId to{};
  ByteView head{};
  ByteView body{};
};

/// Joins trunk entries for one receiver into one datagram, where that saves packets and costs little time.
///
/// - An entry that may wait goes at once, unless two others came for this receiver within the last 4 ms: then more will
///   come soon, and it waits for them, at most 4 ms. One speaker is never held up, ten always share packets.
/// - An entry that may not wait leaves with the next `tick`, which is due at once: with what else has come in this turn
///   and with what waits already. So a packet waits at its first relay, and nowhere else.
/// - What waits leaves when its time has come, or when the next entry would make the datagram longer than the receiver
///   takes *now*: the limit is asked for each time, since paths change (H-26). If it has shrunk, the entries leave in
///   as many datagrams as it takes; one that is too long by itself is left to whoever sends it.
/// - Entries of a receiver never overtake one another.
///
/// Holds at most one datagram for each receiver. Once a receiver is known nothing allocates for it.
class TrunkBatcher {
 public:
  struct Config {
    /// Source: relay.md 11.5, at most 5 ms, of which 1 ms is left for timers that are late and for sending.
    Duration hold = std::chrono::milliseconds{4};
    /// Above so many receivers, entries of further ones are not joined. Source: our choice, connections of a relay.
    std::size_t max_receivers = 100'000;
  };
  /// The longest datagram that this receiver takes now; 0 when it takes none.
  using LimitOf = std::function<std::size_t(ConnectionId)>;

  TrunkBatcher(Config config, LimitOf limit_of) : config_{config}, limit_of_{std::move(limit_of)} {}
  explicit TrunkBatcher(LimitOf limit_of) : TrunkBatcher{Config{}, std::move(limit_of)} {}

  /// `head`, `packet` and `may_wait` as a delivery with `trunk` has them: the marker, then the head of one entry.
  void add(ConnectionId to, ByteView head, ByteView packet, bool may_wait, Instant now,
           std::vector<TrunkDatagram>& out);
  /// What has waited long enough.
  void tick(Instant now, std::vector<TrunkDatagram>& out);
  [[nodiscard]] std::optional<Instant> deadline() const;
  /// The connection is gone, and what waited for it.
  void forget(ConnectionId conn);

  [[nodiscard]] std::size_t receivers() const noexcept { return receivers_.size(); }
  /// Receivers that something waits for.
  [[nodiscard]] std::size_t waiting() const noexcept { return waiting_; }

 private:
  struct Receiver {
    Instant last = Instant::min();         ///< when the last entry came,
    Instant before_last = Instant::min();  ///< and the one before
    std::optional<Instant> due{};
    Bytes entries{};                    ///< without the marker
    std::vector<std::uint32_t> ends{};  ///< where each entry ends
    Bytes leaving{};                    ///< what the datagrams of the last call refer to
    std::vector<std::uint32_t> leaving_ends{};
  };
  struct Due {
    Instant when;
    ConnectionId conn;
  };

  /// Whether more are likely to come soon.
  [[nodiscard]] bool is_busy(const Receiver& receiver, Instant now) const;
  void leave(ConnectionId to, Receiver& receiver, std::vector<TrunkDatagram>& out);
  static void append_entry(Receiver& receiver, ByteView entry_head, ByteView packet);
  void wait(ConnectionId to, Receiver& receiver, Instant until);
  void leave_soon(ConnectionId to, Receiver& receiver, Instant now);
  [[nodiscard]] bool is_stale(const Due& due) const;
  void skip_stale();

  Config config_;
  LimitOf limit_of_;
  std::unordered_map<ConnectionId, Receiver> receivers_;
  std::vector<Due> dues_;  ///< in order, from `first_due_`; some may be for what has left already
  std::size_t first_due_ = 0;
  std::vector<ConnectionId> soon_;  ///< receivers of entries that do not wait; some have left already
  Instant soon_at_{};               ///< when the first of them came
  std::size_t waiting_ = 0;
};

}  // namespace wzp::relay
