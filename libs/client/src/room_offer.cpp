#include "room_offer.hpp"

#include <utility>

#include "wzp/crypto/room.hpp"

namespace wzp::client {

proto::CallOffer make_room_offer(const crypto::Identity& identity, const std::optional<std::string>& alias,
                                 const RoomRelay& relay, const crypto::EphemeralPublic& ephemeral, proto::Caps caps) {
  const auto signature = crypto::sign_call_offer(identity, ephemeral);
  const auto binding = crypto::sign_room_binding(identity, relay.certificate, relay.exporter, ephemeral);
  proto::CallOffer offer;
  offer.identity_pub = identity.public_key();
  offer.ephemeral_pub = ephemeral;
  offer.signature.assign(signature.begin(), signature.end());
  offer.supported_profiles = {proto::kStudio64k, proto::kStudio48k, proto::kStudio32k,
                              proto::kGood,      proto::kDegraded,  proto::kCatastrophic};
  offer.alias = alias;
  offer.binding.assign(binding.begin(), binding.end());
  offer.caps = std::move(caps);
  return offer;
}

bool holds(const proto::CallAnswer& answer) {
  return crypto::verify_call_answer(answer.identity_pub, answer.ephemeral_pub, answer.signature);
}

}  // namespace wzp::client
