#pragma once

#include <cstdint>
#include <string_view>

#include "wzp/base/bytes.hpp"
#include "wzp/base/fingerprint.hpp"
#include "wzp/crypto/identity.hpp"

namespace wzp::crypto {

/// Labels of the TLS exporter whose 32 bytes, without context, tie a signature to one connection.
/// Source: crypto.md 2.
inline constexpr std::string_view kRegisterExporterLabel = "wzp register";
inline constexpr std::string_view kRoomExporterLabel = "wzp room";

/// 32 bytes of the exporter of a connection.
using ExporterValue = ByteArray<32>;

/// What `RegisterPresence.signature` says: this key registers at this relay on this connection.
/// A signature copied from another relay or connection is worth nothing here ([V-02]).
struct Registration {
  RelayFingerprint relay;    ///< of the certificate verified on this connection
  ExporterValue exporter{};  ///< of `kRegisterExporterLabel`
  IdentityKey identity{};

  bool operator==(const Registration&) const = default;
};

/// "wzp-register-v2" | relay | exporter | identity.
[[nodiscard]] ByteArray<111> signed_bytes(const Registration& registration);

/// What a client puts into `RegisterPresence.signature`. The identity in the terms is that of `identity`.
[[nodiscard]] Signature sign_registration(const Identity& identity, const RelayFingerprint& relay,
                                          const ExporterValue& exporter);

/// What stands for the exporter where a member comes by WebSocket: SHA-256 of "wzp-websocket-v1" | challenge | room. The
/// challenge is the relay's, 32 fresh random bytes; through the hash no relay can choose it so that what a member signs here
/// is good for a QUIC connection elsewhere.
[[nodiscard]] ExporterValue websocket_exporter(const ByteArray<32>& challenge, std::string_view room);

enum class RegistrationProof : std::uint8_t {
  Signed,     ///< the sender owns the key, on this very connection
  Unsigned,   ///< empty signature: a reference client. Admitted only by an option of the relay
  Anonymous,  ///< all-zero key: a probe that wants no presence; the signature was not looked at
  Invalid,    ///< refuse with "bad signature", close 0x12
};

/// What a relay makes of `identity_pub` and `signature` of a `RegisterPresence`.
[[nodiscard]] RegistrationProof judge_registration(const Registration& claimed, ByteView signature);

/// What `CallOffer.binding` says: this member enters this room by this key on this connection. The exporter
/// covers the ClientHello and with it the room name; a replay ([V-15]) fails.
struct RoomBinding {
  RelayFingerprint relay;    ///< of the certificate verified on this connection
  ExporterValue exporter{};  ///< of `kRoomExporterLabel`
  ByteArray<32> ephemeral{};
  IdentityKey identity{};

  bool operator==(const RoomBinding&) const = default;
};

/// "wzp-room-v1" | relay | exporter | ephemeral | identity.
[[nodiscard]] ByteArray<139> signed_bytes(const RoomBinding& binding);

[[nodiscard]] Signature sign_room_binding(const Identity& identity, const RelayFingerprint& relay,
                                          const ExporterValue& exporter, const ByteArray<32>& ephemeral);

/// Whether `signature` is the binding these terms ask for. False for an empty one: the caller decides
/// whether it may be missing (crypto.md 2).
[[nodiscard]] bool verify_room_binding(const RoomBinding& binding, ByteView signature);

}  // namespace wzp::crypto
