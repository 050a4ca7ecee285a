#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace wzp {

enum class LogLevel : std::uint8_t { Debug, Info, Warn, Error };

/// One line for the operator. Cores put it among their actions; what prints it is the program's choice.
/// Never holds a secret.
struct LogLine {
  LogLevel level = LogLevel::Info;
  std::string text;

  bool operator==(const LogLine&) const = default;
};

/// Text from the network made safe for a log line: printable ASCII stays, the rest becomes '?',
/// and at most `limit` bytes are kept.
[[nodiscard]] std::string printable(std::string_view text, std::size_t limit = 64);

}  // namespace wzp
