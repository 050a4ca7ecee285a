// Words that are a seed are those of that seed; texts that are none say why, on one line.

#include <cstddef>
#include <cstdint>
#include <string>

#include "fuzz.hpp"
#include "wzp/crypto/mnemonic.hpp"

using namespace wzp;
using namespace wzp::crypto;

namespace {

/// The words in lowercase with one space between them.
std::string normal(std::string_view text) {
  std::string out;
  bool gap = false;
  for (const char c : text) {
    if (c == ' ' || (c >= '\t' && c <= '\r')) {
      gap = !out.empty();
      continue;
    }
    if (gap) out += ' ';
    gap = false;
    out += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  return out;
}

void check_error(const Error& error) {
  fuzz::require(!error.where.empty() && error.where.size() < 120);
  for (const char c : error.where) fuzz::require(c >= ' ' && c <= '~');
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = text_of({data, size});
  if (const auto seed = parse_mnemonic(text)) {
    fuzz::require(to_mnemonic(*seed) == normal(text));
  } else {
    check_error(seed.error());
  }
  if (const auto seed = parse_seed(text)) {
    fuzz::require(seed_text(*seed) == normal(text));
  } else {
    check_error(seed.error());
  }
  return 0;
}
