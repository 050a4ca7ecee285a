#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "wzp/base/address.hpp"
#include "wzp/base/time.hpp"
#include "wzp/client/actions.hpp"
#include "wzp/client/events.hpp"
#include "wzp/crypto/identity.hpp"

namespace wzp::client {

/// Asks one relay, on a connection of its own, from which address it sees us: connect, register under a key made
/// for this and thrown away afterwards ([D-16]), `Reflect`, close. Several of these over different relays, all from the
/// socket that matters, give `reflex::classify` its observations. A probe never fails as a whole: it ends with
/// an address or with the step that failed.
///
/// Uses the events Connected, DialFailed, Lost, Signal, and the actions DialRelay, CancelDial, SendSignal, Close.
class ReflectProbe {
 public:
  struct Config {
    crypto::Identity throw_away;  ///< of a fresh random seed
    /// The shell's name for this probe's dial; must not be one that a `ClientCore` of the same shell uses.
    DialId dial;
    SocketAddress relay;
    /// Source: client.md 10.2.
    Duration timeout = std::chrono::milliseconds{1500};
  };
  struct Outcome {
    std::optional<SocketAddress> observed;
    Duration latency{};  ///< from the start to the address
    std::string error;   ///< empty if there is an address
    bool operator==(const Outcome&) const = default;
  };

  explicit ReflectProbe(Config config) : config_{std::move(config)} {}

  [[nodiscard]] Actions start(Instant now);
  [[nodiscard]] Actions handle(const Event& event, Instant now);
  [[nodiscard]] Actions tick(Instant now);
  [[nodiscard]] std::optional<Instant> deadline() const { return due_; }
  /// Empty while it runs.
  [[nodiscard]] const std::optional<Outcome>& outcome() const { return outcome_; }

 private:
  void connected(const Connected& event, Actions& out);
  void message(const proto::SignalMessage& message, Instant now, Actions& out);
  void finish(Outcome outcome, Actions& out);

  Config config_;
  Instant started_;
  std::optional<Instant> due_;
  std::optional<ConnectionId> conn_;
  bool registered_ = false;
  std::optional<Outcome> outcome_;
};

}  // namespace wzp::client
