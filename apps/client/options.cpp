#include "client/options.hpp"

#include <cstdlib>
#include <iostream>
#include <map>
#include <set>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "common/exit_code.hpp"
#include "common/log.hpp"
#include "common/version.hpp"
#include "wzp/crypto/room.hpp"
#include "wzp/proto/server_name.hpp"

namespace wzp::client_app {
namespace {

constexpr const char* kFooter = R"(FILES
  ~/.wzp/identity       who you are; made at first use. "wzp-client identity export" prints the 24 words that restore it
  ~/.wzp/known_relays   certificates of the relays you have used
  ~/.wzp/known_people   who has sealed a call with you, and must from then on

AT THE TERMINAL, while listening, in a call or in a room
  t, p, r               answer a call: trusted, private, reject
  c FINGERPRINT         call somebody       q   end the call, leave the room

ENVIRONMENT
  WZP_RELAY   default relay      WZP_LOG   default log level

EXIT STATUS
  0 ok                      4 an identity or certificate was refused
  1 internal failure, I/O   5 the call was refused, busy or not answered; the room does not admit you
  2 usage, configuration    6 the call had no audio
  3 cannot connect

EXAMPLE
  wzp-client listen --relay relay.example.org --accept trusted
  wzp-client call 27ba:36eb:371e:ea99:e7d0:ee57:3165:e50e --relay relay.example.org --play hello.wav
  wzp-client room tea --relay relay.example.org --play hello.wav --record mix.wav)";

constexpr const char* kRoomFooter = R"(DESCRIPTION
  Joins the room NAME at a relay. Everybody who joins the same name at the same relay hears you, and you hear
  everybody, mixed; where relays share the room ([[global_rooms]]), also who joins at those. Names are those of hosts: letters, digits, "-", "_" and "."; upper and lower case are the same.
  If the connection is lost, the room is joined again after 1, 2, 4, 8, 15 and then every 30 seconds.

  NOT SEALED: the audio of a room is encrypted between you and the relay, but not end to end as in a call.
  Whoever runs the relay, or one that shares the room, could listen, and relays alone say who is in the room.

  --record-each names the files after the fingerprints of the speakers (32 hex digits), or after the source that the
  relay tells (12), or "speaker-N" where it tells nothing. A second voice of the same name gets "-2" behind it.
  Existing files are replaced.

EXIT STATUS
  0 left   2 usage   3 cannot connect   4 identity or certificate refused, or joined elsewhere   5 not admitted

EXAMPLE
  wzp-client room tea --list
  wzp-client room tea --alias Ada --play ada.wav --record mix.wav --record-each voices --duration 60)";

const std::map<std::string, AcceptPolicy> kPolicies{{"ask", AcceptPolicy::Ask},
                                                    {"trusted", AcceptPolicy::Trusted},
                                                    {"private", AcceptPolicy::Private},
                                                    {"reject", AcceptPolicy::Reject}};
const std::set<std::string> kInspectKinds{"signal", "header",     "packet",   "report", "mini",
                                          "trunk",  "federation", "identity", "sni"};

// Texts that CLI11 fills in and that become values of their own types afterwards.
struct Texts {
  std::string target, accept, log_level;
  double duration = 0;
  double idle_timeout = 30;
  double ring_timeout = 0;
};

void add_common(CLI::App& command, Common& common, Texts& texts) {
  command.add_option("--identity", common.identity, "identity file; default ~/.wzp/identity, made when missing")->type_name("FILE");
  command.add_option("--log-level", texts.log_level, "debug, info, warn or error")->type_name("LEVEL");
  command.add_flag("--json", common.json, "one JSON object per line on standard output");
}

void add_network(CLI::App& command, Common& common, Texts& texts) {
  add_common(command, common, texts);
  command.add_option("--relay", common.relay, "relay to use; a name or an address, default port 4433")->type_name("HOST[:PORT]");
  command.add_option("--known-relays", common.known_relays, "where relay certificates are remembered; default ~/.wzp/known_relays")
      ->type_name("FILE");
  command.add_option("--bind", common.bind, "local address and port; default any")->type_name("ADDR:PORT");
}

void add_audio(CLI::App& command, AudioOptions& audio) {
  auto* play = command.add_option("--play", audio.play, "send this WAV file (or raw 48 kHz mono 16-bit PCM: .pcm, .raw)");
  play->type_name("FILE");
  command.add_option("--tone", audio.tone, "send a tone")->type_name("HZ")->check(CLI::Range(20.0, 20000.0))->excludes(play);
  command.add_flag("--repeat", audio.repeat, "send the file over and over")->needs(play);
  command.add_option("--record", audio.record, "write what is heard to a WAV file (.pcm, .raw: raw)")->type_name("FILE");
  command.add_option("--record-sent", audio.record_sent, "write what is sent to a WAV file")->type_name("FILE");
}

void add_phone(CLI::App& command, PhoneOptions& phone, Texts& texts) {
  add_network(command, phone.common, texts);
  command.add_option("--known-people", phone.common.known_people, "where is remembered who seals calls; default ~/.wzp/known_people")
      ->type_name("FILE");
  command.add_option("--alias", phone.alias, "name that others see next to your fingerprint")->type_name("NAME");
  add_audio(command, phone);
  command.add_option("--duration", texts.duration, "hang up this many seconds after the call was set up")
      ->type_name("SECONDS")->check(CLI::Range(0.1, 86400.0));
  auto* direct = command.add_flag("--direct-only", phone.direct_only, "no audio through a relay, or no call");
  command.add_flag("--relay-only", phone.relay_only, "show nobody your address: audio through the relay, or no call")->excludes(direct);
  command.add_flag("--no-announce", phone.unannounced,
                   "your relay tells no other relay that you are there; calls from elsewhere take longer to find you");
  command.add_flag("--allow-unsealed", phone.allow_unsealed, "unsafe: also hold calls that relays can listen to (reference clients)");
  command.add_option("--idle-timeout", texts.idle_timeout, "silence that ends a connection, default 30")
      ->type_name("SECONDS")->check(CLI::Range(1.0, 600.0));
  command.add_option("--ring-timeout", texts.ring_timeout, "give up an unanswered call after this; default 45 as caller, 60 as callee")
      ->type_name("SECONDS")->check(CLI::Range(0.5, 600.0));
}

void add_room(CLI::App& command, RoomOptions& room, Texts& texts) {
  command.footer(kRoomFooter);
  add_network(command, room.common, texts);
  // Not needed here and not shown: scripts give all commands of a person the same files.
  command.add_option("--known-people", room.common.known_people)->group("");
  command.add_option("name", room.name, "the room")->required()->type_name("NAME");
  command.add_option("--alias", room.alias, "name that others see next to your fingerprint")->type_name("NAME");
  add_audio(command, room);
  command.add_option("--record-each", room.record_each, "write one WAV file for each speaker into this folder")->type_name("FOLDER");
  command.add_option("--duration", texts.duration, "leave this many seconds after joining")
      ->type_name("SECONDS")->check(CLI::Range(0.1, 86400.0));
  command.add_flag("--list", room.list, "say who is in the room, and leave");
  command.add_flag("--hashed", room.hashed, "dial the hash of the name, as web clients do; both meet in one room");
  command.add_option("--idle-timeout", texts.idle_timeout, "silence that ends a connection, default 30")
      ->type_name("SECONDS")->check(CLI::Range(1.0, 600.0));
}

Result<void> settle_common(Common& common, const Texts& texts) {
  auto level = texts.log_level;
  if (level.empty()) {
    if (const char* from_environment = std::getenv("WZP_LOG")) level = from_environment;
  }
  if (level.empty()) return {};
  const auto parsed = app::parse_log_level(level);
  if (!parsed) return Unexpected{Errc::BadConfig, fmt::format("log level {}: must be debug, info, warn or error", level)};
  common.log_level = *parsed;
  return {};
}

Duration seconds(double value) { return std::chrono::duration_cast<Duration>(std::chrono::duration<double>{value}); }

Result<void> settle_phone(PhoneOptions& phone, const Texts& texts, bool is_call) {
  if (is_call) {
    phone.target = Fingerprint::parse(texts.target);
    if (!phone.target) {
      return Unexpected{Errc::BadConfig, fmt::format("{}: is no fingerprint; it has 32 hex digits, like "
                                                     "27ba:36eb:371e:ea99:e7d0:ee57:3165:e50e", texts.target)};
    }
    phone.calls = 1;
  }
  if (!texts.accept.empty()) phone.accept = kPolicies.at(texts.accept);
  if (texts.duration > 0) phone.duration = seconds(texts.duration);
  if (texts.ring_timeout > 0) phone.ring_timeout = seconds(texts.ring_timeout);
  phone.idle_timeout = seconds(texts.idle_timeout);
  return settle_common(phone.common, texts);
}

/// What to dial for the name of a room. Errors: BadConfig.
Result<std::string> room_server_name(const RoomOptions& room) {
  const auto name = proto::classify(room.name) == proto::NameClass::Dns ? proto::canonical_server_name(room.name)
                                                                        : Result<std::string>{Unexpected{Errc::BadName, ""}};
  // Any text has a hash; where it can be a name, relays hash its canonical form.
  if (room.hashed && !room.name.empty()) return crypto::hashed_room_name(name ? *name : room.name);
  if (!name) {
    return Unexpected{Errc::BadConfig, fmt::format("\"{}\": cannot be the name of a room; use letters, digits, \"-\", \"_\" and \".\", "
                                                   "and not digits alone", printable(room.name))};
  }
  if (proto::connection_class(*name) != proto::ConnectionClass::Room || proto::call_of_room(*name)) {
    return Unexpected{Errc::BadConfig, fmt::format("{}: this name is taken by relays themselves; choose another", *name)};
  }
  return *name;
}

Result<void> settle_room(RoomOptions& room, const Texts& texts) {
  auto name = room_server_name(room);
  if (!name) return name.failure();
  room.server_name = std::move(*name);
  if (texts.duration > 0) room.duration = seconds(texts.duration);
  room.idle_timeout = seconds(texts.idle_timeout);
  return settle_common(room.common, texts);
}

Parsed failed(const std::string& what) {
  std::cerr << "wzp-client: " << what << "\n";
  return {std::nullopt, app::kUsage};
}

template <class T>
Parsed done(T options, const Result<void>& settled) {
  if (!settled) return failed(settled.error().where);
  return {Options{std::move(options)}, app::kOk};
}

}  // namespace

Parsed parse_options(int argc, const char* const* argv) {
  CLI::App cli{"wzp-client - encrypted calls from the command line"};
  cli.footer(kFooter);
  cli.require_subcommand(1);
  cli.set_version_flag("-V,--version", fmt::format("wzp-client {}", app::kBuild));
  Texts texts;

  IdentityOptions identity;
  auto* identity_command = cli.add_subcommand("identity", "create, show, import and export who you are");
  identity_command->require_subcommand(1);
  std::map<CLI::App*, IdentityOptions::Action> identity_actions;
  const auto identity_action = [&](const char* name, IdentityOptions::Action action, const char* what) {
    auto* command = identity_command->add_subcommand(name, what);
    add_common(*command, identity.common, texts);
    identity_actions[command] = action;
    return command;
  };
  identity_action("create", IdentityOptions::Action::Create, "make a new identity file; never overwrites one");
  identity_action("show", IdentityOptions::Action::Show, "print the fingerprint that others dial");
  identity_action("export", IdentityOptions::Action::Export, "print the 24 words that restore it: keep them secret");
  identity_action("import", IdentityOptions::Action::Import, "make the identity file from 24 words")
      ->add_option("words", identity.words, "the 24 words in quotes; read from standard input when missing");

  PhoneOptions phone;
  if (const char* relay = std::getenv("WZP_RELAY")) phone.common.relay = relay;
  PhoneOptions listener = phone;
  auto* listen = cli.add_subcommand("listen", "wait for calls");
  add_phone(*listen, listener, texts);
  listen->add_option("--accept", texts.accept,
                     "ask; trusted: accept and show your address; private: accept through the relay alone; reject")
      ->transform(CLI::IsMember({"ask", "trusted", "private", "reject"}))->type_name("POLICY");
  listen->add_option("--calls", listener.calls, "end after this many calls")->type_name("N")->check(CLI::Range(1, 1000000));
  auto* call = cli.add_subcommand("call", "call somebody");
  add_phone(*call, phone, texts);
  call->add_option("fingerprint", texts.target, "whom to call")->required();

  RoomOptions room;
  room.common.relay = phone.common.relay;
  auto* room_command = cli.add_subcommand("room", "join a room of several people; not sealed: its relay could listen");
  add_room(*room_command, room, texts);

  ReflectOptions reflect;
  reflect.common.relay = phone.common.relay;
  auto* reflect_command = cli.add_subcommand("reflect", "show your addresses as relays see them, and the kind of NAT");
  add_network(*reflect_command, reflect.common, texts);
  reflect_command->add_option("relays", reflect.relays, "two or more relays tell the kind of NAT; default --relay")->type_name("HOST[:PORT]");

  PingOptions ping;
  ping.common.relay = phone.common.relay;
  auto* ping_command = cli.add_subcommand("ping", "measure how far a relay is");
  add_network(*ping_command, ping.common, texts);
  ping_command->add_option("address", ping.common.relay, "the relay")->type_name("HOST[:PORT]");
  ping_command->add_option("--count", ping.count, "how often")->check(CLI::Range(1, 1000));

  VersionOptions version;
  version.common.relay = phone.common.relay;
  auto* version_command = cli.add_subcommand("version", "ask a relay for its version");
  add_network(*version_command, version.common, texts);
  version_command->add_option("address", version.common.relay, "the relay")->type_name("HOST[:PORT]");

  InspectOptions inspect;
  auto* inspect_command = cli.add_subcommand("inspect", "explain protocol items: one per line in, one answer per line out");
  inspect_command->add_option("kind", inspect.kind, "what the lines are")->required()->check(CLI::IsMember(kInspectKinds));

  CompareOptions compare;
  auto* compare_command = cli.add_subcommand("compare", "measure whether a recording holds the speech of another");
  compare_command->add_option("reference", compare.reference, "what was said (WAV)")->required();
  compare_command->add_option("recording", compare.recording, "what was heard (WAV)")->required();
  compare_command->add_flag("--json", compare.json, "print a JSON object");

  try {
    cli.parse(argc, argv);
  } catch (const CLI::Success& e) {
    return {std::nullopt, cli.exit(e)};
  } catch (const CLI::ParseError& e) {
    // Without this an unknown command would be reported as a missing one.
    if (argc > 1 && argv[1][0] != '-' && cli.get_subcommands().empty()) return failed(fmt::format("unknown command {}; see wzp-client --help", argv[1]));
    return failed(std::string{e.what()} + "; see wzp-client --help");
  }

  for (const auto& [command, action] : identity_actions) {
    if (command->parsed()) {
      identity.action = action;
      return done(identity, settle_common(identity.common, texts));
    }
  }
  if (listen->parsed()) return done(listener, settle_phone(listener, texts, false));
  if (call->parsed()) return done(phone, settle_phone(phone, texts, true));
  if (room_command->parsed()) return done(room, settle_room(room, texts));
  if (reflect_command->parsed()) {
    if (reflect.relays.empty()) reflect.relays = {reflect.common.relay};
    return done(reflect, settle_common(reflect.common, texts));
  }
  if (ping_command->parsed()) return done(ping, settle_common(ping.common, texts));
  if (version_command->parsed()) return done(version, settle_common(version.common, texts));
  if (inspect_command->parsed()) return done(inspect, {});
  return done(compare, {});
}

}  // namespace wzp::client_app
