#pragma once

#include <optional>
#include <string>
#include <vector>

#include "wzp/base/result.hpp"
#include "wzp/proto/signal.hpp"
#include "wzp/registry/call.hpp"

// What a client or another relay wrote into a call signal, turned into values or refused (relay.md 5.5).

namespace wzp::relay {

/// The parts of an offer that the relay acts upon.
struct CheckedOffer {
  CallId id;
  Fingerprint caller;
  Fingerprint callee;
  registry::Addresses addresses;
};

/// Errors: BadValue; `where` names the field. The call id is not looked at a second time when it is the bad one.
[[nodiscard]] Result<CheckedOffer> check(const proto::DirectCallOffer& offer);
/// The addresses in an answer. Errors: BadValue.
[[nodiscard]] Result<registry::Addresses> check(const proto::DirectCallAnswer& answer);

/// The offer or answer without addresses.
[[nodiscard]] proto::DirectCallOffer without_addresses(proto::DirectCallOffer offer);
[[nodiscard]] proto::DirectCallAnswer without_addresses(proto::DirectCallAnswer answer);
/// Fingerprints and addresses in canonical text, whatever form they came in: clients compare them as bytes.
[[nodiscard]] proto::DirectCallOffer canonical(proto::DirectCallOffer offer, const CheckedOffer& checked);
[[nodiscard]] proto::DirectCallAnswer canonical(proto::DirectCallAnswer answer, const registry::Addresses& addresses);

[[nodiscard]] std::vector<std::string> texts(const std::vector<SocketAddress>& addresses);
[[nodiscard]] bool has_addresses(const proto::DirectCallOffer& offer);
/// Equal in every signed field and in the signature (crypto.md 11).
[[nodiscard]] bool same_offer(const proto::DirectCallOffer& a, const proto::DirectCallOffer& b);

}  // namespace wzp::relay
