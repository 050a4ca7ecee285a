#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "relay_process.hpp"
#include "wzp/crypto/identity.hpp"
#include "wzp/net/loop.hpp"
#include "wzp/proto/frame.hpp"
#include "wzp/proto/signal.hpp"
#include "wzp/quic/endpoint.hpp"

namespace wzp::bench {

/// Many clients on one socket or a few: real QUIC, real registrations, real signals. What a phone does beyond that (agreeing on keys, racing
/// paths) is left out, so that the relay is what is measured: offers and answers carry random bytes of the right length as keys and
/// signatures, which no relay looks at.
class Crowd final : public quic::Handler {
 public:
  Crowd(const RelayProcess& relay, std::size_t count, std::uint16_t sockets = 1) : Crowd{std::vector(count, &relay), sockets} {}
  /// Each client with its own relay; they outlive the crowd. The workers of a relay share what comes from several
  /// `sockets`; all that comes from one of them goes to one worker.
  explicit Crowd(const std::vector<const RelayProcess*>& relays, std::uint16_t sockets = 1);
  ~Crowd() override;

  /// Registers everybody, at most 64 at a time. Ends the program with a message when that takes too long.
  void register_all();

  /// Called for every signal of client `index`.
  std::function<void(std::size_t index, const proto::SignalMessage&)> on_signal;
  /// Called for every datagram of the room connection of client `index`.
  std::function<void(std::size_t index, ByteView)> on_media;

  void send(std::size_t index, const proto::SignalMessage& message);
  /// An offer from one client to another.
  void offer(std::size_t from, std::size_t to, const CallId& id);
  void accept(std::size_t index, const proto::DirectCallOffer& offer);
  /// Registers everybody and has the first of each pair call the second, until both are in the room of their call.
  void connect(const std::vector<std::pair<std::size_t, std::size_t>>& calls);
  /// Enters a room; that of a call is `id.room()`. `in_room` tells when the relay has admitted the client.
  void enter_room(std::size_t index, const std::string& room) { dial(index, room); }
  /// Without a word to the others.
  void leave_room(std::size_t index);
  /// What everybody who enters a room says there.
  proto::Caps room_caps;
  [[nodiscard]] bool in_room(std::size_t index) const { return clients_[index].in_room; }
  /// One datagram on the room connection.
  void send_media(std::size_t index, ByteView datagram);

  /// Turns the loop until `done` or 60 s; ends the program with a message in the second case.
  void run_until(const std::function<bool()>& done, const char* what);
  void turn(Duration wait) { loop_->turn(wait); }
  [[nodiscard]] std::size_t size() const noexcept { return clients_.size(); }

  // quic::Handler
  void on_connected(ConnectionId, const quic::ConnectionInfo&) override;
  void on_closed(ConnectionId, const quic::CloseInfo&) override;
  void on_stream(ConnectionId, quic::StreamId, ByteView, bool fin) override;
  void on_datagram(ConnectionId, ByteView) override;

 private:
  struct Client {
    const RelayProcess* relay;
    crypto::Identity identity;
    ConnectionId signal;
    ConnectionId room;
    proto::SignalInbox signals;
    proto::SignalInbox room_signals;
    bool registered = false;
    bool in_room = false;
  };

  [[nodiscard]] quic::Endpoint& endpoint_of(ConnectionId conn) { return *endpoints_[conn.worker()]; }
  void dial(std::size_t index, const std::string& server_name);
  void say(ConnectionId conn, const proto::SignalMessage& message);

  std::unique_ptr<net::Loop> loop_;
  std::vector<std::unique_ptr<quic::Endpoint>> endpoints_;  ///< by the number that their connections carry
  std::vector<std::unique_ptr<quic::Attachment>> attachments_;
  std::vector<Client> clients_;
  std::unordered_map<ConnectionId, std::size_t> owner_;
  std::size_t registered_ = 0;
};

}  // namespace wzp::bench
