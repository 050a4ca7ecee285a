#include "client/known_relays.hpp"

#include <fmt/format.h>

#include "common/file.hpp"

namespace wzp::client_app {
namespace {

constexpr std::size_t kMaxRelays = 4096;
constexpr std::size_t kMaxFileBytes = 1 << 20;

}  // namespace

Result<KnownRelays> KnownRelays::load(const std::filesystem::path& path) {
  KnownRelays known{path};
  const auto content = app::read_file(path, kMaxFileBytes);
  if (!content) {
    if (content.error().code == Errc::NotFound) return known;
    return content.failure();
  }
  auto rest = text_of(*content);
  for (int number = 1; !rest.empty(); ++number) {
    const auto end = rest.find('\n');
    const auto line = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    if (line.empty() || line.front() == '#') continue;
    const auto space = line.find(' ');
    const auto fingerprint =
        space == std::string_view::npos ? std::nullopt : RelayFingerprint::parse(line.substr(space + 1));
    if (!fingerprint) {
      return Unexpected{Errc::BadConfig, fmt::format("{}:{}: expected \"host:port fingerprint\"; correct or remove the line",
                                                     path.string(), number)};
    }
    known.relays_.emplace(line.substr(0, space), *fingerprint);
  }
  return known;
}

std::optional<RelayFingerprint> KnownRelays::find(const std::string& host_port) const {
  const auto found = relays_.find(host_port);
  return found == relays_.end() ? std::nullopt : std::optional{found->second};
}

Result<void> KnownRelays::remember(const std::string& host_port, const RelayFingerprint& fingerprint) {
  if (relays_.size() >= kMaxRelays || !relays_.emplace(host_port, fingerprint).second) return {};
  // Read again before writing: another client may have added its relays in between.
  if (auto now = load(path_)) relays_.merge(now->relays_);
  std::string text = "# Relays and the certificates they showed first. Remove a line to accept a new certificate.\n";
  for (const auto& [where, fp] : relays_) text += fmt::format("{} {}\n", where, to_string(fp));
  return app::replace_file(path_, bytes_of(text));
}

std::string changed_relay_text(const std::string& host_port, const RelayFingerprint& pinned,
                               const std::filesystem::path& file) {
  return fmt::format(
      "the relay {0} shows another certificate than before. Somebody may be pretending to be this relay, or its operator has "
      "given it a new identity. Expected: {1}. Ask the operator; if the change is genuine, remove the line of {0} from {2}",
      host_port, to_string(pinned), file.string());
}

}  // namespace wzp::client_app
