#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wzp/base/bytes.hpp"
#include "wzp/base/fingerprint.hpp"

// Blinded entries of `UserState`: 16 hex digits each, one behind the other.

namespace wzp::federation {

[[nodiscard]] std::uint64_t blind(const ByteArray<16>& salt, const Fingerprint& person);
void append_entry(std::string& text, std::uint64_t entry);
/// Sorted, each once. Empty for anything but whole entries, and for more than `most`.
[[nodiscard]] std::optional<std::vector<std::uint64_t>> read_entries(std::string_view text, std::size_t most);
[[nodiscard]] std::optional<std::uint64_t> read_entry(std::string_view text);
/// The digest of a list.
[[nodiscard]] std::uint64_t xor_of(const std::vector<std::uint64_t>& entries);

}  // namespace wzp::federation
