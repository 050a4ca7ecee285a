#pragma once

#include <span>
#include <string>
#include <utility>

#include "peer_memory.hpp"
#include "wzp/base/address.hpp"
#include "wzp/client/actions.hpp"
#include "wzp/client/config.hpp"
#include "wzp/client/events.hpp"

namespace wzp::client {

/// Hands out the names of dials.
class DialIds {
 public:
  [[nodiscard]] DialId next() { return DialId{++last_}; }

 private:
  std::uint64_t last_ = 0;
};

/// A registration that holds, and what the relay said about itself.
struct Session {
  ConnectionId conn;
  SocketAddress remote;
  RelayFingerprint certificate;
  std::string build;  ///< empty: a base relay
  proto::Caps caps;   ///< empty: not one of ours
};

/// What every step of the parts needs: who we are, what time it is, and where actions go.
struct Context {
  const Config& config;
  DialIds& dials;
  SignerMemory& signers;
  std::span<const SocketAddress> hosts;
  const Session* session;  ///< null while not registered
  Instant now;
  Actions& out;

  void add(Action action) const { out.push_back(std::move(action)); }
  void report(UserEvent event) const { out.push_back(Report{std::move(event)}); }
  void log(LogLevel level, std::string text) const { out.push_back(LogLine{level, std::move(text)}); }
  /// On the signal connection; dropped while there is none.
  void signal(proto::SignalMessage message) const {
    if (session) out.push_back(SendSignal{session->conn, std::move(message)});
  }
};

/// Said by our clients in every message that has room for it: they read the call id of every message. Makes relays
/// treat us by the rules for clients that announce capabilities (design.md 3.19, 3.20).
inline constexpr std::string_view kClientCap = "call-id";

/// The longest call id whose direct connection still has a valid server name. Source: wire.md 1.2.
inline constexpr std::size_t kMaxDirectCallId = 53;

}  // namespace wzp::client
