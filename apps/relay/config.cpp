#include "relay/config.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <set>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "common/log.hpp"
#include "wzp/federation/room_directory.hpp"
#include "wzp/proto/server_name.hpp"

namespace wzp::relay_app {
namespace {

// Keys that other relays of the family know and this one has no feature for yet.
constexpr auto kNotYet = std::to_array<std::string_view>(
    {"remote_relay", "jitter_target_depth", "jitter_max_depth", "auth_url", "metrics_port", "metrics_bind", "metrics_lookups",
     "probe_targets", "probe_mesh", "static_dir", "debug_tap"});

// Reads one table: every key is fetched through it, so what remains at the end is unknown.
class Reader {
 public:
  Reader(const toml::table& table, const std::string& file, std::string section)
      : table_{table}, file_{file}, section_{std::move(section)} {}

  template <class F>
  void key(std::string_view name, F&& use) {
    known_.push_back(name);
    if (failure_) return;
    if (const auto* node = table_.get(name)) {
      if (const auto problem = use(*node); !problem.empty()) fail(*node, fmt::format("{}{}: {}", section_, name, problem));
    }
  }

  void flag(std::string_view name, bool& out) {
    key(name, [&](const toml::node& node) -> std::string {
      const auto value = node.value_exact<bool>();
      if (!value) return "must be true or false";
      out = *value;
      return {};
    });
  }

  template <class Int>
  void number(std::string_view name, Int& out, std::int64_t min, std::int64_t max) {
    key(name, [&](const toml::node& node) -> std::string {
      const auto value = node.value_exact<std::int64_t>();
      if (!value || *value < min || *value > max) return fmt::format("must be a whole number from {} to {}", min, max);
      out = static_cast<Int>(*value);
      return {};
    });
  }

  template <class Int>
  void number(std::string_view name, std::optional<Int>& out, std::int64_t min, std::int64_t max) {
    number(name, out.emplace(), min, max);
    if (!table_.contains(name)) out.reset();
  }

  void seconds(std::string_view name, Duration& out, double min, double max) {
    key(name, [&](const toml::node& node) -> std::string {
      const auto value = node.is_number() ? node.value<double>() : std::nullopt;
      if (!value || !(*value >= min && *value <= max)) return fmt::format("must be a number of seconds from {} to {}", min, max);
      out = std::chrono::duration_cast<Duration>(std::chrono::duration<double>{*value});
      return {};
    });
  }

  template <class F>
  void text(std::string_view name, F&& use) {
    key(name, [&](const toml::node& node) -> std::string {
      const auto value = node.value_exact<std::string>();
      return value ? use(*value) : std::string{"must be a text in quotes"};
    });
  }

  void fingerprint(RelayFingerprint& out) {
    text("fingerprint", [&](const std::string& value) -> std::string {
      const auto fp = RelayFingerprint::parse(value);
      if (!fp) return "must be a relay fingerprint: 32 bytes as 64 hex digits, colons allowed (wzp-relay prints its own at start)";
      out = *fp;
      return {};
    });
  }

  void require(std::string_view name) {
    if (!failure_ && !table_.contains(name)) {
      failure_ = fmt::format("{}:{}: {}{} is missing", file_, table_.source().begin.line, section_, name);
    }
  }

  /// The first thing that was wrong, or empty.
  std::string finish() {
    for (const auto& [name, node] : table_) {
      if (failure_) break;
      bool known = false;
      for (const auto k : known_) known = known || k == name.str();
      const bool not_yet = section_.empty() && std::find(kNotYet.begin(), kNotYet.end(), name.str()) != kNotYet.end();
      if (not_yet) fail(node, fmt::format("{}: this version has no such feature; remove the key", name.str()));
      if (!known && !not_yet) fail(node, fmt::format("unknown key \"{}{}\"; see wzp-relay --help for the known ones", section_, name.str()));
    }
    return failure_.value_or("");
  }

 private:
  void fail(const toml::node& node, std::string what) {
    failure_ = fmt::format("{}:{}: {}", file_, node.source().begin.line, what);
  }

  const toml::table& table_;
  const std::string& file_;
  std::string section_;
  std::vector<std::string_view> known_;
  std::optional<std::string> failure_;
};

template <class Item, class F>
std::string read_tables(Reader& root, std::string_view name, const std::string& file, std::vector<Item>& out, F&& read) {
  std::string failure;
  root.key(name, [&](const toml::node& node) -> std::string {
    const auto* list = node.as_array();
    if (list == nullptr || (!list->empty() && !list->is_array_of_tables())) return fmt::format("must be written as [[{}]]", name);
    for (const auto& element : *list) {
      Reader reader{*element.as_table(), file, fmt::format("{}.", name)};
      Item item;
      read(reader, item);
      if (failure = reader.finish(); !failure.empty()) return {};
      out.push_back(std::move(item));
    }
    return {};
  });
  return failure;
}

std::string read_address(const std::string& value, SocketAddress& out) {
  const auto address = SocketAddress::parse(value);
  if (!address) return "must be a numeric address with a port, like \"0.0.0.0:4433\" or \"[::]:4433\"";
  out = *address;
  return {};
}

void read_scalars(Reader& root, Config& config) {
  root.text("listen_addr", [&](const std::string& v) { return read_address(v, config.listen_addr); });
  root.text("advertise_addr", [&](const std::string& v) { return read_address(v, config.advertise_addr.emplace()); });
  root.text("identity", [&](const std::string& v) -> std::string {
    config.identity = v;
    return v.empty() ? "must name a file" : "";
  });
  root.text("log_level", [&](const std::string& v) -> std::string {
    const auto level = app::parse_log_level(v);
    if (!level) return "must be \"debug\", \"info\", \"warn\" or \"error\"";
    config.log_level = *level;
    return {};
  });
  root.number("workers", config.workers, 0, 64);
  root.number("ws_port", config.ws_port, 0, 65'535);
  root.text("ws_bind", [&](const std::string& v) -> std::string {
    const auto address = IpAddress::parse(v);
    if (!address) return "must be a numeric address without a port, like \"127.0.0.1\" or \"::\"";
    config.ws_bind = *address;
    return {};
  });
  root.flag("allow_unsigned_registration", config.allow_unsigned_registration);
  root.flag("allow_unauthenticated_federation", config.allow_unauthenticated_federation);
  root.flag("share_addrs_in_offer", config.share_addrs_in_offer);
  root.flag("trunking_enabled", config.trunking_enabled);
  root.number("max_sessions", config.max_sessions, 1, 65'000);
  root.number("max_rooms", config.max_rooms, 1, 65'000);
  root.number("max_room_participants", config.max_room_participants, 1, 1'000);
  root.number("max_packets_per_member", config.max_packets_per_member, 0, 1'000'000);
  root.number("max_packets_per_link", config.max_packets_per_link, 0, 10'000'000);
  root.number("max_connections", config.max_connections, 1, 1'000'000);
  root.number("max_connections_per_ip", config.max_connections_per_ip, 1, 1'000'000);
  root.number("max_calls_per_client", config.max_calls_per_client, 1, 1'000);
  root.number("offers_per_minute", config.offers_per_minute, 0, 1'000'000);
  root.number("signals_per_second", config.signals_per_second, 0, 1'000'000);
  root.number("retry_threshold", config.retry_threshold, 0, 1'000'000);
  root.seconds("ring_timeout_s", config.ring_timeout, 0.1, 3600);
  root.seconds("idle_timeout_s", config.idle_timeout, 1, 600);
  root.seconds("reconnect_grace_s", config.reconnect_grace, 0, 3600);
  root.seconds("link_grace_s", config.link_grace, 0, 3600);
}

std::string read_peers(Reader& root, const std::string& file, Config& config) {
  auto failure = read_tables(root, "peers", file, config.peers, [](Reader& reader, Peer& peer) {
    reader.require("url");
    reader.require("fingerprint");
    reader.text("url", [&](const std::string& v) -> std::string {
      peer.url = v;
      return v.rfind(':') == std::string::npos ? "must be host:port" : "";
    });
    reader.fingerprint(peer.fingerprint);
    reader.text("label", [&](const std::string& v) { return peer.label = v, std::string{}; });
    reader.flag("share_addrs_in_offer", peer.share_addrs_in_offer);
    reader.flag("delegate", peer.delegate);
    if (peer.label.empty()) peer.label = peer.url;
  });
  if (!failure.empty()) return failure;
  return read_tables(root, "trusted", file, config.trusted, [](Reader& reader, Trusted& trusted) {
    reader.require("fingerprint");
    reader.fingerprint(trusted.fingerprint);
    reader.text("label", [&](const std::string& v) { return trusted.label = v, std::string{}; });
    reader.flag("delegate", trusted.delegate);
    if (trusted.label.empty()) trusted.label = to_string(trusted.fingerprint).substr(0, 23);
  });
}

std::string read_rooms(Reader& root, const std::string& file, Config& config) {
  std::set<std::string> named;  // in the list that is being read
  const auto name = [&](Reader& reader, std::string& out) {
    reader.require("name");
    reader.text("name", [&](const std::string& v) -> std::string {
      const auto canonical = room_name(v);
      if (!canonical) return canonical.error().where;
      out = *canonical;
      return named.insert(out).second ? "" : "is listed twice";
    });
  };
  auto failure = read_tables(root, "global_rooms", file, config.global_rooms, name);
  if (!failure.empty()) return failure;
  named.clear();
  return read_tables(root, "rooms", file, config.rooms, [&](Reader& reader, Room& room) {
    name(reader, room.name);
    reader.require("members");
    reader.key("members", [&](const toml::node& node) -> std::string {
      const auto* list = node.as_array();
      if (list == nullptr) return "must be a list of fingerprints";
      for (const auto& element : *list) {
        const auto text = element.value_exact<std::string>();
        const auto who = text ? Fingerprint::parse(*text) : std::nullopt;
        if (!who) return "must hold fingerprints of people: 16 bytes as 32 hex digits, colons allowed (wzp-client identity show)";
        room.members.push_back(*who);
      }
      return {};
    });
  });
}

}  // namespace

Result<std::string> room_name(const std::string& text) {
  const auto canonical = proto::canonical_server_name(text);
  const bool usable = canonical && proto::classify(text) == proto::NameClass::Dns &&
                      proto::connection_class(*canonical) == proto::ConnectionClass::Room && !proto::call_of_room(*canonical);
  if (!usable) return Unexpected{Errc::BadConfig, "must be a room name: letters, digits, '-', '_' and '.', and not \"call-...\""};
  return *canonical;
}

Result<void> add_global_rooms(Config& config) {
  constexpr auto kMost = federation::RoomDirectory::kMaxRooms;
  for (const auto& room : config.more_global_rooms) {
    if (std::find(config.global_rooms.begin(), config.global_rooms.end(), room) == config.global_rooms.end()) config.global_rooms.push_back(room);
  }
  if (config.global_rooms.size() > kMost) return Unexpected{Errc::BadConfig, fmt::format("more than {} global rooms", kMost)};
  return {};
}

Result<Config> parse_config(std::string_view toml, const std::string& file_name) {
  toml::table table;
  try {
    table = toml::parse(toml, file_name);
  } catch (const toml::parse_error& e) {
    return Unexpected{Errc::BadConfig, fmt::format("{}:{}: {}", file_name, e.source().begin.line, e.description())};
  }
  Config config;
  Reader root{table, file_name, ""};
  read_scalars(root, config);
  if (auto failure = read_peers(root, file_name, config); !failure.empty()) return Unexpected{Errc::BadConfig, failure};
  if (auto failure = read_rooms(root, file_name, config); !failure.empty()) return Unexpected{Errc::BadConfig, failure};
  if (auto failure = root.finish(); !failure.empty()) return Unexpected{Errc::BadConfig, failure};
  return config;
}

}  // namespace wzp::relay_app
