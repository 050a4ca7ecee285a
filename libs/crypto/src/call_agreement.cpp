#include "wzp/crypto/call_agreement.hpp"

namespace wzp::crypto {
namespace {

Bytes joined(std::initializer_list<ByteView> parts) {
  Bytes out;
  for (const ByteView part : parts) append(out, part);
  return out;
}

OfferVerdict refused(std::string_view why) { return {Agreement::Invalid, why, std::nullopt}; }
AnswerVerdict refused_answer(std::string_view why) { return {Agreement::Invalid, why, std::nullopt}; }

}  // namespace

Bytes signed_bytes(const OfferTerms& t) {
  return joined({bytes_of("wzp-offer-v1"), t.ephemeral, t.identity, t.target.bytes, bytes_of(t.call_id.text())});
}

Bytes signed_bytes(const AnswerTerms& t) {
  return joined({bytes_of("wzp-answer-v1"), t.ephemeral, t.identity, t.offer_hash});
}

PlacedOffer place_offer(const Identity& identity, const EphemeralKey& ephemeral, const Fingerprint& target,
                        const CallId& call_id) {
  OfferTerms terms{ephemeral.public_key(), identity.public_key(), target, call_id};
  const Signature signature = identity.sign(signed_bytes(terms));
  return {std::move(terms), signature, ephemeral};
}

OfferVerdict judge_offer(const OfferFields& f, const Fingerprint& own) {
  if (f.signature.empty()) return {Agreement::Unsigned, "the offer is not signed", std::nullopt};
  if (f.call_id.empty()) return refused("the offer has no call id");
  if (all_zero(f.identity_pub) || all_zero(f.ephemeral_pub)) return refused("the offer is signed but lacks a key");
  if (fingerprint_of(f.identity_pub) != f.caller) return refused("the offer's key is not that of the caller it names");
  if (f.target != own) return refused("the offer is for somebody else");
  OfferTerms terms{f.ephemeral_pub, f.identity_pub, f.target, f.call_id};
  if (!verify(terms.identity, signed_bytes(terms), f.signature))
    return refused("the offer's signature does not verify");
  return {Agreement::Sealed, {}, std::move(terms)};
}

Result<SignedAnswer> answer_offer(const Identity& identity, const EphemeralKey& ephemeral, const OfferTerms& checked) {
  const AnswerTerms terms{ephemeral.public_key(), identity.public_key(), sha256(signed_bytes(checked))};
  const Bytes to_sign = signed_bytes(terms);
  auto keys = derive_call_keys(ephemeral, checked.ephemeral, terms.offer_hash, sha256(to_sign));
  if (!keys) return keys.failure();
  return SignedAnswer{terms, identity.sign(to_sign), *std::move(keys)};
}

AnswerVerdict judge_answer(const PlacedOffer& offer, const AnswerFields& f) {
  if (f.call_id != offer.terms.call_id) return refused_answer("the answer is for another call");
  if (f.signature.empty()) return {Agreement::Unsigned, "the answer is not signed", std::nullopt};
  if (!f.identity_pub || !f.ephemeral_pub || all_zero(*f.identity_pub) || all_zero(*f.ephemeral_pub))
    return refused_answer("the answer is signed but lacks a key");
  if (fingerprint_of(*f.identity_pub) != offer.terms.target)
    return refused_answer("the answer's key is not that of the person dialled");
  const AnswerTerms terms{*f.ephemeral_pub, *f.identity_pub, sha256(signed_bytes(offer.terms))};
  const Bytes signed_by_peer = signed_bytes(terms);
  if (!verify(*f.identity_pub, signed_by_peer, f.signature))
    return refused_answer("the answer's signature does not verify");
  auto keys = derive_call_keys(offer.ephemeral, terms.ephemeral, terms.offer_hash, sha256(signed_by_peer));
  if (!keys) return refused_answer("the answer's ephemeral key is unusable");
  return {Agreement::Sealed, {}, *std::move(keys)};
}

}  // namespace wzp::crypto
