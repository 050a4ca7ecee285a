#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "wzp/base/fingerprint.hpp"
#include "wzp/base/result.hpp"

namespace wzp::client_app {

/// The relays met before and their certificates: pinned on first use (client.md D-48).
/// A text file, one relay a line: "host:port fingerprint". At most 4096 relays; then no new one is remembered.
class KnownRelays {
 public:
  /// A missing file holds nobody. Errors: BadConfig with the line; the file is left as it is.
  [[nodiscard]] static Result<KnownRelays> load(const std::filesystem::path& path);

  [[nodiscard]] std::optional<RelayFingerprint> find(const std::string& host_port) const;
  /// Remembers a relay and writes the file. Harmless when it is known already. Errors: Io.
  [[nodiscard]] Result<void> remember(const std::string& host_port, const RelayFingerprint& fingerprint);

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  explicit KnownRelays(std::filesystem::path path) : path_{std::move(path)} {}

  std::filesystem::path path_;
  std::map<std::string, RelayFingerprint> relays_;
};

/// What to tell somebody whose relay shows another certificate than before.
[[nodiscard]] std::string changed_relay_text(const std::string& host_port, const RelayFingerprint& pinned,
                                             const std::filesystem::path& file);

}  // namespace wzp::client_app
