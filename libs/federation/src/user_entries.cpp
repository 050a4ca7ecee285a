#include "user_entries.hpp"

#include <algorithm>
#include <charconv>

#include "wzp/crypto/hash.hpp"

namespace wzp::federation {

std::uint64_t blind(const ByteArray<16>& salt, const Fingerprint& person) {
  return load_be64(crypto::hmac_sha256(salt, {person.bytes}).data());
}

void append_entry(std::string& text, std::uint64_t entry) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  for (int shift = 60; shift >= 0; shift -= 4) text += kDigits[(entry >> shift) & 15U];
}

std::optional<std::uint64_t> read_entry(std::string_view text) {
  std::uint64_t entry = 0;
  const auto* end = text.data() + text.size();
  if (text.size() != 16) return std::nullopt;
  const auto [stop, error] = std::from_chars(text.data(), end, entry, 16);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return entry;
}

std::optional<std::vector<std::uint64_t>> read_entries(std::string_view text, std::size_t most) {
  if (text.size() % 16 != 0 || text.size() / 16 > most) return std::nullopt;
  std::vector<std::uint64_t> out;
  out.reserve(text.size() / 16);
  for (; !text.empty(); text.remove_prefix(16)) {
    const auto entry = read_entry(text.substr(0, 16));
    if (!entry) return std::nullopt;
    out.push_back(*entry);
  }
  std::ranges::sort(out);
  const auto repeated = std::unique(out.begin(), out.end());
  out.erase(repeated, out.end());
  return out;
}

std::uint64_t xor_of(const std::vector<std::uint64_t>& entries) {
  std::uint64_t out = 0;
  for (const auto entry : entries) out ^= entry;
  return out;
}

}  // namespace wzp::federation
