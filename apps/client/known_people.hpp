#pragma once

#include <filesystem>
#include <vector>

#include "wzp/base/fingerprint.hpp"
#include "wzp/base/result.hpp"

namespace wzp::client_app {

/// The people who have sealed a call with us before and must do so from now on (crypto.md 3). A text file, one fingerprint a
/// line, oldest first; 10,000 are kept, then the oldest is forgotten.
class KnownPeople {
 public:
  /// A missing file holds nobody. Errors: BadConfig with the line; the file is left as it is.
  [[nodiscard]] static Result<KnownPeople> load(const std::filesystem::path& path);

  [[nodiscard]] const std::vector<Fingerprint>& all() const noexcept { return people_; }
  /// Errors: Io.
  [[nodiscard]] Result<void> remember(const Fingerprint& who);

 private:
  explicit KnownPeople(std::filesystem::path path) : path_{std::move(path)} {}

  std::filesystem::path path_;
  std::vector<Fingerprint> people_;
};

}  // namespace wzp::client_app
