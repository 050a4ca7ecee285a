#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "wzp/base/fingerprint.hpp"
#include "wzp/base/time.hpp"
#include "wzp/crypto/identity.hpp"

namespace wzp::client {

/// How long the client waits for what. Tests shorten them; nothing else should.
struct Timers {
  /// A dial of the relay, and of a room. Source: relay.md H-14, an unreachable relay is named within 3 s.
  Duration relay_dial = std::chrono::seconds{3};
  /// `RegisterPresence` to its ack. Source: our choice; relays wait 10 s for the first, we need not.
  Duration register_ack = std::chrono::seconds{5};
  /// A registration that lasted this long starts the reconnect schedule anew; a shorter one does not, so a
  /// relay that throws us out at once is not asked in a tight loop. Source: our choice.
  Duration registration_settled = std::chrono::seconds{5};
  /// `Reflect` to its response; then we go on without an address. Source: client.md 10.1.
  Duration reflect = std::chrono::seconds{1};
  /// Offer to ringing or hang-up. Source: client.md 9.5.
  Duration offer_answer = std::chrono::seconds{5};
  /// Ringing at the caller, then `Hangup{Timeout}`. Source: client.md 9.5.
  Duration ring_caller = std::chrono::seconds{45};
  /// Ringing at the callee, then missed. Source: client.md 9.5.
  Duration ring_callee = std::chrono::seconds{60};
  /// Accepting answer to `CallSetup`. Source: client.md 9.5.
  Duration setup = std::chrono::seconds{5};
  /// `CallSetup` to the first packet of the other side. Source: client.md 9.5.
  Duration media = std::chrono::seconds{10};
  /// Room dial to `CallAnswer`. Source: client.md 7.
  Duration room_answer = std::chrono::seconds{5};
  /// Search for a direct path; leaves room inside `media` for a clear failure. Source: our choice.
  Duration direct_search = std::chrono::seconds{5};
  /// Handshake to a good hello on a direct connection. Source: crypto.md 8.
  Duration direct_hello = std::chrono::seconds{1};
  /// Nomination to its confirmation. Source: crypto.md 8.
  Duration direct_confirm = std::chrono::seconds{1};
  /// Sending on both paths after a move. Source: crypto.md 8.
  Duration move_overlap = std::chrono::milliseconds{300};
  /// How long the room stays open after an unsealed call went direct. Source: wire.md 5.5, the other side may take 3 s
  /// from its report to its decision, which is the relay if ours did not reach it.
  Duration unused_room = std::chrono::seconds{4};
  /// Silence of the network that is worth an event. Source: client.md 19.6.
  Duration media_quiet = std::chrono::milliseconds{600};
  /// Silence that the person is told of. Source: client.md 11.5.
  Duration media_degraded = std::chrono::seconds{6};
  /// Silence that ends the call. Source: our choice, as the idle timeout of a connection.
  Duration media_dead = std::chrono::seconds{30};
  /// How long a relayed hang-up is only advice while direct media flows: without a packet for this long
  /// it ends the call. Source: our choice, within the 2 s of design.md 4.
  Duration advisory_hangup = std::chrono::seconds{1};
};

/// What a client is, for as long as it runs.
struct Config {
  crypto::Identity identity;
  /// The name the other side sees next to our fingerprint. Not authenticated.
  std::optional<std::string> alias{};
  /// "wzp 0.1.0", for the logs of others. Must not be empty: reference peers take a peer without a build for
  /// one that cannot do direct media.
  std::string build = "wzp";
  /// Calls with peers that cannot seal are allowed, and shown as such. Never with one that could before.
  bool allow_unsealed = false;
  /// Never enter a room of a relay.
  bool direct_only = false;
  /// Advertise no address, dial none, accept nobody.
  bool relay_only = false;
  /// Our relay tells no other relay that we are there; calls from elsewhere find us by asking around.
  bool unannounced = false;
  /// Fingerprints that have signed to us in earlier runs, oldest first; see `SignerLearned`.
  std::vector<Fingerprint> known_signers{};
  Timers timers{};
};

}  // namespace wzp::client
