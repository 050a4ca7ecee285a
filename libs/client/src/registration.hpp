#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "context.hpp"

namespace wzp::client {

/// Keeps us registered at the relay: dial, `RegisterPresence`, ack, and again after a loss. See `ClientCore`.
class Registration {
 public:
  /// Messages that overtake the ack are kept up to this many, then dropped; reference relays make a client
  /// reachable before they say so. Source: our choice.
  static constexpr std::size_t kMaxEarly = 8;

  void start(const Context& ctx);
  /// Stops for good: closes or cancels what there is.
  void stop(const Context& ctx);
  /// Whether the event belonged here.
  bool connected(const Connected& event, const Context& ctx);
  bool dial_failed(const DialFailed& event, const Context& ctx);
  bool lost(const Lost& event, const Context& ctx);
  /// A message on our connection before the ack. Returns those that may be handled now that it is there.
  std::vector<proto::SignalMessage> early(const proto::SignalMessage& message, const Context& ctx);
  /// The peer breaks the protocol: close and try again later.
  void drop(CloseCode code, const std::string& why, const Context& ctx);
  void tick(const Context& ctx);

  [[nodiscard]] std::optional<Instant> deadline() const { return due_; }
  /// The connection we register or are registered on.
  [[nodiscard]] std::optional<ConnectionId> conn() const;
  /// Null while not registered.
  [[nodiscard]] const Session* session() const { return state_ == State::Registered ? &session_ : nullptr; }
  [[nodiscard]] bool stopped() const { return state_ == State::Stopped; }

 private:
  enum class State { Idle, Waiting, Dialling, Registering, Registered, Stopped };

  void dial(const Context& ctx);
  void retry(const std::string& why, bool at_once, const Context& ctx);
  void refuse(const std::string& why, const Context& ctx);

  State state_ = State::Idle;
  std::optional<Instant> due_;
  DialId dial_;
  Session session_;
  Instant registered_at_;
  std::size_t failures_ = 0;
  std::vector<proto::SignalMessage> early_;
};

}  // namespace wzp::client
