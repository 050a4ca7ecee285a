#pragma once

#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <rapidjson/document.h>

namespace wzp::test {

/// Every line of tests/golden/vectors/<file>, parsed. Empty when the file cannot be read: test for that.
inline std::vector<rapidjson::Document> vectors(const std::string& file) {
  std::ifstream in{std::string{WZP_TESTS_DIR} + "/golden/vectors/" + file};
  std::vector<rapidjson::Document> lines;
  for (std::string line; std::getline(in, line);) {
    rapidjson::Document document;
    document.Parse(line.data(), line.size());
    if (!document.IsObject()) return {};
    lines.push_back(std::move(document));
  }
  return lines;
}

inline std::string text(const rapidjson::Value& object, const char* key) {
  const auto member = object.FindMember(key);
  if (member == object.MemberEnd() || !member->value.IsString()) return {};
  return {member->value.GetString(), member->value.GetStringLength()};
}

inline bool has(const rapidjson::Value& object, const char* key) { return object.HasMember(key); }

}  // namespace wzp::test
