#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "wzp/base/log.hpp"

namespace wzp::app {

/// Prints log lines on standard error: time (UTC), level, text.
class Log {
 public:
  /// Lines below `level` are not printed.
  explicit Log(LogLevel level);
  void print(const LogLine& line);
  void debug(std::string text) { print({LogLevel::Debug, std::move(text)}); }
  void info(std::string text) { print({LogLevel::Info, std::move(text)}); }
  void warn(std::string text) { print({LogLevel::Warn, std::move(text)}); }
  void error(std::string text) { print({LogLevel::Error, std::move(text)}); }
};

/// "debug", "info", "warn" or "error".
[[nodiscard]] std::optional<LogLevel> parse_log_level(std::string_view text);

}  // namespace wzp::app
