#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/known_relays.hpp"
#include "client/options.hpp"
#include "wzp/net/loop.hpp"
#include "wzp/net/resolver.hpp"
#include "wzp/quic/endpoint.hpp"

namespace wzp::client_app {

/// What a command learns from a connection that lasts for one question.
struct ShortResult {
  Duration connect_time{};  ///< from the first packet to a usable connection
  SocketAddress remote;
  RelayFingerprint certificate;
  std::string text;         ///< what came on the relay's stream, if any was awaited
};

/// Dials a relay with one server name (`ping`, `version`), notes how long that takes, waits for the end of one stream if asked to,
/// and closes. Tries the addresses of the name one after the other, 3 s each (client.md: ping limit).
/// Errors: NotFound (name), Timeout, Closed (what the relay said), NotAllowed (changed certificate, with an explanation), Unsupported (no
/// stream came).
[[nodiscard]] Result<ShortResult> ask_relay(const Common& common, const std::string& server_name, bool await_text, KnownRelays& known);

}  // namespace wzp::client_app
