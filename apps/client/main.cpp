#include <csignal>
#include <iostream>

#include "client/commands.hpp"
#include "wzp/base/overloaded.hpp"

namespace wzp::client_app {

int fail(int exit_code, const std::string& what) {
  std::cerr << "wzp-client: " << what << "\n";
  return exit_code;
}

}  // namespace wzp::client_app

int main(int argc, char** argv) {
  using namespace wzp::client_app;
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is an error of the write, not the end of the call
  const auto parsed = parse_options(argc, argv);
  if (!parsed.options) return parsed.exit_code;
  return std::visit(wzp::overloaded{
                        [](const IdentityOptions& o) { return run_identity(o); },
                        [](const PhoneOptions& o) { return run_phone(o); },
                        [](const RoomOptions& o) { return run_room(o); },
                        [](const ReflectOptions& o) { return run_reflect(o); },
                        [](const PingOptions& o) { return run_ping(o); },
                        [](const VersionOptions& o) { return run_version(o); },
                        [](const InspectOptions& o) { return run_inspect(o); },
                        [](const CompareOptions& o) { return run_compare(o); },
                    },
                    *parsed.options);
}
