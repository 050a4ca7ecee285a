#include "wzp/crypto/mnemonic.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "wzp/base/log.hpp"
#include "wzp/crypto/hash.hpp"

namespace wzp::crypto {
namespace {

constexpr std::array<std::string_view, 2048> kWords{
#include "bip39_english.inc"
};
static_assert(std::is_sorted(kWords.begin(), kWords.end()) && !kWords.back().empty());

constexpr std::size_t kWordCount = 24;  // 256 bits of seed and 8 of checksum, 11 per word
constexpr std::size_t kMaxText = 4096;
constexpr std::string_view kSpace = " \t\r\n\f\v";

/// 24 words of 11 bits are 33 bytes: seed and checksum.
using Bits = Secret<33>;

std::uint8_t checksum_of(const Seed& seed) { return sha256(seed.view())[0]; }

std::size_t word_at(const Bits& bits, std::size_t place) {
  std::size_t index = 0;
  for (std::size_t bit = place * 11; bit < place * 11 + 11; ++bit)
    index = (index << 1) | ((std::size_t{bits.array()[bit / 8]} >> (7 - bit % 8)) & 1);
  return index;
}

void set_word(Bits& bits, std::size_t place, std::size_t index) {
  for (std::size_t i = 0; i < 11; ++i) {
    const std::size_t bit = place * 11 + i;
    if ((index >> (10 - i) & 1U) != 0) bits.fill()[bit / 8] |= static_cast<std::uint8_t>(0x80U >> (bit % 8));
  }
}

std::optional<std::size_t> find_word(std::string_view typed) {
  std::array<char, 8> lower{};  // no word of the list is longer
  if (typed.size() > lower.size()) return std::nullopt;
  std::transform(typed.begin(), typed.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  const std::string_view word{lower.data(), typed.size()};
  const auto at = std::lower_bound(kWords.begin(), kWords.end(), word);
  if (at == kWords.end() || *at != word) return std::nullopt;
  return static_cast<std::size_t>(at - kWords.begin());
}

Unexpected bad(std::string why) { return Unexpected{Errc::BadValue, "mnemonic: " + std::move(why)}; }

}  // namespace

std::string_view bip39_word(std::size_t index) { return kWords.at(index); }

std::string to_mnemonic(const Seed& seed) {
  Bits bits;
  std::copy_n(seed.view().begin(), seed.size(), bits.fill().begin());
  bits.fill().back() = checksum_of(seed);
  std::string out;
  out.reserve(kWordCount * 9);
  for (std::size_t place = 0; place < kWordCount; ++place) {
    if (place != 0) out += ' ';
    out += kWords[word_at(bits, place)];
  }
  return out;
}

Result<Seed> parse_mnemonic(std::string_view text) {
  if (text.size() > kMaxText) return Unexpected{Errc::TooLong, "mnemonic"};
  Bits bits;
  std::size_t count = 0;
  std::optional<std::string> unknown;
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
    if (text.empty()) break;
    const std::string_view typed = text.substr(0, text.find_first_of(kSpace));
    text.remove_prefix(typed.size());
    const auto index = find_word(typed);
    if (index && count < kWordCount) set_word(bits, count, *index);
    ++count;
    if (!index && !unknown)
      unknown = "word " + std::to_string(count) + ", \"" + printable(typed, 20) + "\", is not in the English list";
  }
  if (unknown) return bad(*std::move(unknown));
  if (count != kWordCount) return bad("need 24 words, have " + std::to_string(count));

  Seed seed;
  std::copy_n(bits.view().begin(), seed.size(), seed.fill().begin());
  if (bits.view().back() != checksum_of(seed)) return bad("the checksum does not fit: a word is wrong or out of place");
  return seed;
}

}  // namespace wzp::crypto
