#include "common/json_line.hpp"

#include <cmath>

#include <fmt/format.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

namespace wzp::app {
namespace {

std::string quoted(std::string_view text) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer{buffer};
  writer.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace

JsonLine& JsonLine::add_raw(std::string_view key, std::string_view json) {
  if (text_.size() > 1) text_ += ',';
  text_ += quoted(key);
  text_ += ':';
  text_ += json;
  return *this;
}

JsonLine& JsonLine::add(std::string_view key, std::string_view value) { return add_raw(key, quoted(value)); }

JsonLine& JsonLine::add(std::string_view key, bool value) { return add_raw(key, value ? "true" : "false"); }

JsonLine& JsonLine::add(std::string_view key, double value) {
  if (!std::isfinite(value)) return add_none(key);
  auto digits = fmt::format("{:.6f}", value);
  digits.erase(digits.find_last_not_of('0') + 1);
  if (digits.back() == '.') digits.pop_back();
  return add_raw(key, digits);
}

JsonLine& JsonLine::add(std::string_view key, const std::vector<std::string>& values) {
  std::string list = "[";
  for (const auto& value : values) list += (list.size() > 1 ? "," : "") + quoted(value);
  return add_raw(key, list + "]");
}

JsonLine& JsonLine::add_none(std::string_view key) { return add_raw(key, "null"); }

}  // namespace wzp::app
