#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wzp/base/address.hpp"
#include "wzp/base/fingerprint.hpp"
#include "wzp/base/log.hpp"
#include "wzp/base/result.hpp"
#include "wzp/base/time.hpp"

namespace wzp::relay_app {

/// A relay that this one dials.
struct Peer {
  std::string url;  ///< host:port; names are resolved at every attempt
  RelayFingerprint fingerprint;
  std::string label;
  bool share_addrs_in_offer = false;  ///< design.md 3.17
  bool delegate = false;              ///< speaks for relays behind it, and is passed on to others
};

/// A relay that may dial this one.
struct Trusted {
  RelayFingerprint fingerprint;
  std::string label;
  bool delegate = false;
};

/// A room for members only.
struct Room {
  std::string name;  ///< canonical
  std::vector<Fingerprint> members;
};

/// What the operator decides (relay.md 2.2). Keys of the file carry the same names; unknown ones are an error.
struct Config {
  std::string file;  ///< where this was read; empty: nowhere
  SocketAddress listen_addr = *SocketAddress::parse("0.0.0.0:4433");
  std::optional<SocketAddress> advertise_addr;
  std::filesystem::path identity;  ///< empty: the default path, created when missing
  LogLevel log_level = LogLevel::Info;
  std::uint16_t workers = 0;  ///< threads; 0: one a core
  std::optional<std::uint16_t> ws_port;  ///< TCP port for seats by WebSocket; none: there are no such seats
  IpAddress ws_bind = *IpAddress::parse("127.0.0.1");
  std::vector<Peer> peers;
  std::vector<Trusted> trusted;
  std::vector<std::string> global_rooms;       ///< canonical names
  std::vector<std::string> more_global_rooms;  ///< those of the command line; they stay when the file is read again
  std::vector<Room> rooms;
  bool trunking_enabled = true;  ///< toward relays and members that read trunk frames

  bool allow_unsigned_registration = false;
  bool allow_unauthenticated_federation = false;
  bool share_addrs_in_offer = false;

  // Bounds, relay.md 5.5.
  std::uint32_t max_connections = 10'000;
  std::uint32_t max_connections_per_ip = 64;
  std::uint32_t max_calls_per_client = 8;
  std::uint32_t max_sessions = 10'000;  ///< seats in rooms of several people, in all
  std::uint32_t max_rooms = 1'000;      ///< such rooms with somebody in them
  std::uint32_t max_room_participants = 64;
  std::uint32_t max_packets_per_member = 500;  ///< a second, in a room of several people; 0: no limit
  std::uint32_t max_packets_per_link = 5'000;  ///< a second, of media; a voice has 50; 0: no limit
  std::uint32_t offers_per_minute = 30;   ///< of one identity and of one address; 0: no limit
  std::uint32_t signals_per_second = 100; ///< of one client; 0: no limit
  std::uint32_t retry_threshold = 1'000;  ///< half-open handshakes above which newcomers prove their address

  // Times. Shorter ones serve tests.
  Duration ring_timeout = std::chrono::seconds{60};
  Duration idle_timeout = std::chrono::seconds{30};
  Duration reconnect_grace = std::chrono::seconds{15};
  Duration link_grace = std::chrono::seconds{30};
};

/// No configuration is longer, in bytes. Source: our choice.
inline constexpr std::size_t kMaxConfigBytes = 1 << 20;

/// Adds `more_global_rooms` to `global_rooms`. Errors: BadConfig when those are too many.
[[nodiscard]] Result<void> add_global_rooms(Config& config);

/// The canonical form of the name of a room. Errors: BadConfig with what a name must be.
[[nodiscard]] Result<std::string> room_name(const std::string& text);

/// Reads the text of a configuration file. Errors: BadConfig with file, line, key and what to do.
[[nodiscard]] Result<Config> parse_config(std::string_view toml, const std::string& file_name);

}  // namespace wzp::relay_app
