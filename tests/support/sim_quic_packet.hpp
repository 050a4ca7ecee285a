#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "support/sim_net.hpp"
#include "wzp/base/bytes.hpp"
#include "wzp/base/fingerprint.hpp"

// What the simulated QUIC puts into packets. Structures instead of encrypted bytes: whoever is not an end of the
// connection neither reads nor makes them. Sizes are roughly those of the real thing.

namespace wzp::sim {

using WireId = std::uint64_t;  ///< a QUIC connection id

/// Part of one message. The bytes are shared by all copies of it.
struct StreamFrame {
  std::uint64_t stream = 0;
  std::shared_ptr<const Bytes> message;
  std::size_t offset = 0;
  std::size_t length = 0;
  bool fin = false;
};
struct DatagramFrame {
  std::shared_ptr<const Bytes> data;
  std::uint64_t tag = 0;
};
struct AckFrame {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;  ///< first and last packet number, newest range first
};
struct PingFrame {};
struct HandshakeDoneFrame {};
struct PathChallengeFrame { std::uint64_t data = 0; };
struct PathResponseFrame { std::uint64_t data = 0; };
struct CloseFrame {
  bool application = true;
  std::uint64_t code = 0;
  std::string reason;
};
using Frame = std::variant<StreamFrame, DatagramFrame, AckFrame, PingFrame, HandshakeDoneFrame, PathChallengeFrame,
                           PathResponseFrame, CloseFrame>;

struct QuicPacket : Payload {
  enum class Kind : std::uint8_t { Initial, ServerFlight, ClientFinish, Protected, Reset, Punch };
  Kind kind;
  WireId to = 0;  ///< connection id of the receiver; of an Initial, of its sender

  QuicPacket(Kind k, WireId id, std::size_t bytes) : Payload{bytes}, kind{k}, to{id} {}
};

/// Initial, ServerFlight, ClientFinish.
struct HandshakePacket : QuicPacket {
  WireId from = 0;
  std::string server_name;
  std::optional<RelayFingerprint> certificate;
  bool certificate_demanded = false;
  ByteArray<32> secret{};         ///< what TLS would agree on; the exporters come from it
  std::uint64_t reset_token = 0;  ///< how the sender's resets look
  int owner = 0;                  ///< who it really is: for the judge alone

  using QuicPacket::QuicPacket;
};

struct ProtectedPacket : QuicPacket {
  std::uint64_t number = 0;
  std::vector<Frame> frames;

  using QuicPacket::QuicPacket;
};

/// "I do not know this connection (any more)."
struct ResetPacket : QuicPacket {
  std::uint64_t token = 0;

  using QuicPacket::QuicPacket;
};

}  // namespace wzp::sim
