#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "wzp/base/bytes.hpp"
#include "wzp/base/fingerprint.hpp"
#include "wzp/base/ids.hpp"
#include "wzp/crypto/call_keys.hpp"
#include "wzp/crypto/hash.hpp"
#include "wzp/crypto/identity.hpp"

namespace wzp::crypto {

/// How two people agree on the keys of a call through relays that neither trusts (crypto.md 3).
///
///   caller: place_offer     -> fields of DirectCallOffer
///   callee: judge_offer     -> Sealed: answer_offer -> fields of DirectCallAnswer, and the keys
///   caller: judge_answer    -> Sealed: the keys
///
/// A valid signature is the only announcement of the feature: no capability, option or missing field can
/// turn a signed call into a plain one.
enum class Agreement : std::uint8_t {
  Sealed,    ///< signed and everything fits: the call is sealed, now and to its end
  Unsigned,  ///< no signature at all: a reference peer, or a relay that stripped it. See `may_proceed`
  Invalid,   ///< anything else: always refused, with a message of its own
};

/// Whether a call with this verdict may go on. An unsigned one may only if the user said
/// `--allow-unsealed` and this fingerprint has never signed to us before.
[[nodiscard]] constexpr bool may_proceed(Agreement verdict, bool allow_unsealed, bool has_signed_before) noexcept {
  return verdict == Agreement::Sealed || (verdict == Agreement::Unsigned && allow_unsealed && !has_signed_before);
}

/// What the caller signs.
struct OfferTerms {
  EphemeralPublic ephemeral{};
  IdentityKey identity{};
  Fingerprint target;
  CallId call_id;

  bool operator==(const OfferTerms&) const = default;
};

/// What the callee signs.
struct AnswerTerms {
  EphemeralPublic ephemeral{};
  IdentityKey identity{};
  Digest offer_hash{};

  bool operator==(const AnswerTerms&) const = default;
};

/// "wzp-offer-v1" | ephemeral | identity | target | call id: 93 to 150 bytes.
[[nodiscard]] Bytes signed_bytes(const OfferTerms& terms);
/// "wzp-answer-v1" | ephemeral | identity | H(offer_signed): 109 bytes.
[[nodiscard]] Bytes signed_bytes(const AnswerTerms& terms);

/// What the caller sends and what it keeps until the answer comes.
struct PlacedOffer {
  OfferTerms terms;       ///< `identity_pub` and `ephemeral_pub` of the message are in here
  Signature signature{};  ///< `signature` of the message
  EphemeralKey ephemeral;
};

[[nodiscard]] PlacedOffer place_offer(const Identity& identity, const EphemeralKey& ephemeral,
                                      const Fingerprint& target, const CallId& call_id);

/// The fields of a `DirectCallOffer` that count, as they came.
struct OfferFields {
  Fingerprint caller;  ///< `caller_fingerprint`
  Fingerprint target;  ///< `target_fingerprint`
  CallId call_id;
  IdentityKey identity_pub{};
  EphemeralPublic ephemeral_pub{};
  ByteView signature;
};

struct OfferVerdict {
  Agreement agreement = Agreement::Invalid;
  /// For people, when not sealed: "the offer's signature does not verify".
  std::string_view why;
  /// Checked terms, if sealed. What `answer_offer` needs.
  std::optional<OfferTerms> terms;
};

/// The callee's judgement. `own` is the fingerprint of the callee itself. That a call id is not answered
/// twice is for the caller of this function to see to: 256 ids, 10 minutes (crypto.md 3).
[[nodiscard]] OfferVerdict judge_offer(const OfferFields& fields, const Fingerprint& own);

/// What the callee sends, and the keys it has from then on.
struct SignedAnswer {
  AnswerTerms terms;  ///< `identity_pub` and `ephemeral_pub` of the message are in here
  Signature signature{};
  CallKeys keys;
};

/// Accepts a sealed offer. Errors: BadKey, when the caller's ephemeral key is of low order; refuse the
/// call as invalid then.
[[nodiscard]] Result<SignedAnswer> answer_offer(const Identity& identity, const EphemeralKey& ephemeral,
                                                const OfferTerms& checked);

/// The fields of an accepting `DirectCallAnswer` that count, as they came.
struct AnswerFields {
  CallId call_id;
  std::optional<IdentityKey> identity_pub;
  std::optional<EphemeralPublic> ephemeral_pub;
  ByteView signature;  ///< empty when the field is absent
};

struct AnswerVerdict {
  Agreement agreement = Agreement::Invalid;
  /// For people, when not sealed.
  std::string_view why;
  /// The keys of the call, if sealed.
  std::optional<CallKeys> keys;
};

/// The caller's judgement on the first accepting answer; later ones are ignored by the caller of this
/// function. A signature over anything but this very offer, by anybody but the person dialled, is Invalid.
[[nodiscard]] AnswerVerdict judge_answer(const PlacedOffer& offer, const AnswerFields& fields);

}  // namespace wzp::crypto
