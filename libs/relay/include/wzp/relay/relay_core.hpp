#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "wzp/base/fingerprint.hpp"
#include "wzp/base/ids.hpp"
#include "wzp/base/time.hpp"
#include "wzp/federation/manager.hpp"
#include "wzp/registry/call.hpp"
#include "wzp/relay/config.hpp"
#include "wzp/relay/events.hpp"

namespace wzp::relay {

/// What has happened since the start, for operators and tests.
struct Counters {
  /// Everything that was received and not acted upon, and everything not sent on purpose, by reason.
  /// The reasons are literals of this program, never text from the network.
  std::map<std::string, std::uint64_t, std::less<>> dropped;
  /// Calls that ended, by "route/result": "local/declined", "outgoing/timeout".
  std::map<std::string, std::uint64_t, std::less<>> calls_ended;
  std::uint64_t calls_offered = 0;
  std::uint64_t calls_answered = 0;

  [[nodiscard]] std::uint64_t drops(std::string_view reason) const;
};

/// One registered client.
struct ClientInfo {
  Fingerprint who;
  ConnectionId conn;  ///< the current registration
  bool is_signed = false;

  bool operator==(const ClientInfo&) const = default;
};

struct State;

/// The relay's brain: connections and signals come in, signals, seats and dials go out. It holds the registry of calls,
/// the presence of clients and the links to other relays, and is the only place where they meet.
///
/// Rules that hold everywhere:
/// - A message counts only if its sender may send it: the party of the call, the relay on the call's route. Everything
///   else is dropped and counted (V-03, V-13).
/// - A call has one record per relay, and every ending is told to the other party along the route, with the call id.
///   What is sent into a dying connection is lost without a word, so a client that registers anew and a relay whose link
///   is back hear (again) of the endings of the last 30 s. A client without `caps` hears only what it missed: it ends
///   whatever call it has on any hang-up.
/// - Clean-up is by connection, never by name: the end of an old connection touches nothing that a newer one owns.
/// - Everything is bounded and expires; see `Config`. Nothing here waits: a peer that does not read loses its own
///   connection, by the shell.
class RelayCore {
 public:
  explicit RelayCore(Config config);
  ~RelayCore();
  RelayCore(RelayCore&&) noexcept;
  RelayCore& operator=(RelayCore&&) noexcept;

  /// Dials the peers. Once, before anything else.
  [[nodiscard]] Actions start(Instant now);
  [[nodiscard]] Actions handle(const Event& event, Instant now);
  /// Does what is due at `now`; harmless when nothing is.
  [[nodiscard]] Actions tick(Instant now);
  /// When `tick` is next due; empty when only an event can change anything.
  [[nodiscard]] std::optional<Instant> deadline() const;

  /// Whom `Dial{number}` means. Numbers stay theirs over any `Reload`.
  [[nodiscard]] const federation::FederationManager::Peer& peer(std::size_t number) const;
  [[nodiscard]] const Counters& counters() const;
  /// Live calls, by id; a copy, for people.
  [[nodiscard]] std::vector<registry::DirectCall> calls() const;
  /// The call with this id, ended ones included while they are remembered.
  [[nodiscard]] std::optional<registry::DirectCall> call(const CallId& id) const;
  [[nodiscard]] std::vector<ClientInfo> clients() const;
  /// Links that are up, unverified ones included.
  [[nodiscard]] std::vector<federation::LinkInfo> links() const;
  /// The connections seated in a room, by its key: the name of a call's room, the hashed name of another.
  [[nodiscard]] std::vector<ConnectionId> seats(const std::string& room) const;
  /// The linked relays that the media of the room with this canonical name goes to.
  [[nodiscard]] std::vector<RelayFingerprint> room_links(const std::string& room) const;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace wzp::relay
