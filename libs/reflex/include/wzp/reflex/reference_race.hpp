#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "wzp/base/time.hpp"
#include "wzp/reflex/race.hpp"
#include "wzp/reflex/role.hpp"

namespace wzp::reflex {

/// The race toward a reference peer, as that one expects it (wire.md 5.5, client.md 11.6). One decision, once:
/// direct if both sides reported it, the relay otherwise.
///
/// - The Dialer dials every candidate at once; the first success wins and the others are cancelled. The Acceptor
///   punches every candidate every 100 ms, so that filters open. Both accept, in case the two views of the
///   addresses differ ([D-18]); the caller of this class lets in only connections from an address of the peer.
/// - Success, failure of everything, or 2 s: `SendReport`. A race that cannot exist (no role, no candidates) reports
///   at once that there is no direct path, and so does a side that never tried ([D-52]).
/// - Then, if direct is up here, the other side's report is awaited for 3 s. It may have come before, also before
///   `start` ([D-04], [H-16]). A missing report is a no ([H-18]); a second one changes nothing.
/// - `UseDirect` or `UseRelay` comes exactly once; connections that are not used are closed. When the direct
///   connection goes later, nothing follows: there is no way to tell such a peer to move.
class ReferenceRace {
 public:
  struct Config {
    /// Empty: no direct attempt.
    std::optional<Role> role;
    /// Source: wire.md 5.5.
    Duration direct_timeout = std::chrono::seconds{2};
    Duration report_timeout = std::chrono::seconds{3};
    /// Source: client.md 19.3.
    Duration punch_interval = std::chrono::milliseconds{100};
  };

  explicit ReferenceRace(Config config) : config_{config} {}

  [[nodiscard]] RaceActions start(std::vector<SocketAddress> candidates, Instant now);
  [[nodiscard]] RaceActions handle(const RaceEvent& event, Instant now);
  [[nodiscard]] RaceActions tick(Instant now);
  [[nodiscard]] std::optional<Instant> deadline() const;
  [[nodiscard]] RaceActions cancel_dials();

  /// The connection in use once it is decided.
  [[nodiscard]] std::optional<ConnectionId> selected() const { return decided_ ? direct_ : std::nullopt; }
  /// The direct connection, decided or not: media of the peer may come from there.
  [[nodiscard]] std::vector<ConnectionId> validated() const;

 private:
  void up(ConnectionId conn, Instant now, RaceActions& out);
  void report(bool direct_ok, Instant now, RaceActions& out);
  void settle(bool use_direct, RaceActions& out);

  Config config_;
  std::vector<SocketAddress> dialling_;
  std::vector<SocketAddress> punching_;
  std::optional<Instant> next_punch_;
  std::optional<Instant> direct_due_;
  std::optional<Instant> report_due_;
  std::optional<ConnectionId> direct_;
  std::optional<bool> mine_;
  std::optional<bool> theirs_;
  bool started_ = false;
  bool decided_ = false;
};

}  // namespace wzp::reflex
