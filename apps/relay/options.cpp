#include "relay/options.hpp"

#include <iostream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "common/exit_code.hpp"
#include "common/file.hpp"
#include "common/log.hpp"
#include "common/version.hpp"

namespace wzp::relay_app {
namespace {

constexpr const char* kFooter = R"(CONFIGURATION FILE (TOML; every key may be missing; unknown keys are an error)
  listen_addr = "0.0.0.0:4433"       UDP address to listen on
  advertise_addr = "203.0.113.5:4433"  what clients are told, when they cannot reach listen_addr (NAT)
  identity = "FILE"                  seed of the relay's key; default ~/.wzp/relay-identity
  log_level = "info"                 debug, info, warn or error
  workers = 0                        threads; 0: one per core
  ws_port = 8080                     TCP port where members of rooms may come by WebSocket, at /ws/ROOM; 0: any
                                     free one; without the key there is none. Plain HTTP: browsers come by
                                     TLS, so put a reverse proxy with a certificate in front.
  ws_bind = "127.0.0.1"              address for it; this machine alone unless set
  ring_timeout_s, idle_timeout_s, reconnect_grace_s, link_grace_s
  max_connections, max_connections_per_ip, max_calls_per_client, offers_per_minute,
  signals_per_second, retry_threshold
  allow_unsigned_registration, allow_unauthenticated_federation, share_addrs_in_offer = false
                                     unsafe; for clients and relays of the reference implementation
  max_sessions = 10000, max_rooms = 1000   people in rooms of several, in all; rooms with somebody in them
  max_room_participants = 64         people in one room, here; 256 at most in a global one
  max_packets_per_member = 500       a second, of one of them; 0: no limit
  max_packets_per_link = 5000        of media a second that a linked relay may bring; a voice has 50; 0: no limit
  trunking_enabled = true            several packets per datagram, toward whoever reads that
  [[peers]]    url = "host:port"  fingerprint = "..."  label = "..."   relays that this one dials
  [[trusted]]  fingerprint = "..."  label = "..."                     relays that may dial this one
               delegate = true in either: this relay may speak for relays behind it, and what
               it sends for others is passed on; needed on every relay in the middle of a chain
  [[global_rooms]]  name = "..."     a room that spans relays; every relay of it lists it
  [[rooms]]    name = "..."  members = ["fingerprint", ...]           a room for these people only; where
               it is global, each of its relays has to list it so: none looks at the members of another

SIGNALS
  SIGHUP   reads [[peers]], [[trusted]], [[global_rooms]] and [[rooms]] of the file again; on any error nothing
           changes. The link of a relay that is no longer named is closed, and its calls end.
  SIGINT, SIGTERM   closes everything and ends

FILES
  ~/.wzp/relay-identity              made at the first start; keep a copy: it is the relay's name

EXIT STATUS
  0 ended by SIGINT or SIGTERM   1 internal failure   2 usage or configuration

EXAMPLE
  wzp-relay --listen 0.0.0.0:4433
  wzp-relay --config /etc/wzp-relay.toml)";

void print_usage_error(const std::string& what) { std::cerr << "wzp-relay: " << what << "\n"; }

Parsed failed(const std::string& what) {
  print_usage_error(what);
  return {std::nullopt, app::kUsage};
}

// The file's settings, or the defaults when the named file does not exist.
Result<Options> read_config(const std::string& path) {
  Options options;
  if (path.empty()) return options;
  const auto content = app::read_file(path, kMaxConfigBytes);
  if (!content && content.error().code == Errc::NotFound) {
    options.example_to = path;
    return options;
  }
  if (!content) return content.failure();
  auto config = parse_config(text_of(*content), path);
  if (!config) return config.failure();
  options.config = std::move(*config);
  options.config.file = path;
  return options;
}

}  // namespace

Parsed parse_options(int argc, const char* const* argv) {
  CLI::App cli{"wzp-relay - carries the signals and the sealed audio of encrypted calls"};
  cli.footer(kFooter);
  std::string config_path, identity, listen, log_level;
  std::optional<std::uint16_t> ws_port;
  bool trunking = false;
  std::vector<std::string> global_rooms;
  Options flags;
  cli.add_option("-c,--config", config_path, "TOML file; if it does not exist, an example is written there")->type_name("FILE");
  cli.add_option("-i,--identity", identity, "identity file (64 hex digits); create one with: wzp-client identity create")
      ->type_name("FILE");
  cli.add_option("--listen", listen, "UDP address to listen on, default 0.0.0.0:4433")->type_name("ADDR:PORT");
  cli.add_option("--ws-port", ws_port, "TCP port for members of rooms who come by WebSocket; see ws_port below")->type_name("PORT");
  cli.add_option("--global-room", global_rooms, "a room that spans relays, in addition to [[global_rooms]]; may be given again")
      ->type_name("NAME")->allow_extra_args(false);
  cli.add_flag("--trunking", trunking, "trunking_enabled = true, whatever the file says");
  cli.add_option("--log-level", log_level, "debug, info, warn or error; also from the environment: WZP_LOG")->type_name("LEVEL");
  cli.add_flag("--show-fingerprint", flags.show_fingerprint, "print the fingerprint that peers put into their configuration, and end");
  cli.set_version_flag("-V,--version", fmt::format("wzp-relay {}", app::kBuild));
  try {
    cli.parse(argc, argv);
  } catch (const CLI::Success& e) {
    return {std::nullopt, cli.exit(e)};
  } catch (const CLI::ParseError& e) {
    return failed(std::string{e.what()} + "; see wzp-relay --help");
  }

  auto options = read_config(config_path);
  if (!options) return failed(options.error().where);
  auto& config = options->config;
  if (!identity.empty()) config.identity = identity;
  if (!listen.empty()) {
    const auto address = SocketAddress::parse(listen);
    if (!address) return failed(fmt::format("--listen {}: must be a numeric address with a port, like 0.0.0.0:4433", listen));
    config.listen_addr = *address;
  }
  if (ws_port) config.ws_port = ws_port;
  config.trunking_enabled = config.trunking_enabled || trunking;
  for (const auto& text : global_rooms) {
    auto name = room_name(text);
    if (!name) return failed(fmt::format("--global-room {}: {}", text, name.error().where));
    config.more_global_rooms.push_back(std::move(*name));
  }
  if (const auto added = add_global_rooms(config); !added) return failed(added.error().where);
  if (log_level.empty()) {
    if (const char* from_environment = std::getenv("WZP_LOG")) log_level = from_environment;
  }
  if (!log_level.empty()) {
    const auto level = app::parse_log_level(log_level);
    if (!level) return failed(fmt::format("log level {}: must be debug, info, warn or error", log_level));
    config.log_level = *level;
  }
  options->show_fingerprint = flags.show_fingerprint;
  return {std::move(*options), app::kOk};
}

std::string example_config(const SocketAddress& reachable, const RelayFingerprint& fingerprint) {
  return fmt::format(
      "# wzp-relay. Every key is optional; see wzp-relay --help.\n"
      "listen_addr = \"0.0.0.0:{0}\"\n"
      "\n"
      "# A relay that this one shall dial. Its operator adds this relay under [[trusted]].\n"
      "# [[peers]]\n"
      "# url = \"relay.example.org:4433\"\n"
      "# fingerprint = \"...\"\n"
      "# label = \"Example\"\n"
      "\n"
      "# For others, who want to dial this relay or be dialled by it:\n"
      "# [[peers]]\n"
      "# url = \"{1}\"\n"
      "# fingerprint = \"{2}\"\n",
      reachable.port, to_string(reachable), to_string(fingerprint));
}

}  // namespace wzp::relay_app
