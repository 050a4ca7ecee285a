#pragma once

#include <optional>
#include <string>
#include <vector>

#include "context.hpp"
#include "wzp/crypto/call_keys.hpp"

namespace wzp::client {

/// The media room of one call at our relay: dial, `CallOffer`, `CallAnswer` (wire.md 4.3). Several addresses are tried
/// one after the other; a relay with another certificate than the one we are registered at is not it.
class RoomLink {
 public:
  enum class State { Idle, Dialling, Handshaking, Up, Failed };

  void start(std::string room, std::vector<SocketAddress> addresses, const RelayFingerprint& relay,
             const crypto::EphemeralPublic& ephemeral, const Context& ctx);
  bool connected(const Connected& event, const Context& ctx);
  bool dial_failed(const DialFailed& event, const Context& ctx);
  bool lost(const Lost& event, const Context& ctx);
  bool signal(const Signal& event, const Context& ctx);
  void tick(const Context& ctx);
  void close(const std::string& reason, const Context& ctx);

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] std::optional<Instant> deadline() const { return due_; }
  /// The connection once it carries media.
  [[nodiscard]] std::optional<ConnectionId> up() const;
  [[nodiscard]] SocketAddress remote() const { return remote_; }
  [[nodiscard]] const std::string& why() const { return why_; }

 private:
  void dial_next(const Context& ctx);
  void fail(std::string why, const Context& ctx);
  void send_offer(const Connected& event, const Context& ctx);

  State state_ = State::Idle;
  std::string room_;
  std::vector<SocketAddress> addresses_;  // still to try, next one last
  RelayFingerprint relay_;
  crypto::EphemeralPublic ephemeral_{};
  DialId dial_;
  ConnectionId conn_;
  SocketAddress remote_;
  std::optional<Instant> due_;
  std::string why_;
};

}  // namespace wzp::client
