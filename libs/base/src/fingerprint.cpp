#include "wzp/base/fingerprint.hpp"

#include "wzp/base/hex.hpp"

namespace wzp {
namespace {

template <std::size_t N>
std::optional<ByteArray<N>> parse_grouped(std::string_view text) {
  std::string digits;
  for (const char c : text) {
    if (c != ':') digits += c;
    if (digits.size() > 2 * N) return std::nullopt;
  }
  return array_from_hex<N>(digits);
}

std::string print_grouped(ByteView bytes, std::size_t bytes_per_group) {
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += bytes_per_group) {
    if (i != 0) out += ':';
    out += to_hex(bytes.subspan(i, bytes_per_group));
  }
  return out;
}

}  // namespace

std::optional<Fingerprint> Fingerprint::parse(std::string_view text) {
  const auto bytes = parse_grouped<16>(text);
  return bytes ? std::optional{Fingerprint{*bytes}} : std::nullopt;
}

std::optional<RelayFingerprint> RelayFingerprint::parse(std::string_view text) {
  const auto bytes = parse_grouped<32>(text);
  return bytes ? std::optional{RelayFingerprint{*bytes}} : std::nullopt;
}

std::string to_string(const Fingerprint& fp) { return print_grouped(fp.bytes, 2); }
std::string to_string(const RelayFingerprint& fp) { return print_grouped(fp.bytes, 1); }

}  // namespace wzp
