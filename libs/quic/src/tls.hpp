#pragma once

#include <ngtcp2/ngtcp2_crypto.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wzp/base/bytes.hpp"
#include "wzp/base/fingerprint.hpp"
#include "wzp/base/result.hpp"
#include "wzp/quic/endpoint_config.hpp"

struct WOLFSSL;
struct WOLFSSL_CTX;
struct WOLFSSL_X509_STORE_CTX;

namespace wzp::quic {

/// The TLS half of one connection. It stays where it is: wolfSSL points at it.
///
/// Certificates: any self-signed one is fine, and the peer always proves that it owns its key (TLS checks CertificateVerify
/// whatever our callback says). A pinned fingerprint is compared in this connection's own verification.
class TlsSession {
 public:
  TlsSession() = default;
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;
  ~TlsSession();

  /// Ties the session to its connection: both must exist before the handshake.
  void attach(ngtcp2_conn* conn);
  /// The server name that was sent or received; empty: none.
  [[nodiscard]] std::string server_name() const;
  /// After the handshake: both sides named this protocol, or nobody cares (empty).
  [[nodiscard]] bool speaks(std::string_view alpn) const;
  /// After the handshake: reads the exporter once per label.
  [[nodiscard]] std::optional<std::vector<ByteArray<32>>> finish(std::span<const std::string> labels);

  /// The handshake is over and everything has been read: frees wolfSSL's part, about 10 KB. QUIC has the keys, renews them by
  /// itself, and nothing that TLS sends afterwards (tickets) is of use. Not from within a callback.
  void release();
  [[nodiscard]] bool released() const noexcept { return !ssl_; }

  /// The peer's certificate, once it has been seen.
  std::optional<RelayFingerprint> peer;
  bool pin_mismatch = false;
  /// Server: the name calls for a client certificate.
  bool certificate_demanded = false;

 private:
  friend class TlsContext;
  static int verify(int preverified, WOLFSSL_X509_STORE_CTX* store) noexcept;

  WOLFSSL* ssl_ = nullptr;
  ngtcp2_conn* conn_ = nullptr;
  ngtcp2_crypto_conn_ref ref_{};
  std::optional<RelayFingerprint> pinned_;
};

/// What all connections of an endpoint share in TLS 1.3: certificate, ciphers, rules. No tickets, no 0-RTT (design.md 3.13).
class TlsContext {
 public:
  /// Errors: BadKey (certificate or key unreadable, or not a pair), Internal.
  [[nodiscard]] static Result<std::unique_ptr<TlsContext>> create(const EndpointConfig& config);
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;
  ~TlsContext();

  /// Makes `session` that of a server or a client. Errors: BadKey (client certificate), Internal.
  [[nodiscard]] Result<void> start_server(TlsSession& session) const;
  [[nodiscard]] Result<void> start_client(TlsSession& session, const DialOptions& options) const;

 private:
  explicit TlsContext(const EndpointConfig& config);
  [[nodiscard]] Result<void> start(TlsSession& session, WOLFSSL_CTX* context) const;
  static int on_server_name(WOLFSSL* ssl, int* alert, void* self) noexcept;

  std::string alpn_;
  std::vector<std::string> certificate_required_for_;
  bool certificate_optional_;
  bool keep_exporter_;
  WOLFSSL_CTX* server_ = nullptr;
  WOLFSSL_CTX* client_ = nullptr;
};

}  // namespace wzp::quic
