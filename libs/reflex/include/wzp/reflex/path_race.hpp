#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <vector>

#include "wzp/base/time.hpp"
#include "wzp/reflex/race.hpp"

namespace wzp::reflex {

/// Searches the direct path of a sealed call and agrees on it with the other side (client.md 19.3, crypto.md 8).
///
/// Both sides dial every candidate and both accept, so that a filter on either side is opened from inside: at 0, 50,
/// 100... ms after the start the next candidate is dialled, and punched at 0, 100, 200, 400 and 800 ms after that.
/// Per connection:
///
///   handshake -> the QUIC client says hello -> the server checks it and says hello -> the client checks that one
///   hello checked -> a probe datagram, up to three times, 100 ms apart -> acknowledged: validated
///
/// A wrong hello, or none within 1 s, closes the connection; nothing but the hello is sent before. The caller
/// nominates validated connections one after the other, in the order in which they became so, each for 1 s; the
/// callee confirms one as soon as it is validated there too. The first confirmation wins, also that of an earlier
/// nomination; the caller then cancels its dials and closes the rest. The callee uses the connection it confirmed
/// last and, when that one is closed, another that it had confirmed: so both end on the same one whatever is lost.
///
/// Without agreement when the search ends, everything is closed: `UseRelay`. The same when the agreed
/// connection goes and no other is left; the search does not begin again.
///
/// Bounds: 16 candidates, 8 accepted connections without a checked hello, 32 in all; one more is closed.
/// Events before `start` are taken: the other side may be earlier than we are.
class PathRace {
 public:
  struct Config {
    /// The caller nominates, the callee confirms.
    bool caller = false;
    /// Source: client.md 19.3.
    Duration check_interval = std::chrono::milliseconds{50};
    /// Source: crypto.md 8.
    Duration hello_timeout = std::chrono::seconds{1};
    Duration probe_interval = std::chrono::milliseconds{100};
    Duration confirm_timeout = std::chrono::seconds{1};
    /// From `start` to agreement. Source: our choice; leaves time inside the 10 s of client.md 9.5.
    Duration search = std::chrono::seconds{5};
  };
  static constexpr std::size_t kMaxUnchecked = 8;
  static constexpr std::size_t kMaxConnections = 32;

  explicit PathRace(Config config) : config_{config} {}

  /// `candidates` come from `dial_candidates`, best first.
  [[nodiscard]] RaceActions start(std::vector<SocketAddress> candidates, Instant now);
  [[nodiscard]] RaceActions handle(const RaceEvent& event, Instant now);
  [[nodiscard]] RaceActions tick(Instant now);
  [[nodiscard]] std::optional<Instant> deadline() const;
  /// Gives everything up: dials are cancelled; connections are left to the caller of this function.
  [[nodiscard]] RaceActions cancel_dials();

  /// The connection both sides agreed on.
  [[nodiscard]] std::optional<ConnectionId> selected() const { return selected_; }
  /// Connections on which the other side proved itself and a datagram of ours arrived.
  [[nodiscard]] std::vector<ConnectionId> validated() const;

 private:
  struct Check {  // one candidate
    SocketAddress remote;
    Instant begins;
    std::size_t punches = 0;
    bool dialling = false;
  };
  struct Path {  // one connection
    ConnectionId conn;
    bool accepted = false;
    Instant hello_due;
    bool checked = false;
    int probes = 0;
    Instant next_probe;
    bool acked = false;
    bool nominated = false;
    bool confirmed = false;

    [[nodiscard]] bool validated() const { return checked && acked; }
  };

  void add(ConnectionId conn, bool accepted, Instant now, RaceActions& out);
  void hello(const HelloChecked& event, Instant now, RaceActions& out);
  void acked(ConnectionId conn, Instant now, RaceActions& out);
  void nominated(ConnectionId conn, Instant now, RaceActions& out);
  void confirmed(ConnectionId conn, RaceActions& out);
  void gone(ConnectionId conn, Instant now, RaceActions& out);
  void nominate_next(Instant now, RaceActions& out);
  void confirm(Path& path, RaceActions& out);
  void run_checks(Instant now, RaceActions& out);
  void run_paths(Instant now, RaceActions& out);
  void give_up(RaceActions& out);
  void stop_checks(RaceActions& out);
  void close_others(ConnectionId keep, RaceActions& out);
  [[nodiscard]] Path* find(ConnectionId conn);
  [[nodiscard]] std::size_t unchecked() const;
  [[nodiscard]] std::optional<Instant> next_punch(const Check& check) const;

  Config config_;
  std::vector<Check> checks_;
  std::vector<Path> paths_;  // in the order in which they became validated, as far as they are
  std::optional<ConnectionId> selected_;
  std::optional<Instant> confirm_due_;
  std::optional<Instant> search_end_;
  bool over_ = false;  // the search ended without agreement, or its result was lost
};

}  // namespace wzp::reflex
