#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "wzp/base/address.hpp"
#include "wzp/base/fingerprint.hpp"
#include "wzp/base/time.hpp"
#include "wzp/crypto/identity.hpp"
#include "wzp/crypto/routed.hpp"

namespace wzp::relay {

/// A relay that this one dials. The link goes up only if its certificate has exactly this fingerprint.
struct PeerConfig {
  std::string url{};  ///< "host:port"; the core never looks at it, whoever dials does
  RelayFingerprint fingerprint{};
  std::string label{};
  /// For a reference relay only: offers to it carry the caller's addresses, although nobody has consented to
  /// showing them. Without it direct paths to its clients are impossible (design.md 3.17).
  bool share_addrs_in_offer = false;
  /// This relay may speak for relays behind it, and its signals and media are passed on to others.
  bool delegate = false;

  bool operator==(const PeerConfig&) const = default;
};

/// A relay that may dial this one.
struct TrustedConfig {
  RelayFingerprint fingerprint{};
  std::string label{};
  bool delegate = false;  ///< as in PeerConfig

  bool operator==(const TrustedConfig&) const = default;
};

/// A room that not everybody may enter.
struct RoomConfig {
  std::string name{};
  std::vector<Fingerprint> members{};

  bool operator==(const RoomConfig&) const = default;
};

/// Everything a relay is told before it starts. The shell has checked the file; the core believes this.
struct Config {
  /// Signs the media-room handshake.
  crypto::Identity identity;
  /// Signs what crosses several relays, with the key of the certificate.
  crypto::RelaySigner signer;
  /// Of the certificate that this relay presents.
  RelayFingerprint fingerprint{};
  /// Short build name: `version`, `relay_build`.
  std::string build = "unknown";
  /// Goes into `CallSetup`; without it the local address of the client's own signalling connection does.
  std::optional<SocketAddress> advertise_addr{};

  bool allow_unsigned_registration = false;
  bool allow_unauthenticated_federation = false;
  /// Callees see the caller's addresses before they answer, as with the reference (V-09).
  bool share_addrs_in_offer = false;
  std::vector<PeerConfig> peers{};
  std::vector<TrustedConfig> trusted{};
  /// Rooms that span relays, by canonical name (proto::canonical_server_name). At most 64.
  std::vector<std::string> global_rooms{};
  /// Rooms for members only. Others are open to everybody.
  std::vector<RoomConfig> rooms{};
  /// Media may be sent in trunk frames to relays and members that read them.
  bool trunking = true;

  /// Offer to answer. Source: relay.md 5.5.
  Duration ring_timeout = std::chrono::seconds{60};
  /// How long an active call outlives the registration of a party. Source: design.md 3.18.
  Duration reconnect_grace = std::chrono::seconds{15};
  /// How long an active call waits for a lost link. Source: relay.md 9.7.
  Duration link_grace = std::chrono::seconds{30};
  /// For the first claim, when all asked relays are capable. Source: design.md 3.18.
  Duration claim_timeout = std::chrono::seconds{4};
  /// How long the callee's `CallSetup` waits for the caller's addresses, when its relay will still send them
  /// (design.md 3.17). Source: our choice, far below the 5 s in which a client expects the setup.
  Duration address_wait = std::chrono::seconds{1};
  /// Opened to `RegisterPresence`, to `CallOffer`, to `FederationHello`. Source: design.md 3.18, relay.md 10.2.
  Duration register_timeout = std::chrono::seconds{10};
  Duration call_offer_timeout = std::chrono::seconds{10};
  Duration hello_timeout = std::chrono::seconds{5};
  /// How long an anonymous probe may stay. Source: our choice; a probe takes seconds.
  Duration anonymous_timeout = std::chrono::seconds{60};

  /// Live calls that one identity may have placed, and that may be placed to it. Source: relay.md 5.5.
  std::size_t max_calls_per_client = 8;
  /// Live calls in all; then offers are refused with Busy. Source: our choice.
  std::size_t max_calls = 10'000;
  /// Registrations in all; then new ones are refused. Source: relay.md 5.5, connections in total.
  std::size_t max_clients = 10'000;
  /// Offers per minute: of one identity, of one source address (IPv6: /64), of one link. 0: no limit.
  /// Source: relay.md 5.5; the limit per link is our choice (V-61).
  std::uint32_t offers_per_client = 30;
  std::uint32_t offers_per_address = 30;
  std::uint32_t offers_per_link = 6'000;
  /// Signals per second of one client, with a burst of twice that; above, it is closed. 0: no limit.
  /// Source: our choice; a person's program sends a handful per call.
  std::uint32_t signals_per_second = 100;

  /// People in one room, here. Source: relay.md 5.5.
  std::size_t max_room_participants = 64;
  /// People in rooms of several people, here and in all; and such rooms. Source: our choice.
  std::size_t max_seats = 10'000;
  std::size_t max_rooms = 1'000;

  /// Drawn from the operating system: for the jitter of back-offs, the numbers of routed signals, and the blinding of
  /// names toward other relays.
  std::uint64_t random_seed = 0;
  ByteArray<16> users_salt{};
};

}  // namespace wzp::relay
