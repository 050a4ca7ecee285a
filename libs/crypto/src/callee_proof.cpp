#include "wzp/crypto/callee_proof.hpp"

namespace wzp::crypto {

Bytes ringing_signed_bytes(const OfferTerms& offer, const IdentityKey& callee) {
  Bytes out;
  append(out, bytes_of("wzp-ringing-v1"));
  append(out, callee);
  append(out, sha256(signed_bytes(offer)));
  return out;
}

Signature sign_ringing(const Identity& callee, const OfferTerms& offer) {
  return callee.sign(ringing_signed_bytes(offer, callee.public_key()));
}

bool verify_ringing(const OfferTerms& offer, const IdentityKey& callee, ByteView signature) {
  return fingerprint_of(callee) == offer.target && verify(callee, ringing_signed_bytes(offer, callee), signature);
}

bool verify_answer(const OfferTerms& offer, const IdentityKey& callee, const EphemeralPublic& ephemeral,
                   ByteView signature) {
  const AnswerTerms terms{ephemeral, callee, sha256(signed_bytes(offer))};
  return fingerprint_of(callee) == offer.target && verify(callee, signed_bytes(terms), signature);
}

}  // namespace wzp::crypto
