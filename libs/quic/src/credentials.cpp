#include "wzp/quic/credentials.hpp"

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/sha256.h>

#include <array>
#include <cstring>
#include <memory>
#include <utility>

#include "tls_init.hpp"
#include "wzp/base/secret.hpp"

namespace wzp::quic {
namespace {

/// Years until the year 2096 or so, in days. Source: wire.md 1.4 has certificates that do not expire.
constexpr int kDaysValid = 25'000;
/// SubjectAltName: SEQUENCE { dNSName "localhost" }.
constexpr std::array<std::uint8_t, 13> kLocalhost{0x30, 0x0b, 0x82, 0x09, 'l', 'o', 'c', 'a', 'l', 'h', 'o', 's', 't'};

/// wolfCrypt's generator and one key, released together.
struct EccKey {
  WC_RNG rng{};
  ecc_key key{};
  bool ok = false;

  EccKey() { ok = wc_InitRng(&rng) == 0 && wc_ecc_init(&key) == 0 && wc_ecc_make_key(&rng, 32, &key) == 0; }
  EccKey(const EccKey&) = delete;
  EccKey& operator=(const EccKey&) = delete;
  ~EccKey() {
    wc_ecc_free(&key);
    wc_FreeRng(&rng);
  }
};

}  // namespace

Credentials::Credentials(Bytes certificate_der, Bytes key_der)
    : certificate{std::move(certificate_der)}, key{std::move(key_der)} {}

Credentials::~Credentials() { wipe(key.data(), key.size()); }

RelayFingerprint fingerprint_of(ByteView certificate_der) {
  RelayFingerprint out;
  wc_Sha256Hash(certificate_der.data(), static_cast<word32>(certificate_der.size()), out.bytes.data());
  return out;
}

Result<Credentials> fresh_credentials() {
  init_tls();
  EccKey ecc;
  const auto cert = std::make_unique<Cert>();  // 25 KB
  if (!ecc.ok || wc_InitCert(cert.get()) != 0) return Unexpected{Errc::Internal, "P-256 key"};
  std::strncpy(cert->subject.commonName, "rcgen self signed cert", CTC_NAME_SIZE - 1);
  cert->sigType = CTC_SHA256wECDSA;
  cert->selfSigned = 1;
  cert->daysValid = kDaysValid;
  std::memcpy(cert->altNames, kLocalhost.data(), kLocalhost.size());
  cert->altNamesSz = static_cast<int>(kLocalhost.size());

  Bytes der(2048);
  const auto room = static_cast<word32>(der.size());
  if (wc_MakeCert_ex(cert.get(), der.data(), room, ECC_TYPE, &ecc.key, &ecc.rng) < 0) {
    return Unexpected{Errc::Internal, "certificate body"};
  }
  const int size = wc_SignCert_ex(cert->bodySz, cert->sigType, der.data(), room, ECC_TYPE, &ecc.key, &ecc.rng);
  Bytes key(256);
  const int key_size = wc_EccKeyToDer(&ecc.key, key.data(), static_cast<word32>(key.size()));
  if (size <= 0 || key_size <= 0) return Unexpected{Errc::Internal, "certificate signature"};
  der.resize(static_cast<std::size_t>(size));
  Credentials out{std::move(der), Bytes(key.begin(), key.begin() + key_size)};
  wipe(key.data(), key.size());
  return out;
}

}  // namespace wzp::quic
