#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/world.hpp"
#include "support/sim_quic.hpp"
#include "wzp/crypto/identity.hpp"

namespace wzp::sim {

/// A registered client that keeps to no rule: it knows the ids of calls that are none of its business, and says about
/// them whatever comes to its mind, to relays, in rooms, and to phones directly. Nothing of that may have any effect on
/// the people who call each other (V-01 to V-05, V-13, V-15, V-16).
class Hostile final : public quic::Handler {
 public:
  Hostile(World& world, SimRelay& relay);

  void start();
  /// One random trick.
  void act();
  void stop();
  [[nodiscard]] const crypto::Identity& identity() const { return identity_; }
  [[nodiscard]] int tricks() const { return tricks_; }

  // quic::Handler
  void on_connected(ConnectionId, const quic::ConnectionInfo&) override;
  void on_closed(ConnectionId, const quic::CloseInfo&) override;
  void on_stream(ConnectionId, quic::StreamId, ByteView, bool) override {}

 private:
  /// What is to be said on a connection as soon as it is there.
  struct Speech {
    ConnectionId conn;
    std::vector<Bytes> messages;
    Bytes datagram;
    bool registers = false;
    bool binds = false;
    std::optional<crypto::IdentityKey> as;  ///< claims this key
  };

  void say(const proto::SignalMessage& message);
  void say(ByteView bytes);
  void dial(const SocketAddress& to, const std::string& server_name, Speech speech);
  [[nodiscard]] const CallTruth* victim();
  [[nodiscard]] proto::DirectCallOffer offer(const std::string& caller, const std::string& target, const std::string& id);

  void claim_the_answer(const CallTruth& call);
  void hang_up(const CallTruth& call);
  void report(const CallTruth& call);
  void forge_an_offer(const CallTruth& call);
  void take_the_id(const CallTruth& call);
  void enter_the_room(const CallTruth& call);
  void knock(const CallTruth& call);
  void register_as(const CallTruth& call);
  void play_a_relay(const CallTruth& call);
  void babble();

  World& world_;
  SimRelay& relay_;
  Random random_;
  crypto::Identity identity_;
  int owner_;
  SimEndpoint endpoint_;
  std::optional<ConnectionId> signal_;
  std::vector<Speech> speeches_;
  int tricks_ = 0;
};

}  // namespace wzp::sim
