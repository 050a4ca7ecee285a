#include "wzp/crypto/room.hpp"

#include <algorithm>

#include "concat.hpp"
#include "wzp/base/hex.hpp"
#include "wzp/crypto/hash.hpp"

namespace wzp::crypto {
namespace {

ByteArray<42> offer_bytes(const ByteArray<32>& ephemeral) { return concat<42>({ephemeral, bytes_of("call-offer")}); }
ByteArray<43> answer_bytes(const ByteArray<32>& ephemeral) { return concat<43>({ephemeral, bytes_of("call-answer")}); }

}  // namespace

Signature sign_call_offer(const Identity& identity, const ByteArray<32>& ephemeral) {
  return identity.sign(offer_bytes(ephemeral));
}

bool verify_call_offer(const IdentityKey& identity, const ByteArray<32>& ephemeral, ByteView signature) {
  return verify(identity, offer_bytes(ephemeral), signature);
}

Signature sign_call_answer(const Identity& identity, const ByteArray<32>& ephemeral) {
  return identity.sign(answer_bytes(ephemeral));
}

bool verify_call_answer(const IdentityKey& identity, const ByteArray<32>& ephemeral, ByteView signature) {
  return verify(identity, answer_bytes(ephemeral), signature);
}

ByteArray<8> room_tag(std::string_view canonical_name) {
  const Digest digest = sha256(bytes_of(canonical_name));
  ByteArray<8> tag;
  std::copy_n(digest.begin(), tag.size(), tag.begin());
  return tag;
}

std::string hashed_room_name(std::string_view room) {
  const Digest digest = sha256_of({bytes_of("featherchat-group:"), bytes_of(room)});
  return to_hex(ByteView{digest}.first(16));
}

}  // namespace wzp::crypto
