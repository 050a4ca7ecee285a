#include "tls.hpp"

#include <ngtcp2/ngtcp2_crypto_wolfssl.h>
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include <algorithm>
#include <utility>

#include "tls_init.hpp"
#include "wzp/quic/credentials.hpp"

namespace wzp::quic {
namespace {

bool cpu_has_aes() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("aes");
#elif defined(__aarch64__)
  return getauxval(AT_HWCAP) & HWCAP_AES;
#else
  return false;
#endif
}

// Source: design.md 3.13; AES-256 last, for peers that want nothing else (wire.md 1.1).
const char* cipher_list(bool aes_first) {
  return aes_first ? "TLS13-AES128-GCM-SHA256:TLS13-CHACHA20-POLY1305-SHA256:TLS13-AES256-GCM-SHA384"
                   : "TLS13-CHACHA20-POLY1305-SHA256:TLS13-AES128-GCM-SHA256:TLS13-AES256-GCM-SHA384";
}

bool set_rules(WOLFSSL_CTX* context, const EndpointConfig& config) {
  return wolfSSL_CTX_set_cipher_list(context, cipher_list(config.prefer_aes.value_or(cpu_has_aes()))) ==
             WOLFSSL_SUCCESS &&
         wolfSSL_CTX_set1_groups_list(context, const_cast<char*>("X25519:P-256")) == WOLFSSL_SUCCESS;
}

// Server names compare as the classes of connections do (wire.md 1.2): without case and without one trailing dot.
bool same_name(std::string_view a, std::string_view b) {
  if (a.ends_with('.')) a.remove_suffix(1);
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

std::string_view received_name(WOLFSSL* ssl) {
  void* name = nullptr;
  const auto size = wolfSSL_SNI_GetRequest(ssl, WOLFSSL_SNI_HOST_NAME, &name);
  if (!name) return {};
  return {static_cast<const char*>(name), size};
}

}  // namespace

// --- TlsSession

TlsSession::~TlsSession() {
  if (ssl_) wolfSSL_free(ssl_);
}

void TlsSession::release() {
  ngtcp2_conn_set_tls_native_handle(conn_, nullptr);
  wolfSSL_free(std::exchange(ssl_, nullptr));
}

void TlsSession::attach(ngtcp2_conn* conn) {
  conn_ = conn;
  ngtcp2_conn_set_tls_native_handle(conn, ssl_);
}

std::string TlsSession::server_name() const { return std::string{received_name(ssl_)}; }

bool TlsSession::speaks(std::string_view alpn) const {
  if (alpn.empty()) return true;
  char* name = nullptr;
  unsigned short size = 0;
  return wolfSSL_ALPN_GetProtocol(ssl_, &name, &size) == WOLFSSL_SUCCESS && std::string_view{name, size} == alpn;
}

std::optional<std::vector<ByteArray<32>>> TlsSession::finish(std::span<const std::string> labels) {
  std::vector<ByteArray<32>> out(labels.size());
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto& label = labels[i];
    if (wolfSSL_export_keying_material(ssl_, out[i].data(), out[i].size(), label.data(), label.size(), nullptr, 0, 0) !=
        WOLFSSL_SUCCESS) {
      return std::nullopt;
    }
  }
  return out;
}

int TlsSession::verify(int preverified, WOLFSSL_X509_STORE_CTX* store) noexcept {
  auto* ssl =
      static_cast<WOLFSSL*>(wolfSSL_X509_STORE_CTX_get_ex_data(store, wolfSSL_get_ex_data_X509_STORE_CTX_idx()));
  if (!ssl) return 0;
  // Only the peer's own certificate counts, not what it sent along; that one is judged last.
  if (wolfSSL_X509_STORE_CTX_get_error_depth(store) != 0) return 1;
  auto* ref = static_cast<ngtcp2_crypto_conn_ref*>(wolfSSL_get_app_data(ssl));
  auto& self = *static_cast<TlsSession*>(ref->user_data);
  // A client that has none, and none is demanded.
  if (preverified != 0 && store->totalCerts == 0 && !self.certificate_demanded) return 1;
  auto* x509 = wolfSSL_X509_STORE_CTX_get_current_cert(store);
  int size = 0;
  const auto* der = x509 ? wolfSSL_X509_get_der(x509, &size) : nullptr;
  if (!der || size <= 0) return 0;
  self.peer = fingerprint_of(ByteView{der, static_cast<std::size_t>(size)});
  self.pin_mismatch = self.pinned_ && *self.pinned_ != *self.peer;
  return self.pin_mismatch ? 0 : 1;
}

// --- TlsContext

TlsContext::TlsContext(const EndpointConfig& config)
    : alpn_{config.alpn},
      certificate_required_for_{config.certificate_required_for},
      certificate_optional_{config.certificate_optional},
      keep_exporter_{!config.exporter_labels.empty()} {}

TlsContext::~TlsContext() {
  wolfSSL_CTX_free(server_);
  wolfSSL_CTX_free(client_);
}

Result<std::unique_ptr<TlsContext>> TlsContext::create(const EndpointConfig& config) {
  init_tls();
  std::unique_ptr<TlsContext> self{new TlsContext{config}};
  self->client_ = wolfSSL_CTX_new(wolfTLSv1_3_client_method());
  self->server_ = wolfSSL_CTX_new(wolfTLSv1_3_server_method());
  if (!self->client_ || !self->server_) return Unexpected{Errc::Internal, "TLS context"};
  ngtcp2_crypto_wolfssl_configure_client_context(self->client_);
  ngtcp2_crypto_wolfssl_configure_server_context(self->server_);
  if (!set_rules(self->client_, config) || !set_rules(self->server_, config)) {
    return Unexpected{Errc::Internal, "TLS ciphers"};
  }
  wolfSSL_CTX_set_verify(self->client_, WOLFSSL_VERIFY_PEER, &TlsSession::verify);
  wolfSSL_CTX_set_verify(self->server_, WOLFSSL_VERIFY_NONE, nullptr);
  wolfSSL_CTX_no_ticket_TLSv13(self->server_);
  wolfSSL_CTX_set_servername_callback(self->server_, &TlsContext::on_server_name);
  wolfSSL_CTX_set_servername_arg(self->server_, self.get());
  if (config.credentials.empty()) return self;

  const auto& [certificate, key] = std::tie(config.credentials.certificate, config.credentials.key);
  if (wolfSSL_CTX_use_certificate_buffer(self->server_, certificate.data(), static_cast<long>(certificate.size()),
                                         WOLFSSL_FILETYPE_ASN1) != WOLFSSL_SUCCESS) {
    return Unexpected{Errc::BadKey, "certificate of the endpoint"};
  }
  if (wolfSSL_CTX_use_PrivateKey_buffer(self->server_, key.data(), static_cast<long>(key.size()),
                                        WOLFSSL_FILETYPE_ASN1) != WOLFSSL_SUCCESS ||
      wolfSSL_CTX_check_private_key(self->server_) != WOLFSSL_SUCCESS) {
    return Unexpected{Errc::BadKey, "key of the endpoint's certificate"};
  }
  return self;
}

Result<void> TlsContext::start(TlsSession& session, WOLFSSL_CTX* context) const {
  session.ssl_ = wolfSSL_new(context);
  if (!session.ssl_) return Unexpected{Errc::Internal, "TLS session"};
  session.ref_.get_conn = [](ngtcp2_crypto_conn_ref* ref) { return static_cast<TlsSession*>(ref->user_data)->conn_; };
  session.ref_.user_data = &session;
  wolfSSL_set_app_data(session.ssl_, &session.ref_);
  if (keep_exporter_) wolfSSL_KeepArrays(session.ssl_);
  if (alpn_.empty()) return {};
  if (wolfSSL_UseALPN(session.ssl_, const_cast<char*>(alpn_.data()), static_cast<unsigned>(alpn_.size()),
                      WOLFSSL_ALPN_FAILED_ON_MISMATCH) != WOLFSSL_SUCCESS) {
    return Unexpected{Errc::Internal, "ALPN"};
  }
  return {};
}

Result<void> TlsContext::start_server(TlsSession& session) const {
  if (auto started = start(session, server_); !started) return started;
  wolfSSL_set_accept_state(session.ssl_);
  return {};
}

Result<void> TlsContext::start_client(TlsSession& session, const DialOptions& options) const {
  if (auto started = start(session, client_); !started) return started;
  session.pinned_ = options.pinned;
  auto* ssl = session.ssl_;
  wolfSSL_set_connect_state(ssl);
  const auto& name = options.server_name;
  if (!name.empty() && wolfSSL_UseSNI(ssl, WOLFSSL_SNI_HOST_NAME, name.data(),
                                      static_cast<unsigned short>(name.size())) != WOLFSSL_SUCCESS) {
    return Unexpected{Errc::Internal, "server name"};
  }
  if (!options.certificate) return {};
  const auto& [certificate, key] = std::tie(options.certificate->certificate, options.certificate->key);
  if (wolfSSL_use_certificate_buffer(ssl, certificate.data(), static_cast<long>(certificate.size()),
                                     WOLFSSL_FILETYPE_ASN1) != WOLFSSL_SUCCESS ||
      wolfSSL_use_PrivateKey_buffer(ssl, key.data(), static_cast<long>(key.size()), WOLFSSL_FILETYPE_ASN1) !=
          WOLFSSL_SUCCESS) {
    return Unexpected{Errc::BadKey, "client certificate"};
  }
  return {};
}

int TlsContext::on_server_name(WOLFSSL* ssl, int* /*alert*/, void* self) noexcept {
  const auto& context = *static_cast<const TlsContext*>(self);
  const auto& names = context.certificate_required_for_;
  const auto name = received_name(ssl);
  if (std::none_of(names.begin(), names.end(), [&](const auto& n) { return same_name(name, n); })) return 0;
  auto* ref = static_cast<ngtcp2_crypto_conn_ref*>(wolfSSL_get_app_data(ssl));
  const bool demanded = !context.certificate_optional_;
  static_cast<TlsSession*>(ref->user_data)->certificate_demanded = demanded;
  wolfSSL_set_verify(ssl, WOLFSSL_VERIFY_PEER | (demanded ? WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                     &TlsSession::verify);
  return 0;
}

}  // namespace wzp::quic
