#include "validate.hpp"

#include <utility>

#include "state.hpp"

namespace wzp::relay {
namespace {

Result<registry::Addresses> check_addresses(const std::optional<std::string>& reflexive,
                                            const std::vector<std::string>& local) {
  registry::Addresses out;
  if (reflexive) {
    out.reflexive = SocketAddress::parse(*reflexive);
    if (!out.reflexive) return Unexpected{Errc::BadValue, "reflexive address"};
  }
  if (local.size() > kMaxLocalAddresses) return Unexpected{Errc::BadValue, "too many local addresses"};
  for (const auto& text : local) {
    const auto address = SocketAddress::parse(text);
    if (!address) return Unexpected{Errc::BadValue, "local address"};
    out.local.push_back(*address);
  }
  return out;
}

bool too_long(const std::optional<std::string>& text, std::size_t limit) { return text && text->size() > limit; }

}  // namespace

Result<CheckedOffer> check(const proto::DirectCallOffer& offer) {
  const auto id = CallId::parse(offer.call_id);
  if (!id) return Unexpected{Errc::BadValue, "call_id"};
  const auto caller = Fingerprint::parse(offer.caller_fingerprint);
  if (!caller) return Unexpected{Errc::BadValue, "caller_fingerprint"};
  const auto callee = Fingerprint::parse(offer.target_fingerprint);
  if (!callee) return Unexpected{Errc::BadValue, "target_fingerprint"};
  if (too_long(offer.caller_alias, kMaxAliasBytes)) return Unexpected{Errc::BadValue, "caller_alias"};
  if (too_long(offer.caller_build_version, kMaxBuildBytes)) return Unexpected{Errc::BadValue, "caller_build_version"};
  if (offer.signature.size() > kMaxSignatureBytes) return Unexpected{Errc::BadValue, "signature"};
  if (offer.supported_profiles.size() > kMaxProfiles) return Unexpected{Errc::BadValue, "supported_profiles"};
  const auto addresses = check_addresses(offer.caller_reflexive_addr, offer.caller_local_addrs);
  if (!addresses) return addresses.failure();
  return CheckedOffer{*id, *caller, *callee, *addresses};
}

Result<registry::Addresses> check(const proto::DirectCallAnswer& answer) {
  if (too_long(answer.callee_build_version, kMaxBuildBytes)) return Unexpected{Errc::BadValue, "callee_build_version"};
  if (answer.signature && answer.signature->size() > kMaxSignatureBytes) return Unexpected{Errc::BadValue, "signature"};
  return check_addresses(answer.callee_reflexive_addr, answer.callee_local_addrs);
}

proto::DirectCallOffer without_addresses(proto::DirectCallOffer offer) {
  offer.caller_reflexive_addr.reset();
  offer.caller_local_addrs.clear();
  return offer;
}

proto::DirectCallAnswer without_addresses(proto::DirectCallAnswer answer) {
  answer.callee_reflexive_addr.reset();
  answer.callee_local_addrs.clear();
  return answer;
}

proto::DirectCallOffer canonical(proto::DirectCallOffer offer, const CheckedOffer& checked) {
  offer.caller_fingerprint = to_string(checked.caller);
  offer.target_fingerprint = to_string(checked.callee);
  if (checked.addresses.reflexive) offer.caller_reflexive_addr = to_string(*checked.addresses.reflexive);
  offer.caller_local_addrs = texts(checked.addresses.local);
  return offer;
}

proto::DirectCallAnswer canonical(proto::DirectCallAnswer answer, const registry::Addresses& addresses) {
  if (addresses.reflexive) answer.callee_reflexive_addr = to_string(*addresses.reflexive);
  answer.callee_local_addrs = texts(addresses.local);
  return answer;
}

std::vector<std::string> texts(const std::vector<SocketAddress>& addresses) {
  std::vector<std::string> out;
  out.reserve(addresses.size());
  for (const auto& address : addresses) out.push_back(to_string(address));
  return out;
}

bool has_addresses(const proto::DirectCallOffer& offer) {
  return offer.caller_reflexive_addr || !offer.caller_local_addrs.empty();
}

bool same_offer(const proto::DirectCallOffer& a, const proto::DirectCallOffer& b) {
  return a.call_id == b.call_id && a.caller_fingerprint == b.caller_fingerprint &&
         a.target_fingerprint == b.target_fingerprint && a.identity_pub == b.identity_pub &&
         a.ephemeral_pub == b.ephemeral_pub && a.signature == b.signature;
}

}  // namespace wzp::relay
