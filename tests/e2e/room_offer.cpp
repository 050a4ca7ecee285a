// Prints the CallOffer of a member of a room, signed as a client would, for tests that speak the protocol themselves.
//
//   room-offer SEED-FILE RELAY-FINGERPRINT CHALLENGE ROOM [--unbound] [--alias NAME] [--cap NAME]...
//
// RELAY-FINGERPRINT and CHALLENGE are those of the WebSocket it is for; with --unbound the offer has no binding to it.

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "wzp/base/hex.hpp"
#include "wzp/crypto/registration.hpp"
#include "wzp/crypto/room.hpp"
#include "wzp/proto/signal_json.hpp"

namespace {

using namespace wzp;

[[noreturn]] void give_up(std::string_view why) {
  fmt::print(stderr, "room-offer: {}\n", why);
  std::exit(2);
}

crypto::Identity read_identity(const std::string& path) {
  std::ifstream file{path};
  std::string text;
  file >> text;
  const auto seed = crypto::parse_seed(text);
  if (!seed) give_up(to_string(seed.error()));
  return crypto::Identity{*seed};
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() < 4) give_up("usage: room-offer SEED-FILE RELAY-FINGERPRINT CHALLENGE ROOM [--unbound] [--alias NAME] [--cap NAME]...");
  const auto identity = read_identity(words[0]);
  const auto relay = RelayFingerprint::parse(words[1]);
  const auto challenge = array_from_hex<32>(words[2]);
  if (!relay || !challenge) give_up("bad fingerprint or challenge");

  // Nobody derives a key from it: rooms are not sealed.
  const ByteArray<32> ephemeral{9};
  const auto signature = crypto::sign_call_offer(identity, ephemeral);
  const auto binding = crypto::sign_room_binding(identity, *relay, crypto::websocket_exporter(*challenge, words[3]), ephemeral);
  proto::CallOffer offer;
  offer.identity_pub = identity.public_key();
  offer.ephemeral_pub = ephemeral;
  offer.signature.assign(signature.begin(), signature.end());
  offer.supported_profiles = {proto::kGood};
  offer.binding.assign(binding.begin(), binding.end());
  for (std::size_t i = 4; i < words.size(); ++i) {
    if (words[i] == "--unbound") {
      offer.binding.clear();
    } else if (words[i] == "--alias" && i + 1 < words.size()) {
      offer.alias = words[++i];
    } else if (words[i] == "--cap" && i + 1 < words.size()) {
      offer.caps.push_back(words[++i]);
    } else {
      give_up("what is " + words[i] + "?");
    }
  }
  fmt::print("{}\n", proto::encode(offer));
  return 0;
}
