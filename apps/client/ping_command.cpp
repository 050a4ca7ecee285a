#include <iostream>

#include <fmt/format.h>

#include "client/commands.hpp"
#include "client/short_connection.hpp"
#include "common/exit_code.hpp"
#include "common/file.hpp"
#include "common/json_line.hpp"
#include "wzp/base/log.hpp"

// `ping` and `version`: one short connection, one answer.

namespace wzp::client_app {
namespace {

int exit_code_of(const Error& error) {
  switch (error.code) {
    case Errc::BadConfig: return app::kUsage;
    case Errc::NotAllowed: return app::kNotAuthorised;
    case Errc::Io: return app::kInternal;
    default: return app::kCannotConnect;
  }
}

Result<KnownRelays> known_relays(const Common& common) {
  return KnownRelays::load(common.known_relays.empty() ? app::user_file("known_relays") : common.known_relays);
}

double milliseconds(Duration d) { return std::chrono::duration<double, std::milli>{d}.count(); }

}  // namespace

int run_ping(const PingOptions& options) {
  auto known = known_relays(options.common);
  if (!known) return fail(app::kUsage, known.error().where);
  for (int i = 0; i < options.count; ++i) {
    const auto answer = ask_relay(options.common, "ping", false, *known);
    if (!answer) return fail(exit_code_of(answer.error()), options.common.relay + ": " + answer.error().where);
    const auto ms = milliseconds(answer->connect_time);
    if (options.common.json) {
      std::cout << app::JsonLine{}.add("event", "pong").add("relay", options.common.relay).add("address", to_string(answer->remote))
                       .add("connect_ms", ms).add("tls_fingerprint", to_string(answer->certificate)).text() << std::endl;
    } else {
      std::cout << fmt::format("{} ({}): connected in {:.1f} ms\n", options.common.relay, to_string(answer->remote), ms) << std::flush;
    }
  }
  return app::kOk;
}

int run_version(const VersionOptions& options) {
  auto known = known_relays(options.common);
  if (!known) return fail(app::kUsage, known.error().where);
  const auto answer = ask_relay(options.common, "version", true, *known);
  if (!answer) return fail(exit_code_of(answer.error()), options.common.relay + ": " + answer.error().where);
  const auto build = printable(answer->text, 256);
  if (options.common.json) {
    std::cout << app::JsonLine{}.add("event", "version").add("relay", options.common.relay).add("build", build).text() << std::endl;
  } else {
    std::cout << options.common.relay << " " << build << std::endl;
  }
  return app::kOk;
}

}  // namespace wzp::client_app
