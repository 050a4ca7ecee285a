#include "wzp/crypto/registration.hpp"

#include "concat.hpp"
#include "wzp/crypto/hash.hpp"

namespace wzp::crypto {

ByteArray<111> signed_bytes(const Registration& r) {
  return concat<111>({bytes_of("wzp-register-v2"), r.relay.bytes, r.exporter, r.identity});
}

Signature sign_registration(const Identity& identity, const RelayFingerprint& relay, const ExporterValue& exporter) {
  return identity.sign(signed_bytes(Registration{relay, exporter, identity.public_key()}));
}

ExporterValue websocket_exporter(const ByteArray<32>& challenge, std::string_view room) {
  Bytes text;
  append(text, bytes_of("wzp-websocket-v1"));
  append(text, challenge);
  append(text, bytes_of(room));
  return sha256(text);
}

RegistrationProof judge_registration(const Registration& claimed, ByteView signature) {
  if (all_zero(claimed.identity)) return RegistrationProof::Anonymous;
  if (signature.empty()) return RegistrationProof::Unsigned;
  return verify(claimed.identity, signed_bytes(claimed), signature) ? RegistrationProof::Signed
                                                                    : RegistrationProof::Invalid;
}

ByteArray<139> signed_bytes(const RoomBinding& b) {
  return concat<139>({bytes_of("wzp-room-v1"), b.relay.bytes, b.exporter, b.ephemeral, b.identity});
}

Signature sign_room_binding(const Identity& identity, const RelayFingerprint& relay, const ExporterValue& exporter,
                            const ByteArray<32>& ephemeral) {
  return identity.sign(signed_bytes(RoomBinding{relay, exporter, ephemeral, identity.public_key()}));
}

bool verify_room_binding(const RoomBinding& binding, ByteView signature) {
  return verify(binding.identity, signed_bytes(binding), signature);
}

}  // namespace wzp::crypto
