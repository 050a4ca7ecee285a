#include "json_writer.hpp"

#include <array>
#include <cassert>
#include <charconv>
#include <cmath>
#include <cstddef>

namespace wzp::proto {
namespace {

/// The two-character escape of a byte, or 0 when it has none.
constexpr char short_escape(char c) {
  switch (c) {
    case '"': return '"';
    case '\\': return '\\';
    case '\b': return 'b';
    case '\f': return 'f';
    case '\n': return 'n';
    case '\r': return 'r';
    case '\t': return 't';
    default: return 0;
  }
}

constexpr bool needs_escape(char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; }

/// The layout of the deployed programs' float printer: plain within 10^-5 .. 10^`plain_limit`, else `1.5e-7`.
/// `text` is the shortest scientific form, "-1.234e+05".
std::string pretty(std::string_view text, int plain_limit) {
  std::string out;
  if (text.front() == '-') {
    out += '-';
    text.remove_prefix(1);
  }
  const auto e = text.find('e');
  std::string digits;
  for (const char c : text.substr(0, e)) {
    if (c != '.') digits += c;
  }
  int exponent = 0;
  const auto from = text.data() + e + (text[e + 1] == '+' ? 2 : 1);
  std::from_chars(from, text.data() + text.size(), exponent);

  const int point = exponent + 1;  // digits before the decimal point
  const int count = static_cast<int>(digits.size());
  if (point >= count && point <= plain_limit) {
    return out + digits + std::string(static_cast<std::size_t>(point - count), '0') + ".0";
  }
  if (point > 0 && point <= plain_limit) {
    return out + digits.insert(static_cast<std::size_t>(point), 1, '.');
  }
  if (point > -5 && point <= 0) {
    return out + "0." + std::string(static_cast<std::size_t>(-point), '0') + digits;
  }
  if (count > 1) digits.insert(1, 1, '.');
  return out + digits + "e" + std::to_string(exponent);
}

template <class Float>
std::string shortest(Float value, int plain_limit) {
  assert(std::isfinite(value));
  if (!std::isfinite(value) || value == 0) return std::signbit(value) && value == 0 ? "-0.0" : "0.0";
  std::array<char, 40> buffer{};
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific).ptr;
  return pretty({buffer.data(), static_cast<std::size_t>(end - buffer.data())}, plain_limit);
}

}  // namespace

void JsonWriter::string(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out_ += '"';
  std::size_t done = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (!needs_escape(c)) continue;
    out_.append(text, done, i - done);
    done = i + 1;
    out_ += '\\';
    if (const char e = short_escape(c); e != 0) {
      out_ += e;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out_ += "u00";
      out_ += kHex[byte >> 4];
      out_ += kHex[byte & 15];
    }
  }
  out_.append(text, done);
  out_ += '"';
}

void JsonWriter::number(std::uint64_t value) {
  std::array<char, 20> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  out_.append(buffer.data(), end);
}

// 13 and 16: where the printer of the deployed programs turns to exponents, for single and double precision.
void JsonWriter::number(float value) { out_ += shortest(value, 13); }
void JsonWriter::number(double value) { out_ += shortest(value, 16); }

void JsonWriter::key(std::string_view name) {
  out_ += '"';
  out_ += name;
  out_ += "\":";
}

}  // namespace wzp::proto
