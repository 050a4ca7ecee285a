#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace wzp::proto {

/// Appends JSON as the deployed programs write it (wire.md 2.1). Punctuation is the caller's.
class JsonWriter {
 public:
  void raw(std::string_view text) { out_.append(text); }
  void raw(char c) { out_.push_back(c); }
  void string(std::string_view text);
  void number(std::uint64_t value);
  /// Shortest decimal that reads back as the same value, always with a fraction or an exponent.
  void number(float value);
  void number(double value);
  void boolean(bool value) { raw(value ? "true" : "false"); }
  void null() { raw("null"); }
  /// `"name":`, for names that need no escape.
  void key(std::string_view name);

  void reserve(std::size_t bytes) { out_.reserve(bytes); }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

}  // namespace wzp::proto
