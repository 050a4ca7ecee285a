#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "wzp/base/fingerprint.hpp"
#include "wzp/base/log.hpp"
#include "wzp/base/result.hpp"
#include "wzp/base/time.hpp"

namespace wzp::client_app {

/// What most subcommands need to know.
struct Common {
  std::string relay = "127.0.0.1:4433";     ///< host:port; the port may be missing
  std::filesystem::path identity;           ///< empty: ~/.wzp/identity, made when missing
  std::filesystem::path known_relays;       ///< empty: ~/.wzp/known_relays
  std::filesystem::path known_people;       ///< empty: ~/.wzp/known_people
  std::string bind;                         ///< local address:port; empty: any
  LogLevel log_level = LogLevel::Warn;
  bool json = false;
};

struct IdentityOptions {
  enum class Action { Create, Show, Import, Export } action = Action::Show;
  Common common;
  std::string words;  ///< import: 24 words; empty: read from standard input
};

/// What happens when somebody calls. Ask needs a terminal.
enum class AcceptPolicy { Ask, Trusted, Private, Reject };

/// Where audio comes from and goes to.
struct AudioOptions {
  std::filesystem::path play;         ///< WAV, or raw 48 kHz mono 16-bit PCM (.pcm, .raw)
  std::optional<double> tone;         ///< Hz
  bool repeat = false;                ///< play over and over
  std::filesystem::path record;       ///< what is heard
  std::filesystem::path record_sent;  ///< what is sent
};

/// `call` and `listen`: both hold calls, one of them starts one.
struct PhoneOptions : AudioOptions {
  Common common;
  std::optional<Fingerprint> target;  ///< empty: listen
  std::optional<AcceptPolicy> accept;
  std::string alias;
  std::optional<Duration> duration;   ///< hang up this long after the call was set up
  int calls = 0;                      ///< end after so many calls; 0: never
  bool direct_only = false;
  bool relay_only = false;
  bool unannounced = false;
  bool allow_unsealed = false;
  Duration idle_timeout = std::chrono::seconds{30};
  std::optional<Duration> ring_timeout;
};

/// `room`: a conversation of several people at one relay.
struct RoomOptions : AudioOptions {
  Common common;
  std::string name;                   ///< as typed
  std::string server_name;            ///< what is dialled for it
  bool hashed = false;                ///< dial the name as the web bridge spells it
  std::string alias;
  std::filesystem::path record_each;  ///< folder with a file for each speaker
  std::optional<Duration> duration;   ///< leave this long after the first join
  bool list = false;                  ///< only say who is there
  Duration idle_timeout = std::chrono::seconds{30};
};

struct ReflectOptions {
  Common common;
  std::vector<std::string> relays;
};

struct PingOptions {
  Common common;
  int count = 1;
};

struct VersionOptions {
  Common common;
};

struct InspectOptions {
  std::string kind;
};

struct CompareOptions {
  std::filesystem::path reference;
  std::filesystem::path recording;
  bool json = false;
};

using Options = std::variant<IdentityOptions, PhoneOptions, RoomOptions, ReflectOptions, PingOptions, VersionOptions, InspectOptions,
                             CompareOptions>;

/// Options, or the exit code with which to end: 0 after --help and --version, 2 for everything that is wrong.
struct Parsed {
  std::optional<Options> options;
  int exit_code = 0;
};

/// Prints usage, help and errors itself.
[[nodiscard]] Parsed parse_options(int argc, const char* const* argv);

}  // namespace wzp::client_app
