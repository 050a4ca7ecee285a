#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace wzp {

/// Everything that can go wrong without being a programming mistake. One flat list for all libraries:
/// switch on it, never on text.
enum class Errc : std::uint8_t {
  // Bytes from outside
  BadJson,          ///< not one JSON value, invalid UTF-8, nested too deep
  UnknownSignal,    ///< a well-formed message with a tag nobody here knows
  BadField,         ///< a known message with a missing, duplicate or ill-typed field
  BadValue,         ///< right type, value out of range or of the wrong shape
  TooShort,         ///< bytes end before the item does
  TooLong,          ///< over a stated limit
  BadName,          ///< a server name outside the grammar of wire.md 1.2
  BadFrame,         ///< a stream that is no length-prefixed message
  // Cryptography
  BadSignature,     ///< a signature that does not verify
  BadKey,           ///< an all-zero or ill-formed key, or an all-zero shared secret
  BadProof,         ///< a MAC or tag that does not match
  Replayed,         ///< a packet number that was seen before
  TooOld,           ///< a packet number behind the replay window
  Exhausted,        ///< the counter of a key or a sequence is used up
  // State
  NotFound,         ///< no such call, connection, link, file or name
  Exists,           ///< the id is already in use
  NotAllowed,       ///< the sender is not a party, not trusted or not registered
  WrongState,       ///< the message makes no sense in this state
  LimitReached,     ///< a stated bound would be exceeded
  // System
  Io,               ///< the operating system refused; `where` holds its words
  Timeout,          ///< nothing came in time
  Closed,           ///< the connection, stream or file has ended
  Unsupported,      ///< the peer or the platform lacks the feature
  BadConfig,        ///< a flag, key or value of the configuration is wrong
  Internal,         ///< a library broke its promise
};

/// The name of the enumerator, for logs: "BadJson".
[[nodiscard]] std::string_view name(Errc code) noexcept;

/// What went wrong and where: a field, an offset, a peer, a file. `where` is for people.
struct Error {
  Errc code = Errc::Internal;
  std::string where;

  bool operator==(const Error&) const = default;
};

/// "BadField: DirectCallOffer.call_id".
[[nodiscard]] std::string to_string(const Error& error);

}  // namespace wzp
