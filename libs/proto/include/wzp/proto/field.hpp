#pragma once

#include <cstdint>
#include <string_view>

namespace wzp::proto {

/// What the wire does with a field that has nothing to say (wire.md 2.1, 2.2). The letter is the class in wire.md 2.4.
enum class Presence : std::uint8_t {
  /// R: always written; absent or `null` on input is an error.
  Required,
  /// N: an optional that is written as `null` when empty; absent or `null` on input is empty.
  Nullable,
  /// O: left out when empty (a list: when it has no element); absent on input is empty. `null` is empty too,
  /// except for a list of strings, where it is an error.
  Sparse,
  /// D: always written; absent on input leaves the default. `null` is an error.
  Defaulted,
  /// Left out when empty; anything unusable on input counts as absent and never harms the message (`caps`).
  Hint,
};

/// One line of a message's field table: the name on the wire, the member it fills, and how it is written when empty.
/// A message is its struct, its `kTag` and its `kFields` (a tuple of these, in wire order); the codec is written once
/// over the tables, and no second list of fields exists.
template <class Message, class T>
struct Field {
  std::string_view name;
  T Message::*member;
  Presence presence;

  constexpr Field(std::string_view wire_name, T Message::*pointer, Presence how = Presence::Required)
      : name{wire_name}, member{pointer}, presence{how} {}
};

}  // namespace wzp::proto
