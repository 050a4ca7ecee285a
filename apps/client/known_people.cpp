#include "client/known_people.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "common/file.hpp"

namespace wzp::client_app {
namespace {

// Source: crypto.md 3.
constexpr std::size_t kMaxPeople = 10'000;
constexpr std::size_t kMaxFileBytes = 1 << 20;

}  // namespace

Result<KnownPeople> KnownPeople::load(const std::filesystem::path& path) {
  KnownPeople known{path};
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
    if (line.empty()) continue;
    const auto fingerprint = Fingerprint::parse(line);
    if (!fingerprint) {
      return Unexpected{Errc::BadConfig, fmt::format("{}:{}: is no fingerprint; correct or remove the line", path.string(), number)};
    }
    known.people_.push_back(*fingerprint);
  }
  return known;
}

Result<void> KnownPeople::remember(const Fingerprint& who) {
  if (std::find(people_.begin(), people_.end(), who) != people_.end()) return {};
  people_.push_back(who);
  if (people_.size() > kMaxPeople) people_.erase(people_.begin());
  std::string text;
  for (const auto& fingerprint : people_) text += to_string(fingerprint) + "\n";
  return app::replace_file(path_, bytes_of(text));
}

}  // namespace wzp::client_app
