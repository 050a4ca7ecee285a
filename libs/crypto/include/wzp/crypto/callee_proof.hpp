#pragma once

#include "wzp/base/bytes.hpp"
#include "wzp/crypto/call_agreement.hpp"
#include "wzp/crypto/identity.hpp"

namespace wzp::crypto {

/// What only the person that an offer is for can say, and anybody who knows the offer can check: that it has reached
/// them, and that they accept it. Relays tell by it who really has a callee (docs/protocol.md, who has the callee).
/// Nothing secret is in it, and it holds for this one offer.

/// "wzp-ringing-v1" | identity | H(offer_signed): 78 bytes.
[[nodiscard]] Bytes ringing_signed_bytes(const OfferTerms& offer, const IdentityKey& callee);
[[nodiscard]] Signature sign_ringing(const Identity& callee, const OfferTerms& offer);

/// False as well when `callee` is not the key of `offer.target`.
[[nodiscard]] bool verify_ringing(const OfferTerms& offer, const IdentityKey& callee, ByteView signature);
[[nodiscard]] bool verify_answer(const OfferTerms& offer, const IdentityKey& callee, const EphemeralPublic& ephemeral,
                                 ByteView signature);

}  // namespace wzp::crypto
