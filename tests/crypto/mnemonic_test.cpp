#include "wzp/crypto/mnemonic.hpp"

#include <sstream>

#include <catch2/catch_test_macros.hpp>

#include "vectors.hpp"
#include "wzp/crypto/hash.hpp"

using namespace wzp;
using namespace wzp::crypto;
using wzp::test::filled;
using wzp::test::hex;
using wzp::test::vectors;

namespace {

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream in{text};
  std::vector<std::string> out;
  for (std::string word; in >> word;) out.push_back(word);
  return out;
}

std::string join(const std::vector<std::string>& words, const std::string& space = " ") {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : space) + word;
  return out;
}

}  // namespace

TEST_CASE("the word list is the published one", "[crypto]") {
  std::string list;
  for (std::size_t i = 0; i < 2048; ++i) list += std::string{bip39_word(i)} + "\n";
  CHECK(hex(sha256(bytes_of(list))) == "2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda");
}

TEST_CASE("seeds become the words of the reference, and back", "[crypto][golden]") {
  for (const auto& v : vectors("crypto.jsonl", "identity", 4)) {
    INFO(v.name());
    const Seed seed = v.secret("seed");
    CHECK(to_mnemonic(seed) == v.text("mnemonic"));
    const auto back = parse_mnemonic(v.text("mnemonic"));
    REQUIRE(back);
    CHECK(*back == seed);
  }
}

TEST_CASE("white space and case of a mnemonic do not matter", "[crypto]") {
  const Seed seed = filled(0x77);
  auto words = words_of(to_mnemonic(seed));
  CHECK(*parse_mnemonic("\n  " + join(words, " \t\r\n ") + " \n") == seed);
  words[3] = "UPON";
  CHECK(*parse_mnemonic(join(words)) == seed);
}

TEST_CASE("a mistyped mnemonic is explained", "[crypto]") {
  auto words = words_of(to_mnemonic(filled(0x77)));
  const auto error_of = [](const std::string& text) {
    const auto result = parse_mnemonic(text);
    REQUIRE_FALSE(result);
    return to_string(result.error());
  };
  SECTION("a word outside the list is named with its place") {
    words[4] = "jaz";
    CHECK(error_of(join(words)) == "BadValue: mnemonic: word 5, \"jaz\", is not in the English list");
  }
  SECTION("what it is named by is safe to print") {
    words[0] = "\x1b[31m" + std::string(100, 'x');
    CHECK(error_of(join(words)).find("word 1, \"?[31mxxx") != std::string::npos);
    CHECK(error_of(join(words)).size() < 100);
  }
  SECTION("too few or too many words are counted") {
    words.pop_back();
    CHECK(error_of(join(words)) == "BadValue: mnemonic: need 24 words, have 23");
    words.insert(words.end(), 3, "zoo");
    CHECK(error_of(join(words)) == "BadValue: mnemonic: need 24 words, have 26");
    CHECK(error_of("") == "BadValue: mnemonic: need 24 words, have 0");
  }
  SECTION("exchanged words do not pass the checksum") {
    std::swap(words[0], words[1]);
    CHECK(error_of(join(words)).find("checksum") != std::string::npos);
  }
  SECTION("endless text is not read") { CHECK(error_of(std::string(5000, 'a')) == "TooLong: mnemonic"); }
}

TEST_CASE("of the last words that differ in the checksum alone, one fits", "[crypto]") {
  auto words = words_of(to_mnemonic(filled(0)));
  int good = 0;
  for (std::size_t i = 0; i < 256; ++i) {  // the last word is 3 bits of seed, all zero here, and 8 of checksum
    words.back() = bip39_word(i);
    if (const auto seed = parse_mnemonic(join(words))) {
      CHECK(*seed == filled(0));
      ++good;
    }
  }
  CHECK(good == 1);
}
