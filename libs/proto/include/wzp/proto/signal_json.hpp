#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "wzp/base/result.hpp"
#include "wzp/proto/signal.hpp"

namespace wzp::proto {

/// Longest JSON text of one message. Source: wire.md 1.6, the limit of the deployed relays.
inline constexpr std::size_t kMaxSignalBytes = 1'048'576;
/// Deepest nesting of objects and arrays. Source: wire.md 2.2; a forwarded offer needs seven.
inline constexpr std::size_t kMaxJsonDepth = 16;

/// The JSON text, byte for byte as the deployed programs write it (wire.md 2.1): fields in table order, no white space,
/// bytes as arrays of numbers, `f32` as the shortest decimal with a fraction. Texts must be UTF-8, floats finite.
[[nodiscard]] std::string encode(const SignalMessage& message);

/// Reads one message, as strictly as the deployed programs (wire.md 2.2) and stricter where they are careless: nothing
/// may follow the value, a known field may stand only once, floats must be finite, depth and size are bounded.
/// Unknown fields are ignored, an unusable `caps` counts as absent. Takes time and memory linear in the text.
///
/// Errors; all are survivable, and `where` is the path, "DirectCallOffer.supported_profiles[0].codec":
/// - BadJson: not one JSON value, or no message at all (an array, a number, no or several tags).
/// - UnknownSignal: well-formed, but nobody here knows the tag; also inside a `FederatedSignalForward`. Skip it:
///   the sender is newer than we are.
/// - BadField: a field is missing, there twice, or of another type; a message written in the wrong form.
/// - BadValue: right type, but out of range, of the wrong length, or an unknown enumerator.
/// - TooLong: more than `kMaxSignalBytes`.
[[nodiscard]] Result<SignalMessage> decode(std::string_view json);

}  // namespace wzp::proto
