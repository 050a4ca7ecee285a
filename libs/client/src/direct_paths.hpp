#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "context.hpp"
#include "wzp/crypto/call_keys.hpp"
#include "wzp/reflex/path_race.hpp"
#include "wzp/reflex/reference_race.hpp"

namespace wzp::client {

/// The direct connections of one call: turns what happens to them into events of the race that fits the peer, checks
/// and makes the proofs, and carries the race's actions out. It is there before the race, so that a peer that hears of
/// the answer before we do finds somebody who holds its connection (at most 8, for at most 1 s).
class DirectPaths {
 public:
  DirectPaths(CallId call, crypto::CallRole role) : call_{std::move(call)}, role_{role} {}

  /// "call-call-<id>": what the other side dials.
  [[nodiscard]] static std::string server_name(const CallId& call) { return "call-" + call.room(); }

  void start_sealed(const Secret<32>& key, std::vector<SocketAddress> candidates, const Context& ctx);
  /// `early`: a report of the other side that came before.
  void start_reference(std::optional<reflex::Role> role, std::vector<SocketAddress> candidates,
                       std::optional<bool> early, const Context& ctx);

  bool connected(const Connected& event, const Context& ctx);
  bool dial_failed(const DialFailed& event, const Context& ctx);
  /// The server name has been checked.
  void inbound(const InboundDirect& event, const Context& ctx);
  bool lost(const Lost& event, const Context& ctx);
  /// What the client must act on: `Hangup` from a peer that proved itself. The rest is handled here.
  std::optional<proto::Hangup> message(const Direct& event, const Context& ctx);
  void bad_message(ConnectionId conn, const Context& ctx);
  void probe_acked(ConnectionId conn, const Context& ctx);
  void peer_report(bool direct_ok, const Context& ctx);
  void tick(const Context& ctx);
  /// Cancels and closes everything, with a `Hangup` first where the peer proved itself.
  void close_all(std::optional<proto::HangupReason> hangup, const std::string& reason, const Context& ctx);

  [[nodiscard]] std::optional<Instant> deadline() const;
  [[nodiscard]] bool knows(ConnectionId conn) const;
  [[nodiscard]] bool sealed() const { return std::holds_alternative<reflex::PathRace>(race_); }
  [[nodiscard]] std::vector<ConnectionId> validated() const;
  [[nodiscard]] std::optional<ConnectionId> selected() const;
  [[nodiscard]] SocketAddress remote(ConnectionId conn) const;
  /// Whether the race said since the last question which path to use.
  [[nodiscard]] bool take_decision() { return std::exchange(decided_, false); }

 private:
  struct Known {
    ConnectionId conn;
    SocketAddress remote;
    ByteArray<32> exporter{};
    bool checked = false;
  };
  struct Held {  // accepted before the race began
    InboundDirect inbound;
    std::optional<proto::DirectHello> hello;
    Instant due;
  };
  struct Dialling {
    DialId dial;
    SocketAddress remote;
  };

  void feed(const reflex::RaceEvent& event, const Context& ctx);
  void apply(const reflex::RaceActions& actions, const Context& ctx);
  void close_path(const reflex::ClosePath& action, const Context& ctx);
  void accept(const InboundDirect& event, const Context& ctx);
  void release_held(const Context& ctx);
  void check_hello(Known& known, const proto::DirectHello& hello, const Context& ctx);
  void send_hello(ConnectionId conn, const Context& ctx);
  void forget(ConnectionId conn);
  [[nodiscard]] Known* find(ConnectionId conn);
  [[nodiscard]] bool racing() const { return !std::holds_alternative<std::monostate>(race_); }

  CallId call_;
  crypto::CallRole role_;
  std::optional<Secret<32>> key_;
  std::vector<SocketAddress> candidates_;
  std::variant<std::monostate, reflex::PathRace, reflex::ReferenceRace> race_;
  std::vector<Known> known_;
  std::vector<Held> held_;
  std::vector<Dialling> dialling_;
  bool decided_ = false;
};

}  // namespace wzp::client
