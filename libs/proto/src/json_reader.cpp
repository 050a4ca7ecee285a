#include "json_reader.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include "wzp/proto/signal_json.hpp"

namespace wzp::proto {
namespace {

/// Longest number, and digits of its exponent: more than any 64-bit integer or float needs. Source: our choice.
constexpr std::size_t kMaxNumberBytes = 64;
constexpr std::size_t kMaxExponentBytes = 6;

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// The scan that runs before the parser. It looks at nothing that the parser itself checks well.
class Scan {
 public:
  explicit Scan(std::string_view text) : text_{text} {}

  /// What is wrong, or nothing.
  const char* run() {
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '"') {
        if (const char* wrong = string()) return wrong;
      } else if (c == '{' || c == '[') {
        if (++depth_ > kMaxJsonDepth) return "nested too deep";
      } else if (c == '}' || c == ']') {
        if (depth_-- == 0) return "unbalanced";
      } else if (is_digit(c) || c == '-') {
        if (const char* wrong = number()) return wrong;
      } else if (c == '\0') {
        return "NUL byte";
      }
    }
    return nullptr;
  }

 private:
  /// From the opening quote to the closing one.
  const char* string() {
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\0') return "NUL byte";
      if (text_[at_] != '\\') continue;
      if (const char* wrong = escape()) return wrong;
    }
    return nullptr;
  }

  /// From the backslash to the last byte of the escape.
  const char* escape() {
    ++at_;
    const auto first = unit(at_);
    if (!first) return nullptr;
    at_ += 4;
    if (*first < 0xD800 || *first > 0xDFFF) return nullptr;
    const bool slash = at_ + 1 < text_.size() && text_[at_ + 1] == '\\';
    const auto second = slash ? unit(at_ + 2) : std::nullopt;
    if (*first > 0xDBFF || !second || *second < 0xDC00 || *second > 0xDFFF) return "lone surrogate";
    at_ += 6;
    return nullptr;
  }

  /// The UTF-16 unit of `uXXXX` at `from`.
  [[nodiscard]] std::optional<std::uint32_t> unit(std::size_t from) const {
    if (from + 5 > text_.size() || text_[from] != 'u') return std::nullopt;
    std::uint32_t value = 0;
    for (const char c : text_.substr(from + 1, 4)) {
      const int lower = c | 0x20;
      if (is_digit(c)) {
        value = value * 16 + static_cast<std::uint32_t>(c - '0');
      } else if (lower >= 'a' && lower <= 'f') {
        value = value * 16 + static_cast<std::uint32_t>(lower - 'a' + 10);
      } else {
        return std::nullopt;
      }
    }
    return value;
  }

  const char* number() {
    const auto end = std::min(text_.find_first_not_of("0123456789+-.eE", at_), text_.size());
    const auto token = text_.substr(at_, end - at_);
    if (token.size() > kMaxNumberBytes) return "number too long";
    const auto e = token.find_first_of("eE");
    if (e != token.npos && token.size() - e > 2 + kMaxExponentBytes) return "exponent too long";
    at_ = end - 1;
    return nullptr;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
};

/// Passes the parser's events on, except that "-0" becomes a float: as an integer it is no longer told from "0".
struct MinusZero {
  rapidjson::Document& to;

  bool Null() { return to.Null(); }
  bool Bool(bool b) { return to.Bool(b); }
  bool Int(int i) { return i == 0 ? to.Double(-0.0) : to.Int(i); }
  bool Uint(unsigned u) { return to.Uint(u); }
  bool Int64(std::int64_t i) { return to.Int64(i); }
  bool Uint64(std::uint64_t u) { return to.Uint64(u); }
  bool Double(double d) { return to.Double(d); }
  bool RawNumber(const char* s, rapidjson::SizeType n, bool copy) { return to.RawNumber(s, n, copy); }
  bool String(const char* s, rapidjson::SizeType n, bool copy) { return to.String(s, n, copy); }
  bool StartObject() { return to.StartObject(); }
  bool Key(const char* s, rapidjson::SizeType n, bool copy) { return to.Key(s, n, copy); }
  bool EndObject(rapidjson::SizeType n) { return to.EndObject(n); }
  bool StartArray() { return to.StartArray(); }
  bool EndArray(rapidjson::SizeType n) { return to.EndArray(n); }
};

}  // namespace

Result<void> JsonText::parse(std::string_view text) {
  if (const char* wrong = Scan{text}.run()) return Unexpected{Errc::BadJson, wrong};

  // No kParseFullPrecisionFlag: that code takes clz(0) for "0e1", and the plain one is far finer than an f32.
  constexpr unsigned kFlags = rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag;
  rapidjson::Reader reader;
  rapidjson::MemoryStream stream{text.data(), text.size()};
  auto generate = [&](rapidjson::Document& document) {
    MinusZero handler{document};
    return !reader.Parse<kFlags>(stream, handler).IsError();
  };
  document_.Populate(generate);
  if (!reader.HasParseError()) return {};
  return Unexpected{Errc::BadJson, "byte " + std::to_string(reader.GetErrorOffset())};
}

}  // namespace wzp::proto
