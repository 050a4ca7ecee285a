#pragma once

#include <optional>
#include <vector>

#include "context.hpp"

namespace wzp::client {

/// Where the media of a call goes now: on the agreed direct connection, for a short while after a move on the relay
/// as well, else on the relay. Accepted from every validated path. Says so only when something changes.
class MediaPlan {
 public:
  void set_relay(std::optional<ConnectionId> conn) { relay_ = conn; }
  void set_validated(std::vector<ConnectionId> conns) { validated_ = std::move(conns); }
  /// Both sides agreed on `conn`; until `overlap_end` the path before carries the media too.
  void select(ConnectionId conn, Instant overlap_end);
  void deselect();

  /// Adds `MediaPaths` if they are not what was said last.
  void publish(const Context& ctx);
  [[nodiscard]] std::optional<Instant> deadline() const { return overlap_end_; }
  [[nodiscard]] std::optional<ConnectionId> selected() const { return selected_; }
  [[nodiscard]] std::optional<ConnectionId> relay() const { return relay_; }
  [[nodiscard]] bool any() const { return selected_ || relay_; }

 private:
  std::optional<ConnectionId> relay_;
  std::optional<ConnectionId> selected_;
  std::optional<ConnectionId> before_;
  std::optional<Instant> overlap_end_;
  std::vector<ConnectionId> validated_;
  MediaPaths said_;
};

}  // namespace wzp::client
