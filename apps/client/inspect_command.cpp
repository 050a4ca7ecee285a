#include <iostream>
#include <string>

#include "client/commands.hpp"
#include "common/exit_code.hpp"
#include "common/json_line.hpp"
#include "wzp/base/hex.hpp"
#include "wzp/base/log.hpp"
#include "wzp/crypto/certificate.hpp"
#include "wzp/crypto/identity.hpp"
#include "wzp/crypto/mnemonic.hpp"
#include "wzp/proto/inspect.hpp"

namespace wzp::client_app {
namespace {

std::string explain_identity(const std::string& line) {
  if (line.empty()) return "error: empty";
  const auto seed = crypto::parse_seed(line);
  if (!seed) return "error: " + printable(to_string(seed.error()));
  const crypto::Identity identity{*seed};
  const auto certificate = crypto::relay_certificate(*seed);
  return app::JsonLine{}
      .add("ed25519_pub", to_hex(identity.public_key()))
      .add("fingerprint", to_string(identity.fingerprint()))
      .add("mnemonic", crypto::to_mnemonic(*seed))
      .add("tls_cert_der", to_hex(certificate.der))
      .add("tls_fingerprint", to_string(crypto::relay_fingerprint(certificate.der)))
      .text();
}

}  // namespace

int run_inspect(const InspectOptions& options) {
  const auto kind = proto::inspect_kind(options.kind);
  std::optional<proto::Inspector> inspector;
  if (kind) inspector.emplace(*kind);
  for (std::string line; std::getline(std::cin, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    std::cout << (inspector ? inspector->answer(line) : explain_identity(line)) << std::endl;
  }
  return std::cin.bad() ? fail(app::kInternal, "standard input could not be read") : app::kOk;
}

}  // namespace wzp::client_app
