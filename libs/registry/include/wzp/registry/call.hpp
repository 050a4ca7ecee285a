#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string_view>
#include <variant>
#include <vector>

#include "wzp/base/address.hpp"
#include "wzp/base/fingerprint.hpp"
#include "wzp/base/ids.hpp"
#include "wzp/base/time.hpp"
#include "wzp/proto/signal_types.hpp"

namespace wzp::registry {

/// Offered -> Ringing -> Active -> Ended; Ringing may be left out, and every state may end.
enum class CallState : std::uint8_t {
  Offered,  ///< on its way to the callee
  Ringing,  ///< the callee has it
  Active,   ///< accepted
  Ended,    ///< a tombstone: knows that this id is used up, for as long as late messages may come
};

/// What somebody is to a call. Who is neither has no role and no say.
enum class Role : std::uint8_t { Caller, Callee };

[[nodiscard]] constexpr Role other(Role role) noexcept { return role == Role::Caller ? Role::Callee : Role::Caller; }

[[nodiscard]] std::string_view name(CallState state) noexcept;
[[nodiscard]] std::string_view name(Role role) noexcept;

/// The caller is here; other relays were asked for the callee.
struct Outgoing {
  /// Relays that have the offer and have not said no. Only they may speak about the call.
  std::set<RelayFingerprint> asked{};
  /// The first of them that said that the callee is there. From then on only it counts.
  std::optional<RelayFingerprint> claimed_by{};

  bool operator==(const Outgoing&) const = default;
};

/// Both parties are clients of this relay.
struct Local {
  /// Others that were asked for the callee as well. When one of them claims the call, it is `Outgoing`.
  Outgoing elsewhere{};

  bool operator==(const Local&) const = default;
};

/// The callee is here; the offer came from this relay, which speaks for the caller.
struct Incoming {
  RelayFingerprint from;
  /// As in `Local`; a call that one of them claims is in `Transit`.
  Outgoing elsewhere{};

  bool operator==(const Incoming&) const = default;
};

/// Neither party is here: this relay only passes the call on.
struct Transit {
  RelayFingerprint from;  ///< speaks for the caller
  Outgoing onward;        ///< who speaks, or may speak, for the callee

  bool operator==(const Transit&) const = default;
};

/// Where the two parties are, and so where each message of the call may come from and must go to.
using Route = std::variant<Local, Outgoing, Incoming, Transit>;

/// The way to the callee, where it leads, or may lead, over other relays; null when nobody else is asked for a callee
/// who is here.
[[nodiscard]] const Outgoing* onward(const Route& route) noexcept;
/// The relay that speaks for the caller, where the caller is not here; null elsewhere.
[[nodiscard]] const RelayFingerprint* upstream(const Route& route) noexcept;

/// Where a party can be reached directly. Shown to the other one only after consent (design.md 3.8).
struct Addresses {
  std::optional<SocketAddress> reflexive;  ///< as a relay sees it
  std::vector<SocketAddress> local;        ///< its interfaces

  [[nodiscard]] bool empty() const noexcept { return !reflexive && local.empty(); }
  bool operator==(const Addresses&) const = default;
};

/// One call between two people, as one relay sees it.
struct DirectCall {
  CallId id;
  Fingerprint caller;
  Fingerprint callee;
  Route route;
  CallState state = CallState::Offered;
  Addresses caller_addrs;
  Addresses callee_addrs;
  std::optional<proto::CallAcceptMode> accept_mode;  ///< once Active
  std::optional<proto::HangupReason> end_reason;     ///< once Ended
  /// The relays that serve the parties, by role, as far as they are others and known.
  std::array<std::optional<RelayFingerprint>, 2> homes{};
  Instant created_at;
  std::optional<Instant> answered_at;
  std::optional<Instant> ended_at;

  [[nodiscard]] std::optional<Role> role_of(const Fingerprint& who) const noexcept;
  [[nodiscard]] const Fingerprint& party(Role role) const noexcept { return role == Role::Caller ? caller : callee; }
  [[nodiscard]] const Addresses& addresses(Role role) const noexcept {
    return role == Role::Caller ? caller_addrs : callee_addrs;
  }
  [[nodiscard]] const std::optional<RelayFingerprint>& home(Role role) const noexcept {
    return homes[static_cast<std::size_t>(role)];
  }
  /// Whether this party is a client of this relay, as far as one knows.
  [[nodiscard]] bool is_here(Role role) const noexcept;
  /// Offered or Ringing.
  [[nodiscard]] bool is_unanswered() const noexcept {
    return state == CallState::Offered || state == CallState::Ringing;
  }
  [[nodiscard]] bool is_live() const noexcept { return state != CallState::Ended; }
  /// The linked relay on the way to the party of this role: who sent the call (caller), who claimed it (callee). Empty
  /// for a party that is here, and for a callee whom no relay has claimed.
  [[nodiscard]] std::optional<RelayFingerprint> relay_toward(Role role) const;
  /// The relay of the other party: who claimed an outgoing call, who sent an incoming one. Empty for a local call, for
  /// one that nobody has claimed, and for one in transit.
  [[nodiscard]] std::optional<RelayFingerprint> peer_relay_fp() const;
  /// Whether this relay was asked about the call and has not said no, or is the one it came from.
  [[nodiscard]] bool may_come_from(const RelayFingerprint& relay) const;

  bool operator==(const DirectCall&) const = default;
};

/// "local", "outgoing", "incoming" or "transit".
[[nodiscard]] std::string_view name(const Route& route) noexcept;

}  // namespace wzp::registry
