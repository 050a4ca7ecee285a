#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "wzp/base/result.hpp"
#include "wzp/proto/mini_frame.hpp"

namespace wzp::proto {

/// What a line of the protocol inspector holds.
enum class InspectKind : std::uint8_t { Signal, Header, Packet, Report, Mini, Trunk, Federation, Sni };

/// "signal", "header", ... as on the command line; nothing for another word.
[[nodiscard]] std::optional<InspectKind> inspect_kind(std::string_view word) noexcept;

/// The text side of `wzp-client inspect KIND`: one item per line in, one line of JSON out.
///
/// - `signal`: JSON text, or `hex:` and its bytes in hex; out comes the canonical JSON.
/// - `header`, `packet`, `report`, `trunk`, `federation`: hex in, an object of its fields out. A header has exactly
///   12 bytes and a report exactly 4.
/// - `mini`: hex of a mini header (4 bytes), or of a compact frame (more); a mini frame is understood with the frames
///   of the lines before it, so one inspector reads one stream, in order.
/// - `sni`: a name as it is; out comes what a TLS library takes it for (`dns`, `ip`, `invalid`) and the room a relay
///   sees, `null` when the name cannot be used.
class Inspector {
 public:
  explicit Inspector(InspectKind kind) : kind_{kind} {}

  /// Errors: those of the decoders; BadValue when the line is no hex; TooShort, "empty", when there is nothing in it.
  [[nodiscard]] Result<std::string> inspect(std::string_view line);

  /// What the inspector prints for the line: the JSON, or "error: " and the reason in one line of printable text.
  [[nodiscard]] std::string answer(std::string_view line);

 private:
  InspectKind kind_;
  CompactDecoder compact_;
};

}  // namespace wzp::proto
