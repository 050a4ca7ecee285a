#pragma once

namespace wzp::app {

/// Exit codes of every program (client.md 19.11).
enum ExitCode : int {
  kOk = 0,             ///< all well
  kInternal = 1,       ///< internal or I/O failure
  kUsage = 2,          ///< usage or configuration
  kCannotConnect = 3,  ///< the relay or the peer could not be reached
  kNotAuthorised = 4,  ///< an identity, certificate or signature was refused
  kCallRefused = 5,    ///< refused, busy or not answered
  kMediaFailure = 6,   ///< the call was set up but had no audio
};

}  // namespace wzp::app
