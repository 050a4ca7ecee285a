#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "wzp/base/ids.hpp"
#include "wzp/base/secret.hpp"
#include "wzp/base/time.hpp"
#include "wzp/client/actions.hpp"
#include "wzp/client/events.hpp"
#include "wzp/client/room_event.hpp"
#include "wzp/crypto/identity.hpp"

namespace wzp::client {

/// A dial of a room succeeded. `ephemeral` is 32 fresh random bytes.
struct RoomConnected {
  Connected connection;
  Secret<32> ephemeral;
  bool operator==(const RoomConnected&) const = default;
};
/// The person leaves, or the process ends.
struct LeaveRoom {
  bool operator==(const LeaveRoom&) const = default;
};
using RoomInput = std::variant<RoomConnected, DialFailed, Lost, Signal, BadMessage, LeaveRoom>;

struct RoomReport {
  RoomEvent event;
  bool operator==(const RoomReport&) const = default;
};
using RoomAction = std::variant<DialRelay, CancelDial, SendSignal, Close, RoomReport, LogLine>;
using RoomActions = std::vector<RoomAction>;

/// How long a member waits for what. Tests shorten them; nothing else should.
struct RoomTimers {
  /// Source: relay.md H-14, an unreachable relay is named within 3 s.
  Duration dial = std::chrono::seconds{3};
  /// `CallOffer` to `CallAnswer`. Source: client.md 7.
  Duration answer = std::chrono::seconds{5};
  /// `CallAnswer` to the first list. Source: our choice; every relay sends one at once.
  Duration first_list = std::chrono::seconds{2};
  /// Being in for so long starts the schedule of reconnecting anew. Source: as `Timers::registration_settled`.
  Duration settled = std::chrono::seconds{5};
};

/// One person's membership of a room of several people at one relay. No audio here: `RoomJoined` says where it flows.
///
///     connecting -> joining -> in -> (lost) reconnecting -> connecting ... -> ended
///
/// - Connecting: the configured relay with the room's name as server name. Joining: `CallOffer` with the binding to
///   this connection and `trunk`, then `CallAnswer`, whose signature must hold, then the first list. A relay refuses
///   after its answer (client.md 7), hence only the list means "in"; one that sends none is believed after 2 s.
/// - A failure before we ever were in ends it: whoever starts a program wants to know. Afterwards everything is
///   tried again after 1, 2, 4, 8, 15, 30, 30 ... s, from the beginning once we were in for 5 s. Final are the close
///   codes "not admitted" and "bad name", "replaced" and "bad signature", and an answer whose signature does not hold.
/// - Lists are what the relay last said. The same person is listed once for each source, or without sources once for
///   each alias (client.md 7). The old list stays while we reconnect, and the new one is compared with it.
/// - Bounds: 1,024 members; more are not shown.
/// - What we cannot read is skipped; what has no place here (other signals) is ignored, except in place of the answer.
/// - Leaving sends `Hangup`, then closes.
class RoomCore {
 public:
  static constexpr std::size_t kMaxMembers = 1024;

  struct Config {
    crypto::Identity identity;
    std::optional<std::string> alias{};
    /// Server name: canonical (`canonical_server_name`), or `crypto::hashed_room_name`.
    std::string room;
    RoomTimers timers{};
  };

  explicit RoomCore(Config config) : config_{std::move(config)} {}

  [[nodiscard]] RoomActions start(Instant now);
  [[nodiscard]] RoomActions handle(const RoomInput& input, Instant now);
  /// Does what is due at `now`; harmless when nothing is.
  [[nodiscard]] RoomActions tick(Instant now);
  [[nodiscard]] std::optional<Instant> deadline() const { return due_; }

  [[nodiscard]] bool ended() const { return state_ == State::Ended; }
  [[nodiscard]] const std::vector<RoomMember>& members() const { return members_; }
  /// The connection, while audio may flow on it.
  [[nodiscard]] std::optional<ConnectionId> up() const;

 private:
  enum class State : std::uint8_t { Idle, Connecting, Answering, Listing, In, Waiting, Ended };

  void dial(Instant now);
  void connected(const RoomConnected& event, Instant now);
  void lost(const Lost& event, Instant now);
  void signal(const Signal& event, Instant now);
  void answered(const Signal& event, Instant now);
  void listed(const proto::RoomUpdate& update);
  void directed(const proto::QualityDirective& directive);
  void joined(Instant now);
  void leave();
  void drop(CloseCode code, const std::string& why, Instant now);
  void retry(std::string why, Instant now);
  void end(RoomEndReason reason, std::string why);
  void report(RoomEvent event) { out_.push_back(RoomReport{std::move(event)}); }

  Config config_;
  State state_ = State::Idle;
  DialId dial_;
  ConnectionId conn_;
  SocketAddress remote_;
  std::optional<Instant> due_;
  std::optional<Instant> joined_at_;  // of this connection
  bool was_in_ = false;
  bool listed_ = false;
  int failures_ = 0;
  std::vector<RoomMember> members_;
  RoomActions out_;
};

}  // namespace wzp::client
