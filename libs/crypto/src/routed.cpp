#include "wzp/crypto/routed.hpp"

#include <algorithm>

#include "certificate_recipe.hpp"
#include "wzp/crypto/certificate.hpp"
#include "wzp/crypto/hash.hpp"

namespace wzp::crypto {
namespace {

Bytes signed_bytes(const RoutedHeader& header, ByteView body) {
  Bytes out;
  append(out, bytes_of("wzp-routed-v1"));
  append(out, header.origin.bytes);
  append(out, header.target.value_or(RelayFingerprint{}).bytes);
  append(out, header.route_id);
  ByteArray<4> attempt{};
  store_be32(attempt.data(), header.attempt);
  append(out, attempt);
  append(out, sha256(body));
  return out;
}

}  // namespace

RelaySigner::RelaySigner(const Seed& seed) : key_{Identity::from_secret(relay_key(seed))} {
  const auto rest = std::ranges::copy(key_.public_key(), proof_.begin()).out;
  std::ranges::copy(certificate_signature(key_), rest);
}

Signature RelaySigner::sign(const RoutedHeader& header, ByteView body) const {
  return key_.sign(signed_bytes(header, body));
}

bool verify_routed(const RoutedHeader& header, ByteView body, ByteView proof, ByteView signature) {
  IdentityKey key{};
  Signature own{};
  if (proof.size() != key.size() + own.size()) return false;
  std::ranges::copy(proof.first(key.size()), key.begin());
  std::ranges::copy(proof.subspan(key.size()), own.begin());
  if (relay_fingerprint(certificate_der(key, own)) != header.origin) return false;
  return verify(key, signed_bytes(header, body), signature);
}

}  // namespace wzp::crypto
