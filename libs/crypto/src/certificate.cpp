#include "wzp/crypto/certificate.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <initializer_list>
#include <string_view>

#include "certificate_recipe.hpp"
#include "wzp/crypto/hash.hpp"

namespace wzp::crypto {
namespace {

// Tags of DER (X.690).
constexpr std::uint8_t kInteger = 0x02, kBitString = 0x03, kOctetString = 0x04, kOid = 0x06, kUtf8 = 0x0c,
                       kUtcTime = 0x17, kGeneralizedTime = 0x18, kSequence = 0x30, kSet = 0x31, kDnsName = 0x82,
                       kVersionField = 0xa0, kExtensionsField = 0xa3;

/// One element of DER around `parts`; contents below 64 KiB.
Bytes der(std::uint8_t tag, std::initializer_list<ByteView> parts) {
  std::size_t size = 0;
  for (const ByteView part : parts) size += part.size();
  assert(size < 0x10000);
  Bytes out{tag};
  if (size >= 0x100) {
    out.insert(out.end(), {0x82, static_cast<std::uint8_t>(size >> 8)});
  } else if (size >= 0x80) {
    out.push_back(0x81);
  }
  out.push_back(static_cast<std::uint8_t>(size));
  for (const ByteView part : parts) append(out, part);
  return out;
}

Bytes text(std::uint8_t tag, std::string_view value) { return der(tag, {bytes_of(value)}); }

Bytes oid(std::initializer_list<std::uint8_t> encoded) {
  return der(kOid, {ByteView{encoded.begin(), encoded.size()}});
}

Bytes ed25519_algorithm() { return der(kSequence, {oid({0x2b, 0x65, 0x70})}); }  // 1.3.101.112

Bytes bit_string(ByteView bits) {
  constexpr std::array<std::uint8_t, 1> kNoUnusedBits{0};
  return der(kBitString, {kNoUnusedBits, bits});
}

/// The first 20 bytes of the key's hash as a positive number.
Bytes serial_number(const IdentityKey& key) {
  Digest digest = sha256(key);
  digest[0] &= 0x7f;
  ByteView number{digest.data(), 20};
  while (number.size() > 1 && number[0] == 0) number = number.subspan(1);
  constexpr std::array<std::uint8_t, 1> kPositive{0};
  return number[0] >= 0x80 ? der(kInteger, {kPositive, number}) : der(kInteger, {number});
}

Bytes name() {
  const Bytes attribute =
      der(kSequence, {oid({0x55, 0x04, 0x03}), text(kUtf8, "rcgen self signed cert")});  // commonName
  return der(kSequence, {der(kSet, {attribute})});
}

Bytes subject_alt_name() {
  const Bytes names = der(kSequence, {text(kDnsName, "localhost")});
  const Bytes extension = der(kSequence, {oid({0x55, 0x1d, 0x11}), der(kOctetString, {names})});
  return der(kExtensionsField, {der(kSequence, {extension})});
}

/// The part of a certificate that is signed. The recipe of wire.md 1.4. Names and dates are those of the reference's
/// library: anything else would change the fingerprint of every relay.
Bytes to_be_signed(const IdentityKey& key) {
  constexpr std::array<std::uint8_t, 1> kVersion3{2};
  const Bytes version = der(kVersionField, {der(kInteger, {kVersion3})});
  const Bytes validity = der(kSequence, {text(kUtcTime, "750101000000Z"), text(kGeneralizedTime, "40960101000000Z")});
  const Bytes public_key = der(kSequence, {ed25519_algorithm(), bit_string(key)});
  return der(kSequence, {version, serial_number(key), ed25519_algorithm(), name(), validity, name(), public_key,
                         subject_alt_name()});
}

Certificate self_signed(const Secret<32>& secret) {
  const Identity key = Identity::from_secret(secret);
  Certificate out{certificate_der(key.public_key(), certificate_signature(key)), {}};

  // PKCS#8 version 1: version 0, algorithm, and the 32 bytes in an OCTET STRING within an OCTET STRING.
  constexpr ByteArray<16> kPrefix{0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
                                  0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20};
  const auto rest = std::copy(kPrefix.begin(), kPrefix.end(), out.key_der.fill().begin());
  std::copy(secret.view().begin(), secret.view().end(), rest);
  return out;
}

}  // namespace

Secret<32> relay_key(const Seed& seed) { return hkdf(seed.view(), "wzp-tls-ed25519"); }

Bytes certificate_der(const IdentityKey& key, const Signature& signature) {
  return der(kSequence, {to_be_signed(key), ed25519_algorithm(), bit_string(signature)});
}

Signature certificate_signature(const Identity& key) { return key.sign(to_be_signed(key.public_key())); }

Certificate relay_certificate(const Seed& seed) { return self_signed(relay_key(seed)); }

Certificate ephemeral_certificate(const Secret<32>& random) { return self_signed(random); }

RelayFingerprint relay_fingerprint(ByteView certificate_der) { return {sha256(certificate_der)}; }

Secret<32> stateless_reset_key(const Seed& seed) { return hkdf(seed.view(), "wzp-reset-v1"); }

}  // namespace wzp::crypto
