#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "wzp/base/address.hpp"
#include "wzp/base/bytes.hpp"
#include "wzp/base/ids.hpp"

namespace wzp::ws {

/// What a client asks for, before it is a WebSocket.
struct Request {
  std::string path{};  ///< as received, percent signs and all; without the query
  SocketAddress remote{};
  SocketAddress local{};

  bool operator==(const Request&) const = default;
};

/// The answer to a request. 101 opens the WebSocket if the client asks for one properly; any other is the HTTP status
/// that refuses it, with `text` for people.
struct Answer {
  std::uint16_t status = 101;
  std::string text{};
};

/// Codes of the close frame. Source: RFC 6455 7.4.1.
inline constexpr std::uint16_t kCloseNormal = 1000;
inline constexpr std::uint16_t kCloseProtocol = 1002;
inline constexpr std::uint16_t kCloseNoCode = 1005;    ///< never sent: the peer's close frame had none
inline constexpr std::uint16_t kCloseAbnormal = 1006;  ///< never sent: there was no close frame
inline constexpr std::uint16_t kClosePolicy = 1008;
inline constexpr std::uint16_t kCloseTooBig = 1009;

/// How a connection ended.
struct CloseInfo {
  bool by_peer = false;  ///< the first close frame was the peer's, or it just went away
  std::uint16_t code = kCloseAbnormal;
  std::string reason{};  ///< words of the peer (unprintable bytes and all) or of ours

  bool operator==(const CloseInfo&) const = default;
};

/// What a Server tells its owner, on the loop's thread. Every method of the Server may be called from here.
/// Views die when the call returns. Must not throw.
class Handler {
 public:
  virtual ~Handler() = default;

  /// Somebody asks for a WebSocket. `on_opened` follows if the answer is 101 and the client keeps to the protocol.
  virtual Answer on_request(const Request&) = 0;
  virtual void on_opened(ConnectionId, const Request&) = 0;
  /// A whole text message, valid UTF-8.
  virtual void on_text(ConnectionId, std::string_view) = 0;
  virtual void on_binary(ConnectionId, ByteView) = 0;
  /// The text with this number (see `Server::send_text`) is with the operating system; called once for each, in order.
  virtual void on_text_sent(ConnectionId, std::uint64_t /*number*/) {}
  /// Exactly once for every connection that was opened, and the last word on it. Never from within a call of the
  /// Server's methods.
  virtual void on_closed(ConnectionId, const CloseInfo&) = 0;
};

}  // namespace wzp::ws
