#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "wzp/base/log.hpp"
#include "wzp/base/time.hpp"

namespace wzp::relay_app {

/// What was dropped, for the operator: one line with the reasons and how often each, of what was not said before.
class DropLog {
 public:
  using Counts = std::map<std::string, std::uint64_t, std::less<>>;  ///< by reason, since the start

  /// Between two lines. Source: our choice.
  static constexpr Duration kInterval = std::chrono::minutes{1};

  /// `what` as in "signals": "signals dropped: offer-rate=3 ringing-late=1".
  explicit DropLog(std::string what) : what_{std::move(what)} {}

  /// Nothing when nothing was dropped since the last line.
  [[nodiscard]] std::optional<LogLine> line(const Counts& counts);

 private:
  std::string what_;
  Counts said_;
};

}  // namespace wzp::relay_app
