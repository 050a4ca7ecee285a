#include <iostream>
#include <iterator>

#include "client/commands.hpp"
#include "common/exit_code.hpp"
#include "common/file.hpp"
#include "common/identity_file.hpp"
#include "common/json_line.hpp"
#include "wzp/crypto/certificate.hpp"
#include "wzp/crypto/mnemonic.hpp"
#include "wzp/net/random.hpp"

namespace wzp::client_app {
namespace {

constexpr std::size_t kMaxWordsBytes = 4096;

int print_identity(const crypto::Seed& seed, const std::filesystem::path& path, bool json) {
  const auto fingerprint = to_string(crypto::Identity{seed}.fingerprint());
  const auto relay = to_string(crypto::relay_fingerprint(crypto::relay_certificate(seed).der));
  if (json) {
    std::cout << app::JsonLine{}.add("fingerprint", fingerprint).add("tls_fingerprint", relay).add("file", path.string()).text() << "\n";
  } else {
    std::cout << fingerprint << "\n";
  }
  return app::kOk;
}

int store(const crypto::Seed& seed, const std::filesystem::path& path, bool json) {
  if (const auto stored = app::store_seed(path, seed); !stored) {
    const bool exists = stored.error().code == Errc::Exists;
    return fail(exists ? app::kUsage : app::kInternal,
                stored.error().where + (exists ? "; an identity is never overwritten: move it away, or name another file with --identity" : ""));
  }
  return print_identity(seed, path, json);
}

int import_words(std::string words, const std::filesystem::path& path, bool json) {
  if (words.empty()) {
    words.assign(std::istreambuf_iterator<char>{std::cin}, {});
    words.resize(std::min(words.size(), kMaxWordsBytes));
  }
  const auto seed = crypto::parse_mnemonic(words);
  wipe(words.data(), words.size());
  if (!seed) return fail(app::kUsage, "the words are no identity: " + seed.error().where);
  return store(*seed, path, json);
}

int show(const IdentityOptions& options, bool as_words) {
  const auto loaded = app::load_seed(options.common.identity, app::user_file("identity"), "wzp-client identity create --identity FILE");
  if (!loaded) return fail(app::kUsage, loaded.error().where);
  if (loaded->created) std::cerr << "wzp-client: made a new identity in " << loaded->path.string() << "\n";
  if (!as_words) return print_identity(loaded->seed, loaded->path, options.common.json);
  auto words = crypto::to_mnemonic(loaded->seed);
  std::cout << words << "\n";
  wipe(words.data(), words.size());
  return app::kOk;
}

}  // namespace

int run_identity(const IdentityOptions& options) {
  const auto path = options.common.identity.empty() ? app::user_file("identity") : options.common.identity;
  using Action = IdentityOptions::Action;
  switch (options.action) {
    case Action::Create: return store(net::random_secret<32>(), path, options.common.json);
    case Action::Import: return import_words(options.words, path, options.common.json);
    case Action::Export: return show(options, true);
    case Action::Show: break;
  }
  return show(options, false);
}

}  // namespace wzp::client_app
