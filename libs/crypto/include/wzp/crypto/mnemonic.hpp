#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "wzp/base/result.hpp"
#include "wzp/crypto/identity.hpp"

namespace wzp::crypto {

/// A seed as 24 English words of BIP39: the seed is the entropy itself, without passphrase or stretching
/// (wire.md 4.2). Lowercase, one space between words. The caller wipes the text when it is no longer needed.
[[nodiscard]] std::string to_mnemonic(const Seed& seed);

/// The inverse. Any white space between words, either case. At most 4096 bytes are looked at.
/// Errors: BadValue, saying how many words there are, which word is not in the list (by place and spelling),
/// or that the checksum does not fit; TooLong.
[[nodiscard]] Result<Seed> parse_mnemonic(std::string_view text);

/// Word `index` of the list, 0 to 2047.
[[nodiscard]] std::string_view bip39_word(std::size_t index);

}  // namespace wzp::crypto
