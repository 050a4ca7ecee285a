#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "relay/config.hpp"

namespace wzp::relay_app {

/// What the command line asks for.
struct Options {
  Config config;                                       ///< the file with the flags laid over it
  std::optional<std::filesystem::path> example_to;     ///< the named configuration file does not exist: write an example there
  bool show_fingerprint = false;                       ///< print the relay's fingerprint and end
};

/// Options, or the exit code with which to end: 0 after --help and --version, 2 for everything that is wrong.
struct Parsed {
  std::optional<Options> options;
  int exit_code = 0;
};

/// Reads the flags, and the file that `--config` names. Prints usage, help and errors itself.
[[nodiscard]] Parsed parse_options(int argc, const char* const* argv);

/// The commented configuration for a relay that has none, with what its peers need to know about it.
[[nodiscard]] std::string example_config(const SocketAddress& reachable, const RelayFingerprint& fingerprint);

}  // namespace wzp::relay_app
