#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include <rapidjson/allocators.h>
#include <rapidjson/document.h>

#include "wzp/base/result.hpp"

namespace wzp::proto {

using JsonValue = rapidjson::Value;

/// A parsed text. The only place that knows RapidJSON's parser, so that it can be replaced.
///
/// RapidJSON 1.1.0 is too lax for bytes from outside, so a scan comes first and refuses what it would let pass: nesting
/// over `kMaxJsonDepth`, NUL bytes (it takes one for the end), lone surrogates, numbers whose exponent overflows its
/// arithmetic.
class JsonText {
 public:
  /// Errors: BadJson.
  [[nodiscard]] Result<void> parse(std::string_view text);
  [[nodiscard]] const JsonValue& root() const { return document_; }

 private:
  std::array<char, 16'384> buffer_;  // a message of usual size takes its memory from here
  rapidjson::MemoryPoolAllocator<> pool_{buffer_.data(), buffer_.size()};
  rapidjson::Document document_{&pool_};
};

[[nodiscard]] inline std::string_view text_of(const JsonValue& string) {
  return {string.GetString(), string.GetStringLength()};
}

}  // namespace wzp::proto
