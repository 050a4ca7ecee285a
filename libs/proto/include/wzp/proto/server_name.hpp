#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "wzp/base/ids.hpp"
#include "wzp/base/result.hpp"

// The server name (SNI) of a connection: the only thing that says what the connection is for (wire.md 1.2).

namespace wzp::proto {

/// What a name is to a TLS library.
enum class NameClass : std::uint8_t {
  Dns,      ///< usable as server name
  Ip,       ///< an address literal: dialled without a server name
  Invalid,  ///< cannot be dialled, and is refused when received
};

/// Dns: at most 253 bytes; labels of 1 to 63 bytes [A-Za-z0-9_-] joined with '.', none starting or ending with '-', the
/// last one not all digits; one trailing dot is allowed. A client asks this before it dials.
[[nodiscard]] NameClass classify(std::string_view name);

/// What a relay works with: lower-cased, one trailing dot dropped; no name (empty) and address literals give "default".
/// Errors: BadName.
[[nodiscard]] Result<std::string> canonical_server_name(std::string_view name);

/// What a connection is for, at a relay.
enum class ConnectionClass : std::uint8_t {
  Ping,        ///< `ping`: closed as soon as the handshake is complete
  Version,     ///< `version`: the relay sends its build on a unidirectional stream
  Probe,       ///< `_probe`: health and presence between relays
  Federation,  ///< `_federation`: a link between relays
  Signal,      ///< `_signal`: a client's signals
  Room,        ///< anything else: the media room of that name, leading underscore or not (design.md 3.24)
};

/// `canonical` comes from `canonical_server_name`.
[[nodiscard]] ConnectionClass connection_class(std::string_view canonical) noexcept;

/// The call whose media room this is (`call-<id>`), or nothing for another room.
[[nodiscard]] std::optional<CallId> call_of_room(std::string_view canonical);

}  // namespace wzp::proto
