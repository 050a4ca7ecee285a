#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "quality_tier.hpp"
#include "routed.hpp"
#include "wzp/base/deadlines.hpp"
#include "wzp/federation/manager.hpp"
#include "wzp/federation/relay_map.hpp"
#include "wzp/federation/room_directory.hpp"
#include "wzp/federation/user_directory.hpp"
#include "wzp/proto/frame.hpp"
#include "wzp/registry/call_registry.hpp"
#include "wzp/registry/presence.hpp"
#include "wzp/registry/rate_limiter.hpp"
#include "wzp/relay/relay_core.hpp"

// Everything the relay knows, and the few verbs that every part of it uses. The parts are the other headers here; each
// is a set of functions over this state. Actions are collected in `out` in the order in which they are to be done.

namespace wzp::relay {

using registry::DirectCall;
using registry::Role;

/// Close codes. Source: crypto.md 12.
inline constexpr std::uint64_t kCloseNormal = 0x00;
inline constexpr std::uint64_t kCloseReplaced = 0x10;
inline constexpr std::uint64_t kCloseBadSignature = 0x12;
inline constexpr std::uint64_t kCloseTimeout = 0x15;
inline constexpr std::uint64_t kCloseLimit = 0x16;
inline constexpr std::uint64_t kCloseProtocol = 0x17;
inline constexpr std::uint64_t kCloseShuttingDown = 0x18;
inline constexpr std::uint64_t kCloseNotAdmitted = 0x19;

/// Longest texts of a client. Source: relay.md 5.5; the build version is our choice.
inline constexpr std::size_t kMaxAliasBytes = 64;
inline constexpr std::size_t kMaxBuildBytes = 64;
inline constexpr std::size_t kMaxLocalAddresses = 16;
inline constexpr std::size_t kMaxProfiles = 32;
inline constexpr std::size_t kMaxSignatureBytes = 64;

/// One connection, from `Opened` to `Lost`.
struct Session {
  enum class Stage : std::uint8_t {
    Waiting,    ///< for the first message of its class
    Anonymous,  ///< a probe that registered with the all-zero key: `Reflect` and `Ping` only
    Ready,
    Closing,  ///< `Close` is issued; nothing counts any more
  };

  ConnectionId conn;
  proto::ConnectionClass cls;
  std::string server_name;
  SocketAddress remote;
  SocketAddress local;
  ByteArray<32> register_exporter;
  ByteArray<32> room_exporter;
  Stage stage;
  Fingerprint who;  ///< Ready, on `_signal` and in rooms
  proto::BadMessageCounter bad_messages{};
  registry::TokenBucket signals;
  registry::TokenBucket reflects;
};

/// A relay that says that it has the callee, see claims.hpp.
struct Claimant {
  RelayFingerprint relay;
  std::optional<Arrival> answer{};  ///< waits for the end of the search
};

/// What the relay notes about a live call beside its record; gone when the call ends.
struct CallNotes {
  /// Caller here: what the claimant gets once more, with addresses. Incoming: what a second offer must equal.
  std::optional<proto::DirectCallOffer> offer;
  bool caller_rings = false;     ///< the caller here has got `CallRinging`
  bool addresses_final = false;  ///< incoming: no more addresses of the caller are to come
  bool setup_waits = false;      ///< incoming: the callee's `CallSetup` waits for them
  /// Callee here: the phone that has been sent the offer and has shown no life since, see elsewhere.hpp.
  std::optional<ConnectionId> doubted{};
  bool severed = false;  ///< the route was lost for longer than the grace; nothing is sent across any more
  /// Unanswered, with the callee elsewhere, or perhaps: links that have, had, or must not get the offer.
  std::set<RelayFingerprint> past{};
  /// ... that have had the caller's addresses,
  std::set<RelayFingerprint> addressed{};
  /// ... and whether those asked last stand on the way to relays that announced the callee.
  bool directed = false;
  bool all_had_time = false;  ///< everybody was asked, and waited for
  /// Those that say that they have the callee, in the order in which they said so, until one has the call.
  std::vector<Claimant> claimants{};
  bool is_proven = false;  ///< the callee has signed that the offer is there
  /// The offer as it came, for as long as it may have to be passed on (again).
  std::optional<Arrival> arrival{};
  /// ... and the second offer, with the caller's addresses, for whoever turns out to have the callee.
  std::optional<Arrival> addresses_arrival{};
  std::uint32_t attempt = 0;  ///< which laying of the route is in use or under way
  /// By role: answered, and the way to that party is lost, here or further on.
  std::array<bool, 2> lost{};
  std::uint32_t tries = 0;  ///< to find another way, since it was lost
  bool deserted = false;    ///< answered, and the party here has had no seat for long, see bridge.hpp
  /// By role: that side understands `MediaPathReport`. Older programs end their connection on it (wire.md 2.7).
  std::array<bool, 2> reads_reports{};
  /// By role: the party here registered without a signature, so it cannot bind its seat.
  std::array<bool, 2> is_unsigned{};
  /// Callee elsewhere: the best reason that a relay gave for saying no.
  proto::HangupReason refusal = proto::HangupReason::Error;
};

/// A room with at least one member here. Call rooms are known by their name, others by the hashed form of it, so that
/// people meet whichever form they use (V-72).
struct Room {
  struct Seat {
    ConnectionId conn;
    Fingerprint who;
    std::optional<std::string> alias;
    proto::SourceId source;
    bool trunk = false;
    bool is_bound = false;  ///< has proved that the handshake was made for this connection
    QualityTier quality{};
  };
  std::vector<Seat> seats;
  std::optional<Tier> advised;          ///< the directive that holds
  std::optional<Instant> announced;     ///< the last RoomUpdate: when,
  proto::RoomUpdate told{};             ///< what,
  std::vector<ConnectionId> hearers{};  ///< and to whom
};

// What can be due.
struct SessionDue {
  ConnectionId conn;
  auto operator<=>(const SessionDue&) const = default;
};
/// Nobody has proved to have the callee of the outgoing call.
struct ClaimDue {
  CallId call;
  auto operator<=>(const ClaimDue&) const = default;
};
/// The party of an active call did not come back.
struct PartyDue {
  CallId call;
  Role role;
  auto operator<=>(const PartyDue&) const = default;
};
/// An answered call whose way to the callee is lost tries another.
struct RepairDue {
  CallId call;
  auto operator<=>(const RepairDue&) const = default;
};
/// The route of an active call did not come back.
struct LinkDue {
  CallId call;
  auto operator<=>(const LinkDue&) const = default;
};
/// The party of an answered call has not taken its seat here.
struct BridgeDue {
  CallId call;
  auto operator<=>(const BridgeDue&) const = default;
};
/// The caller's addresses did not come.
struct AddressDue {
  CallId call;
  auto operator<=>(const AddressDue&) const = default;
};
/// The seats of an ended call go.
struct RoomDue {
  std::string room;
  auto operator<=>(const RoomDue&) const = default;
};
/// The members of a room are told who is in it, a moment after they were told last.
struct UpdateDue {
  std::string room;
  auto operator<=>(const UpdateDue&) const = default;
};
/// The quality of a room is looked at again: members that stopped reporting no longer count.
struct QualityDue {
  std::string room;
  auto operator<=>(const QualityDue&) const = default;
};
using Due = std::variant<SessionDue, ClaimDue, PartyDue, RepairDue, LinkDue, BridgeDue, AddressDue, RoomDue, UpdateDue,
                         QualityDue>;

struct State {
  explicit State(Config c);

  Config config;
  registry::CallRegistry calls;
  registry::Presence presence;
  federation::FederationManager federation;
  std::unordered_map<ConnectionId, Session> sessions;
  std::unordered_map<CallId, CallNotes> notes;
  std::set<CallId> broken;  ///< calls of callers here whose way to the callee is lost
  federation::RelayMap map;
  federation::RoomDirectory room_directory;
  std::map<std::string, std::string> global_names;  ///< by key, see `global_name`
  federation::UserDirectory users;
  DuplicateGuard routed_seen;
  std::uint64_t routed_sent = 0;
  std::map<std::string, Room> rooms;
  std::size_t guests = 0;                                                ///< seats in rooms of several people
  std::size_t open_rooms = 0;                                            ///< such rooms
  std::map<proto::RoomTag, RoomTable> tables;                            ///< what the packet path was told last
  std::set<std::uint16_t> streams;                                       ///< numbers of the seats taken
  std::uint16_t last_stream = 0;                                         ///< ... and the one given last
  std::unordered_map<RelayFingerprint, registry::TokenBucket> misdeeds;  ///< of linked relays; see `misdeed`
  registry::RateLimiter<Fingerprint> offers_by_client;
  registry::RateLimiter<IpAddress> offers_by_address;
  registry::RateLimiter<RelayFingerprint> offers_by_link;
  registry::RateLimiter<Fingerprint> offers_by_remote_caller;
  Deadlines<Due> due;
  Counters counters;
  ByteArray<32> room_ephemeral;  ///< see rooms.cpp
  std::optional<Instant> bad_message_logged;
  bool shut_down = false;
  Actions out;

  void send(ConnectionId conn, proto::SignalMessage message) { out.push_back(Send{conn, std::move(message)}); }
  void log(LogLevel level, std::string text) { out.push_back(LogLine{level, std::move(text)}); }
  void drop(std::string_view reason);
  /// The connection with this id, unless it is being closed.
  [[nodiscard]] Session* session(ConnectionId conn);
  /// To the current registration of this person; false when nobody is here.
  bool send_to(const Fingerprint& who, proto::SignalMessage message);
  /// Across one link, in the envelope that the relay reads; false when there is no link.
  bool forward(const RelayFingerprint& relay, proto::SignalMessage inner, const RouteOptions& options = {});
  /// What came over one link goes on over another, as its origin signed it; false when it cannot.
  bool pass_on(const RelayFingerprint& relay, const Arrival& arrival);
  /// A linked relay did what no honest one does. Counted; the link of one that goes on is closed.
  void misdeed(const RelayFingerprint& relay, std::string_view reason, Instant now);
  /// The packet path is told what has changed, if anything has.
  void set_room(RoomTable table);
  void drop_room(const proto::RoomTag& tag);
};

}  // namespace wzp::relay
