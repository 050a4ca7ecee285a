#pragma once

#include <filesystem>
#include <string>

#include "wzp/base/result.hpp"
#include "wzp/crypto/identity.hpp"

namespace wzp::app {

struct LoadedSeed {
  crypto::Seed seed;
  std::filesystem::path path;
  bool created = false;  ///< drawn and written just now: announce it
};

/// Reads the 64 hex digits at `named`; a missing or corrupt file is an error that says what to do.
/// With an empty `named` the default path is used, and there a missing file is created from the operating
/// system's randomness (design.md 3.11). A corrupt file is never replaced.
[[nodiscard]] Result<LoadedSeed> load_seed(const std::filesystem::path& named, const std::filesystem::path& fallback,
                                           const std::string& how_to_create);

/// Writes a new identity file. Errors: Exists, Io.
[[nodiscard]] Result<void> store_seed(const std::filesystem::path& path, const crypto::Seed& seed);

}  // namespace wzp::app
