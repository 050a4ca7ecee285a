/* How wolfSSL is built and how its headers are read: one file for both, because
 * these macros change the layout of public structures. Preprocessor lines only:
 * the assembler sources include it too. */
#ifndef WZP_WOLFSSL_USER_SETTINGS_H
#define WZP_WOLFSSL_USER_SETTINGS_H

/* TLS 1.3 under QUIC, and nothing older. */
#define WOLFSSL_TLS13
#define WOLFSSL_NO_TLS12
#define NO_OLD_TLS
#define WOLFSSL_QUIC
#define HAVE_EX_DATA
#define OPENSSL_EXTRA
#define HAVE_TLS_EXTENSIONS
#define HAVE_SUPPORTED_CURVES
#define HAVE_SNI
#define WOLFSSL_ALWAYS_KEEP_SNI
#define HAVE_ALPN
#define HAVE_KEYING_MATERIAL
#define HAVE_EXTENDED_MASTER
#define HAVE_SESSION_TICKET
#define WOLFSSL_EARLY_DATA

/* Peer certificates. Not SESSION_CERTS: it costs 37 KB per connection, and the
 * verify callback hands out the certificate anyway. */
#define KEEP_PEER_CERT
#define WOLFSSL_ALWAYS_VERIFY_CB
#define WOLFSSL_ALT_CERT_CHAINS
#define WOLFSSL_SYS_CA_CERTS

/* Ciphers and hashes. */
#define HAVE_AESGCM
#define WOLFSSL_AES_COUNTER
#define WOLFSSL_AES_DIRECT
#define HAVE_CHACHA
#define HAVE_POLY1305
#define HAVE_HKDF
#define HAVE_HASHDRBG
#define WOLFSSL_SHA384
#define WOLFSSL_SHA512

/* Keys, and the self-signed certificates made from them. */
#define HAVE_ECC
#define ECC_SHAMIR
#define HAVE_CURVE25519
#define HAVE_ED25519
#define WC_RSA_PSS
#define WOLFSSL_PSS_LONG_SALT
#define WOLFSSL_KEY_GEN
#define WOLFSSL_CERT_GEN
#define WOLFSSL_CERT_EXT
#define WOLFSSL_CERT_REQ
#define WOLFSSL_ALT_NAMES
#define WOLFSSL_ASN_TEMPLATE
#define WOLFSSL_BASE64_ENCODE
#define WOLFSSL_DER_TO_PEM

/* Hardening. */
#define TFM_TIMING_RESISTANT
#define ECC_TIMING_RESISTANT
#define WC_RSA_BLINDING

/* Big integers and speed. AVX and friends are chosen at run time. */
#define WOLFSSL_SP_MATH_ALL
#define SP_INT_BITS 4096
#ifdef __SIZEOF_INT128__
#define HAVE___UINT128_T 1
#endif
#ifdef __x86_64__
#define WOLFSSL_HAVE_SP_ECC
#define WOLFSSL_SP_X86_64
#define WOLFSSL_SP_X86_64_ASM
#define WOLFSSL_X86_64_BUILD
#define WOLFSSL_AESNI
#define USE_INTEL_SPEEDUP
#define WOLFSSL_USE_ALIGN
#else
#define GCM_TABLE_4BIT
#endif

/* Threads: one WOLFSSL_CTX per worker, so never SINGLE_THREADED. */
#define ERROR_QUEUE_PER_THREAD
#define HAVE_THREAD_LS
#define HAVE_GMTIME_R

/* Left out. */
#define NO_DSA
#define NO_DH
#define NO_DES3
#define NO_DES3_TLS_SUITES
#define NO_RC4
#define NO_MD4
#define NO_PSK
#define NO_PKCS12
#define NO_WRITEV
#define WC_NO_ASYNC_THREADING
#define WOLFSSL_NO_SHAKE128
#define WOLFSSL_NO_SHAKE256
#define WOLFSSL_IGNORE_FILE_WARN

#endif
