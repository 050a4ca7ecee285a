#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace wzp::app {

/// One flat JSON object on one line, built key by key: {"event":"ringing","time_ms":12.5}.
class JsonLine {
 public:
  JsonLine() : text_{"{"} {}

  JsonLine& add(std::string_view key, std::string_view value);
  JsonLine& add(std::string_view key, const char* value) { return add(key, std::string_view{value}); }
  JsonLine& add(std::string_view key, bool value);
  /// Not finite: null. At most six digits after the point.
  JsonLine& add(std::string_view key, double value);
  JsonLine& add(std::string_view key, const std::vector<std::string>& values);
  /// null
  JsonLine& add_none(std::string_view key);
  template <std::integral Int>
    requires(!std::same_as<Int, bool>)
  JsonLine& add(std::string_view key, Int value) {
    return add_raw(key, std::to_string(value));
  }

  [[nodiscard]] std::string text() const { return text_ + "}"; }

 private:
  JsonLine& add_raw(std::string_view key, std::string_view json);
  std::string text_;
};

}  // namespace wzp::app
