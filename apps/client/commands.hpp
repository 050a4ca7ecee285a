#pragma once

#include "client/options.hpp"

namespace wzp::client_app {

/// Each runs one subcommand to its end and returns its exit code (common/exit_code.hpp).
[[nodiscard]] int run_identity(const IdentityOptions& options);
[[nodiscard]] int run_phone(const PhoneOptions& options);
[[nodiscard]] int run_room(const RoomOptions& options);
[[nodiscard]] int run_reflect(const ReflectOptions& options);
[[nodiscard]] int run_ping(const PingOptions& options);
[[nodiscard]] int run_version(const VersionOptions& options);
[[nodiscard]] int run_inspect(const InspectOptions& options);
[[nodiscard]] int run_compare(const CompareOptions& options);

/// Says on standard error what went wrong and returns `exit_code`.
[[nodiscard]] int fail(int exit_code, const std::string& what);

}  // namespace wzp::client_app
