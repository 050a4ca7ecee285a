#include <algorithm>
#include <csignal>
#include <iostream>
#include <thread>

#include <fmt/format.h>

#include "common/exit_code.hpp"
#include "common/file.hpp"
#include "common/identity_file.hpp"
#include "common/version.hpp"
#include "relay/options.hpp"
#include "relay/server.hpp"
#include "wzp/net/interfaces.hpp"

namespace {

using namespace wzp;
using namespace wzp::relay_app;

int fail(int exit_code, const std::string& what) {
  std::cerr << "wzp-relay: " << what << "\n";
  return exit_code;
}

// The address that others will probably reach us at.
SocketAddress reachable_address(const Config& config, const SocketAddress& listening) {
  if (config.advertise_addr) return *config.advertise_addr;
  if (!listening.ip.is_unspecified()) return listening;
  const auto outside = net::source_address({*IpAddress::parse("192.0.2.1"), 9});
  return {outside.is_unspecified() ? *IpAddress::parse("127.0.0.1") : outside, listening.port};
}

int run(Options options) {
  auto& config = options.config;
  app::Log log{config.log_level};
  const auto identity = app::load_seed(config.identity, app::user_file("relay-identity"), "wzp-client identity create --identity FILE");
  if (!identity) return fail(app::kUsage, identity.error().where);
  if (identity->created) log.info(fmt::format("made a new identity in {}; keep a copy, it is the name of this relay", identity->path.string()));
  const auto fingerprint = crypto::relay_fingerprint(crypto::relay_certificate(identity->seed).der);
  if (options.show_fingerprint) {
    std::cout << to_string(fingerprint) << "\n";
    return app::kOk;
  }
  if (config.workers == 0) config.workers = static_cast<std::uint16_t>(std::clamp(std::thread::hardware_concurrency(), 1U, 64U));

  RelayServer server{config, identity->seed, log};
  if (const auto opened = server.open(); !opened) return fail(app::kUsage, opened.error().where);
  const auto reachable = reachable_address(config, server.listening());
  if (options.example_to) {
    const auto text = example_config(reachable, fingerprint);
    if (const auto written = app::create_private_file(*options.example_to, bytes_of(text)); !written) return fail(app::kUsage, written.error().where);
    log.info(fmt::format("{} did not exist: wrote an example there and go on with the defaults", options.example_to->string()));
  }
  const auto web = server.web_listening();
  if (web) std::cout << "websocket=" << to_string(*web) << "\n";
  std::cout << "listening=" << to_string(server.listening()) << "\ntls_fingerprint=" << to_string(fingerprint) << std::endl;
  log.info(fmt::format("wzp-relay {} on {} with {} worker(s), {} peer(s), {} trusted", app::kBuild, to_string(server.listening()),
                       config.workers, config.peers.size(), config.trusted.size()));
  if (web) log.info(fmt::format("members of rooms may come by WebSocket, at http://{}/ws/ROOM", to_string(*web)));
  log.info(fmt::format("to federate with this relay: [[peers]] url = \"{}\" fingerprint = \"{}\"", to_string(reachable), to_string(fingerprint)));
  server.run();
  log.info("ended");
  return app::kOk;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  auto parsed = parse_options(argc, argv);
  if (!parsed.options) return parsed.exit_code;
  return run(std::move(*parsed.options));
}
