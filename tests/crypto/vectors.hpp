#pragma once

// Reads tests/golden/vectors: one JSON object per line.

#include <cstdint>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <rapidjson/document.h>
#include <catch2/catch_test_macros.hpp>

#include "wzp/base/hex.hpp"
#include "wzp/base/secret.hpp"

namespace wzp::test {

class Vector {
 public:
  explicit Vector(const std::string& line) : json_{std::make_unique<rapidjson::Document>()} {
    json_->Parse(line.c_str());
    REQUIRE(json_->IsObject());
  }

  [[nodiscard]] const rapidjson::Value& at(const char* key) const {
    INFO("field " << key);
    REQUIRE(json_->HasMember(key));
    return (*json_)[key];
  }
  [[nodiscard]] bool is_null(const char* key) const { return at(key).IsNull(); }
  [[nodiscard]] bool flag(const char* key) const {
    REQUIRE(at(key).IsBool());
    return at(key).GetBool();
  }
  [[nodiscard]] std::uint64_t number(const char* key) const {
    REQUIRE(at(key).IsUint64());
    return at(key).GetUint64();
  }
  [[nodiscard]] std::string text(const char* key) const {
    REQUIRE(at(key).IsString());
    return {at(key).GetString(), at(key).GetStringLength()};
  }
  [[nodiscard]] Bytes bytes(const char* key) const {
    const auto out = from_hex(text(key));
    REQUIRE(out);
    return *out;
  }
  template <std::size_t N>
  [[nodiscard]] ByteArray<N> array(const char* key) const {
    INFO("field " << key);
    const auto out = array_from_hex<N>(text(key));
    REQUIRE(out);
    return *out;
  }
  template <std::size_t N = 32>
  [[nodiscard]] Secret<N> secret(const char* key) const {
    return Secret<N>{array<N>(key)};
  }
  [[nodiscard]] std::string name() const { return text("name"); }

 private:
  std::unique_ptr<rapidjson::Document> json_;
};

/// All lines of a kind; `count` is how many there must be, so that none is skipped unseen.
inline std::vector<Vector> vectors(const std::string& file, const std::string& kind, std::size_t count) {
  std::ifstream in{std::string{WZP_TESTS_DIR} + "/golden/vectors/" + file};
  INFO("file " << file << ", kind " << kind);
  REQUIRE(in.good());
  std::vector<Vector> out;
  for (std::string line; std::getline(in, line);) {
    if (line.empty()) continue;
    Vector vector{line};
    if (vector.text("kind") == kind) out.push_back(std::move(vector));
  }
  REQUIRE(out.size() == count);
  return out;
}

/// A secret of one byte repeated.
inline Secret<32> filled(std::uint8_t byte) {
  ByteArray<32> bytes;
  bytes.fill(byte);
  return Secret<32>{bytes};
}

inline std::string hex(ByteView bytes) { return to_hex(bytes); }

}  // namespace wzp::test
