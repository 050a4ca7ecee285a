#include "common/identity_file.hpp"

#include <string_view>

#include "common/file.hpp"
#include "wzp/net/random.hpp"

namespace wzp::app {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxBytes = 4096;  // 64 digits and generous white space

Result<crypto::Seed> read_seed(const fs::path& path) {
  auto content = read_file(path, kMaxBytes);
  if (!content) return content.failure();
  auto seed = crypto::parse_seed(text_of(*content));
  wipe(content->data(), content->size());
  if (!seed) {
    return Unexpected{Errc::BadConfig, path.string() +
                                           ": is no identity (64 hex digits expected). It was left as it is; restore it "
                                           "from a copy or its 24 words, or name another file"};
  }
  return seed;
}

}  // namespace

Result<LoadedSeed> load_seed(const fs::path& named, const fs::path& fallback, const std::string& how_to_create) {
  const auto& path = named.empty() ? fallback : named;
  auto seed = read_seed(path);
  if (seed) return LoadedSeed{*seed, path, false};
  if (seed.error().code != Errc::NotFound) return seed.failure();
  if (!named.empty()) {
    return Unexpected{Errc::BadConfig, path.string() + ": no identity there; create one with: " + how_to_create};
  }
  const auto fresh = net::random_secret<32>();
  const auto stored = store_seed(path, fresh);
  if (stored) return LoadedSeed{fresh, path, true};
  // Another process was faster: its identity is the identity.
  if (stored.error().code == Errc::Exists) {
    if (auto theirs = read_seed(path)) return LoadedSeed{*theirs, path, false};
  }
  return stored.failure();
}

Result<void> store_seed(const fs::path& path, const crypto::Seed& seed) {
  auto text = crypto::seed_text(seed) + "\n";
  auto stored = create_private_file(path, bytes_of(text));
  wipe(text.data(), text.size());
  return stored;
}

}  // namespace wzp::app
