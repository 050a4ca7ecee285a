#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "wzp/base/bytes.hpp"
#include "wzp/base/result.hpp"

namespace wzp::app {

/// The whole file. Errors: NotFound, Io (with the system's words), TooLong over `limit` bytes.
[[nodiscard]] Result<Bytes> read_file(const std::filesystem::path& path, std::size_t limit);

/// Makes a new file with mode 0600 and these bytes, and its folders with mode 0700. Appears whole or not at all.
/// Errors: Exists when the name is taken (nothing is overwritten), Io.
[[nodiscard]] Result<void> create_private_file(const std::filesystem::path& path, ByteView content);

/// Replaces or makes a file; readers see the old or the new one, never a part. Errors: Io.
[[nodiscard]] Result<void> replace_file(const std::filesystem::path& path, ByteView content);

/// $HOME/.wzp/<name>, or ./.wzp/<name> without a home.
[[nodiscard]] std::filesystem::path user_file(const std::string& name);

}  // namespace wzp::app
