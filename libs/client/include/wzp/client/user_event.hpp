#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "wzp/base/address.hpp"
#include "wzp/base/fingerprint.hpp"
#include "wzp/base/ids.hpp"
#include "wzp/base/time.hpp"

namespace wzp::client {

/// Why a call is over.
enum class EndReason : std::uint8_t {
  HungUp,           ///< by us, after it was set up
  PeerHungUp,       ///< by the other side, after it was set up
  Cancelled,        ///< by us, before it was set up
  PeerCancelled,    ///< by the caller, before we answered
  RefusedByUs,      ///< we answered with a reject
  Missed,           ///< rang here for the whole ring time
  Declined,         ///< the other side said no
  Busy,             ///< the other side is in a call
  NoAnswer,         ///< rang there for the whole ring time
  Unreachable,      ///< the other side is registered nowhere that our relay knows
  NotConnected,     ///< no registration at a relay, or it was lost before the call was set up
  IdentityRefused,  ///< a missing or wrong signature: we could not know whom we talk to
  NoPath,           ///< neither a direct path nor a relay carries the media
  MediaLost,        ///< the path or the media of a call that was up has gone
  Failed,           ///< the relay or the other side broke the protocol or took too long
};

/// 0 ok, 3 cannot connect, 4 identity refused, 5 refused, busy or not answered, 6 media failure
/// (client.md 19.11).
[[nodiscard]] int exit_code(EndReason reason) noexcept;
/// One line for people: "the other side is in a call".
[[nodiscard]] std::string_view text(EndReason reason) noexcept;
/// The enumerator in snake_case, for `--json`: "peer_hung_up".
[[nodiscard]] std::string_view name(EndReason reason) noexcept;

enum class PathKind : std::uint8_t { Direct, Relay };
[[nodiscard]] std::string_view name(PathKind kind) noexcept;

// --- Registration -------------------------------------------------------------------------------------------

/// We can be called. `build` is empty for a base relay.
struct Registered {
  SocketAddress relay;
  std::string build;
  bool operator==(const Registered&) const = default;
};
/// An attempt failed or the registration was lost; the next attempt starts after `retry_in`. `attempt` counts
/// from 1 and starts anew after a registration that held. A shell that does not want to wait ends here.
struct Reconnecting {
  std::string why;
  Duration retry_in{};
  int attempt = 1;
  bool operator==(const Reconnecting&) const = default;
};
/// The relay does not want this identity; nothing is tried any more.
struct RegistrationRefused {
  std::string why;
  bool operator==(const RegistrationRefused&) const = default;
};
/// The same identity registered elsewhere; nothing is tried any more.
struct Replaced {
  bool operator==(const Replaced&) const = default;
};

// --- A call -------------------------------------------------------------------------------------------------

/// The offer is on its way.
struct Calling {
  CallId call;
  Fingerprint peer;
  bool operator==(const Calling&) const = default;
};
/// It rings at the other side, as far as the relay knows.
struct Ringing {
  CallId call;
  bool operator==(const Ringing&) const = default;
};
/// Somebody calls. The shell replies with `Answer`. `sealed` is false only with `allow_unsealed`. `mutual`:
/// we were just calling this very person, so answer at once with AcceptTrusted; our own call is `call` now.
struct Incoming {
  CallId call;
  Fingerprint peer;
  std::string alias;  ///< as claimed; made printable
  bool sealed = true;
  bool mutual = false;
  bool operator==(const Incoming&) const = default;
};
/// A call that never rang: we were busy, or its identity did not hold.
struct MissedCall {
  CallId call;
  Fingerprint peer;
  std::string why;
  bool operator==(const MissedCall&) const = default;
};
/// The answer is there (caller) or sent (callee).
struct Answered {
  CallId call;
  Fingerprint peer;
  bool sealed = true;
  bool operator==(const Answered&) const = default;
};
/// Four digits for both people to compare. Sealed calls only.
struct CheckCode {
  CallId call;
  std::string digits;
  bool operator==(const CheckCode&) const = default;
};
/// Addresses and room are known; paths are being tried. `relay_carries` is false when the relay said that its
/// room does not reach the other side; `direct_tried`, when there is a pair of addresses to try.
struct SetUp {
  CallId call;
  bool relay_carries = true;
  bool direct_tried = false;
  bool operator==(const SetUp&) const = default;
};
/// A path works. `since_setup` is the time from `SetUp`.
struct PathUp {
  CallId call;
  PathKind kind{};
  SocketAddress remote;
  Duration since_setup{};
  bool operator==(const PathUp&) const = default;
};
/// Both sides agreed on it; also when the relay is what remains.
struct PathChosen {
  CallId call;
  PathKind kind{};
  SocketAddress remote;
  bool operator==(const PathChosen&) const = default;
};
/// The first authentic packet of the other side.
struct FirstMedia {
  CallId call;
  PathKind kind{};
  Duration since_setup{};
  bool operator==(const FirstMedia&) const = default;
};
struct MediaDegraded {
  CallId call;
  bool operator==(const MediaDegraded&) const = default;
};
struct MediaRecovered {
  CallId call;
  bool operator==(const MediaRecovered&) const = default;
};
/// The call is over; comes exactly once for every call that was placed or rang. `why` adds detail for people.
struct Ended {
  CallId call;
  Fingerprint peer;
  EndReason reason{};
  std::string why;
  bool operator==(const Ended&) const = default;
};
/// This person can seal, and from now on must. A shell that keeps it hands it back as `Config::known_signers`.
struct SignerLearned {
  Fingerprint peer;
  bool operator==(const SignerLearned&) const = default;
};
/// `Shutdown` is done: everything is closed, the shell may go once its connections have drained.
struct Stopped {
  bool operator==(const Stopped&) const = default;
};

/// Everything a person or a script is told, in the order in which it happened.
using UserEvent = std::variant<Registered, Reconnecting, RegistrationRefused, Replaced, Calling, Ringing, Incoming,
                               MissedCall, Answered, CheckCode, SetUp, PathUp, PathChosen, FirstMedia, MediaDegraded,
                               MediaRecovered, Ended, SignerLearned, Stopped>;

}  // namespace wzp::client
