#include "relay/drop_log.hpp"

#include <fmt/format.h>

namespace wzp::relay_app {

std::optional<LogLine> DropLog::line(const Counts& counts) {
  std::string reasons;
  for (const auto& [reason, count] : counts) {
    auto& said = said_[reason];
    if (count > said) reasons += fmt::format(" {}={}", reason, count - said);
    said = count;
  }
  if (reasons.empty()) return std::nullopt;
  return LogLine{LogLevel::Info, fmt::format("{} dropped:{}", what_, reasons)};
}

}  // namespace wzp::relay_app
